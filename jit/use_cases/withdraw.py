"""Withdrawing one's own request."""

from jit.facts import Withdrawn
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core


def withdraw(core: Core, *, by: Actor, request_id: str) -> Request:
    """Take one's own request back before anything was given. Raises Refusal, LedgerUnavailable."""
    attempt = Attempt(core, by, "withdraw")

    def act() -> Request:
        request = attempt.own_request(request_id, Withdrawn)
        return attempt.record(request, [Withdrawn.about(request, **attempt.signed())])

    return attempt.until_recorded(request_id, act)
