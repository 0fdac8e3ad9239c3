"""What must hold of a press on Approve or Deny before it decides anything."""

from jit.facts import Approval, Denied, Narrowed, RefusalReason
from jit.policy import StaleGroups
from jit.requests.decision import Rules, evaluate, rules_for
from jit.requests.lifecycle import Request
from jit.use_cases.attempt import Attempt


def to_decide(
    attempt: Attempt, request_id: str, digest: str, step: type[Approval] | type[Denied] | type[Narrowed]
) -> tuple[Request, Rules]:
    """The request that the actor may decide on, and what its rules are now.

    Whoever may not decide is told that before anything about how the request stands. Raises Refusal.
    """
    core, by = attempt.core, attempt.by
    request = attempt.request(request_id)
    if by.id == request.requester:
        attempt.refuse(RefusalReason.OWN_REQUEST, request)
    rules = rules_for(request, core.policies)
    if isinstance(rules, RefusalReason):
        attempt.require_may_follow(request, step)
        attempt.refuse(rules, request)
    groups, now = core.directory.groups(), core.clock.now()
    try:
        counts = rules.policy.counts_for(rules.rule, by.id, request.requester, groups, now)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    if not counts:
        attempt.refuse(RefusalReason.NOT_ALLOWED_TO_DECIDE, request)
    attempt.require_may_follow(request, step)
    if now >= request.pending_until:
        attempt.refuse(RefusalReason.LAPSED, request)
    if digest != request.digest:
        attempt.refuse(RefusalReason.CARD_CHANGED, request)
    _require_turn(attempt, request, rules)
    return request, rules


def _require_turn(attempt: Attempt, request: Request, rules: Rules) -> None:
    """Whose quorums all come in a later stage waits until the earlier ones are complete. Raises Refusal."""
    if all(quorum.stage == 1 for quorum in rules.rule.quorums):
        return
    core, by = attempt.core, attempt.by
    groups, now = core.directory.groups(), core.clock.now()
    decision = evaluate(request, request.approvers, rules, core.directory, now)
    own = (quorum.stage for quorum in rules.rule.quorums if rules.policy.includes(quorum.who, by.id, groups, now))
    if min(own, default=1) > decision.quorum_status.stage:
        attempt.refuse(RefusalReason.NOT_YET, request)
