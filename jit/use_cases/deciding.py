"""What must hold of a press on Approve or Deny before it decides anything."""

from jit.facts import Approval, Denied, RefusalReason
from jit.people.person import Groups
from jit.policy import StaleGroups
from jit.requests.decision import CannotTell, DoesNotHold, Rules, rules_for
from jit.requests.lifecycle import Request
from jit.use_cases.attempt import Attempt


def to_decide(
    attempt: Attempt, request_id: str, digest: str, step: type[Approval] | type[Denied]
) -> tuple[Request, Rules, Groups]:
    """The request that the actor may decide on, what its rules are now, and by which snapshot of the groups.

    Whoever may not decide is told that before anything about how the request stands. Raises Refusal.
    """
    core, by = attempt.core, attempt.by
    request = attempt.request(request_id)
    if by.id == request.requester:
        attempt.refuse(RefusalReason.OWN_REQUEST, request)
    try:
        rules = rules_for(request, core.policies)
        groups = core.directory.groups()
        counts = rules.policy.counts_for(rules.rule, by.id, request.requester, groups, core.clock.now())
    except (DoesNotHold, CannotTell) as wrong:
        attempt.require_may_follow(request, step)
        attempt.refuse(wrong.reason, request)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    if not counts:
        attempt.refuse(RefusalReason.NOT_ALLOWED_TO_DECIDE, request)
    attempt.require_may_follow(request, step)
    if core.clock.now() >= request.pending_until:
        attempt.refuse(RefusalReason.LAPSED, request)
    if digest != request.digest:
        attempt.refuse(RefusalReason.CARD_CHANGED, request)
    return request, rules, groups
