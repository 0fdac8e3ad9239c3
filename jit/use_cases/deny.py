"""Denying a request."""

from jit.facts import Denied
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core
from jit.use_cases.deciding import to_decide


def may_deny(core: Core, *, by: Actor, request_id: str, digest: str) -> Request:
    """Whether a press on Deny leads anywhere, before a reason is asked for. Decides nothing. Raises as `deny`."""
    return to_decide(Attempt(core, by, "deny"), request_id, digest, Denied)[0]


def deny(core: Core, *, by: Actor, request_id: str, digest: str, reason: str) -> Request:
    """Say no to what the card with this digest showed, and why. Raises Refusal, LedgerUnavailable."""
    attempt = Attempt(core, by, "deny")

    def act() -> Request:
        request, rules = to_decide(attempt, request_id, digest, Denied)
        attempt.require_text(request, reason)
        version = rules.policy.version
        more = {"approver": by.id, "digest": digest, "reason": reason, "policy_version": version}
        return attempt.record(request, [Denied.about(request, **attempt.signed(), **more)])

    return attempt.until_recorded(request_id, act)
