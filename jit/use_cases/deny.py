"""Denying a request."""

from jit.facts import Denial, Denied, ExtensionDenial, ExtensionDenied, RefusalReason
from jit.policy import StaleGroups
from jit.requests.decision import Rules, groups_for
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core
from jit.use_cases.deciding import is_one_of, to_decide


def may_deny(core: Core, *, by: Actor, request_id: str, digest: str) -> Request:
    """Whether a press on Deny leads anywhere, before a reason is asked for. Decides nothing. Raises as `deny`."""
    return to_decide(Attempt(core, by, "deny"), request_id, digest, Denied)[0]


def deny(core: Core, *, by: Actor, request_id: str, digest: str, reason: str) -> Request:
    """Say no to what the card with this digest showed, and why. Where the rule wants the no of several, it takes back
    this person's yes, and decides with the last that is wanted. Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "deny")

    def act() -> Request:
        request, rules = to_decide(attempt, request_id, digest, Denied)
        attempt.require_reason(request, reason)
        enough = _others_who_denied(attempt, request, rules) + 1 >= rules.rule.denials_needed
        version = rules.policy.version
        more = {"approver": by.id, "digest": digest, "reason": reason, "policy_version": version}
        decides, counts = (ExtensionDenied, ExtensionDenial) if request.extends else (Denied, Denial)
        kind = decides if enough else counts
        return attempt.record(request, [kind.about(request, **attempt.signed(), **more)])

    return attempt.until_recorded(request_id, act)


def _others_who_denied(attempt: Attempt, request: Request, rules: Rules) -> int:
    """As many people as still may decide. Raises Refusal."""
    core, now = attempt.core, attempt.core.clock.now()
    groups, denied = groups_for(request, core.directory), (each.approver for each in request.denials)
    if is_one_of(attempt, request, denied, rules.policy):
        attempt.refuse(RefusalReason.ALREADY_DENIED, request)
    try:
        people = {
            rules.policy.first_account(each.approver)
            for each in request.denials
            if rules.policy.counts_for(rules.rule, each.approver, request.requester, groups, now)
        }
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    return len(people - {rules.policy.first_account(attempt.by.id)})
