"""Approving a request."""

from dataclasses import dataclass

from jit.facts import (
    Alert,
    Approval,
    Approved,
    Counted,
    ExtensionApproval,
    ExtensionApproved,
    Life,
    Narrowed,
    RefusalReason,
)
from jit.policy import QuorumStatus
from jit.requests.decision import Decision, Outcome, Rules, evaluate
from jit.requests.due import begin_by
from jit.requests.lifecycle import Request, apply
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.break_glass import alert, by_break_glass
from jit.use_cases.core import Core
from jit.use_cases.deciding import is_one_of, to_decide


@dataclass(frozen=True, slots=True)
class ApprovalResult:
    """The request after an approval, what is decided with it, and whether workers could be told of it."""

    request: Request
    decision: Decision
    announced: bool = True


def approve(core: Core, *, by: Actor, request_id: str, digest: str) -> ApprovalResult:
    """Say yes to what the card with this digest showed, a request or an extension. Decides if every quorum is met by
    now.

    Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "approve")
    return attempt.until_recorded(request_id, lambda: _approve(attempt, request_id, digest))


def _approve(attempt: Attempt, request_id: str, digest: str) -> ApprovalResult:
    request, rules = to_decide(attempt, request_id, digest, Approval)
    if is_one_of(attempt, request, request.approvers, rules.policy):
        attempt.refuse(RefusalReason.ALREADY_APPROVED, request)
    return say_yes(attempt, request, rules)


def say_yes(attempt: Attempt, before: Request, rules: Rules, narrowed: Narrowed | None = None) -> ApprovalResult:
    """Record the actor's yes to a request that they may decide on, as it is once it is ``narrowed``. Decides if every
    quorum is met by now. Raises Refusal, Conflict, LedgerUnavailable.
    """
    core, by = attempt.core, attempt.by
    attempt.require_unlocked(before)
    request = apply(before, narrowed) if narrowed else before
    decision = evaluate(request, (*request.approvers, by.id), rules, core.directory, core.clock.now())
    if decision.reason and decision.reason is not RefusalReason.QUORUM_GONE:  # which others may still complete
        attempt.refuse(decision.reason, before)
    labels = tuple(quorum.label for quorum, counted in decision.quorum_status.parts if by.id in counted)
    if not labels:
        alone = evaluate(request, (by.id,), rules, core.directory, core.clock.now()).quorum_status
        needless = any(by.id in counted for _, counted in alone.parts)
        attempt.refuse(RefusalReason.NOT_NEEDED if needless else RefusalReason.NOT_ALLOWED_TO_DECIDE, before)
    common = attempt.signed(decision.at) | {"policy_version": rules.policy.version, "digest": request.digest}
    extends = request.extends is not None
    said = {"approver": by.id, "quorums": labels, "groups_as_of": decision.groups_as_of, **common}
    mine = (ExtensionApproval if extends else Approval).about(request, **said)
    facts: list[Life] = [*([narrowed] if narrowed else []), mine]
    beside: list[Alert] = []
    decided = decision.outcome is Outcome.HOLDS
    if decided:
        said = {"counted": _counted((*request.approvals, mine), decision.quorum_status), **common}
        said["begin_by"] = begin_by(request, decision.at)
        if extends:
            facts.append(ExtensionApproved.about(request, **said))
        else:
            approved = Approved.about(request, by_rule=by_break_glass(request), **said)
            facts.append(approved)
            beside = [alert(request, approved)] if request.emergency else []
    after = attempt.record(before, facts, beside)
    announced = not decided or attempt.announce_grant(after)
    return ApprovalResult(after, decision, announced)


def _counted(approvals: tuple[Approval | ExtensionApproval, ...], quorum_status: QuorumStatus) -> tuple[Counted, ...]:
    ids = {approval.approver: approval.id for approval in approvals}
    return tuple(
        Counted(approval=ids[person], approver=person, quorum=quorum.label)
        for quorum, people in quorum_status.parts
        for person in people
    )
