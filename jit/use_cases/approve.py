"""Approving a request."""

from dataclasses import dataclass

from jit.facts import BEGIN_WITHIN, Approval, Approved, Counted, RefusalReason
from jit.policy import Tally
from jit.requests.decision import CannotTell, DoesNotHold, weigh
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core
from jit.use_cases.deciding import to_decide


@dataclass(frozen=True, slots=True)
class ApprovalResult:
    """The request after an approval, how far its rule is met, and whether workers could be told of it."""

    request: Request
    tally: Tally
    announced: bool = True


def approve(core: Core, *, by: Actor, request_id: str, digest: str) -> ApprovalResult:
    """Say yes to what the card with this digest showed. Decides if every quorum is met by now.

    Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "approve")
    return attempt.until_recorded(request_id, lambda: _approve(attempt, request_id, digest))


def _approve(attempt: Attempt, request_id: str, digest: str) -> ApprovalResult:
    core, by = attempt.core, attempt.by
    request, rules, groups = to_decide(attempt, request_id, digest, Approval)
    if by.id in request.approvers:
        attempt.refuse(RefusalReason.ALREADY_APPROVED, request)
    now = core.clock.now()
    try:
        tally = weigh(request, (*request.approvers, by.id), rules, core.directory, now)
    except (DoesNotHold, CannotTell) as wrong:
        attempt.refuse(wrong.reason, request)
    mine_counts_for = tuple(quorum.label for quorum, counted in tally.parts if by.id in counted)
    if not mine_counts_for:
        attempt.refuse(RefusalReason.NOT_ALLOWED_TO_DECIDE, request)
    common = {"at": now, "actor": by.id, "source": by.source, "policy_version": rules.policy.version, "digest": digest}
    mine = Approval.about(request, approver=by.id, quorums=mine_counts_for, groups_as_of=groups.as_of, **common)
    facts: list[Approval | Approved] = [mine]
    if tally.complete:
        counted = _counted((*request.approvals, mine), tally)
        facts.append(Approved.about(request, counted=counted, begin_by=now + BEGIN_WITHIN, **common))
    after = attempt.record(request, facts)
    announced = not tally.complete or attempt.announce(core.queue.grant, request.id)
    return ApprovalResult(after, tally, announced)


def _counted(approvals: tuple[Approval, ...], tally: Tally) -> tuple[Counted, ...]:
    ids = {approval.approver: approval.id for approval in approvals}
    return tuple(
        Counted(approval=ids[person], approver=person, quorum=quorum.label)
        for quorum, people in tally.parts
        for person in people
    )
