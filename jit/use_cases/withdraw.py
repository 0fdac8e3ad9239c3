"""Withdrawing one's own request, or the extension that one asked for."""

from jit.facts import ExtensionWithdrawn, Withdrawn
from jit.requests.lifecycle import Request, State
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core


def withdraw(core: Core, *, by: Actor, request_id: str, digest: str = "") -> Request:
    """Take one's own request back before anything was given. Of active access, the extension that waits and has this
    ``digest``: the access goes on. Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "withdraw")

    def act() -> Request:
        request = attempt.request(request_id)
        waiting = request.extension
        if waiting is not None and waiting.state is State.PENDING and waiting.digest == digest:
            request = attempt.own_request(request_id, ExtensionWithdrawn)
            return attempt.record(request, [ExtensionWithdrawn.about(waiting, **attempt.signed())])
        request = attempt.own_request(request_id, Withdrawn)
        return attempt.record(request, [Withdrawn.about(request, **attempt.signed())])

    return attempt.until_recorded(request_id, act)
