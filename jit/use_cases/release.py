"""Releasing one's own access."""

from jit.facts import Released
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core


def release(core: Core, *, by: Actor, request_id: str) -> Request:
    """Give one's own access back before its time. Raises Refusal, LedgerUnavailable."""
    attempt = Attempt(core, by, "release")

    def act() -> Request:
        request = attempt.own_request(request_id, Released)
        after = attempt.record(request, [Released.about(request, **attempt.signed())])
        attempt.announce(core.queue.revoke, request.id)
        return after

    return attempt.until_recorded(request_id, act)
