"""Deny asks for the reason in a form, and is decided when that is sent."""

from collections.abc import Sequence

from slack_bolt import App

from bot import answers
from bot.buttons import DENY, Pressed, values_of
from bot.forms import DENY_FORM, deny_form
from bot.listeners import reasons
from bot.listeners.caller import Caller
from bot.listeners.context import ListenerContext
from bot.views.text import Json
from jit.requests.lifecycle import Request
from jit.requests.refusal import Refusal
from jit.use_cases.deciding import theirs
from jit.use_cases.deny import deny, may_deny


def register(app: App, ctx: ListenerContext) -> None:
    each = reasons.ReasonedAct(
        action=DENY,
        form=DENY_FORM,
        pressed="deny",
        attempted="deny",
        begin=_begin,
        act=_deny,
        done=answers.denied,
    )
    reasons.register(app, ctx, each)


def _begin(ctx: ListenerContext, caller: Caller, buttons: Sequence[Pressed]) -> Json:
    """For those alone that may be denied. Raises Refusal, where none may."""
    may: list[tuple[Pressed, Request]] = []
    refused: Refusal | None = None
    their = theirs(ctx.core, by=caller.by, request_ids=[button.request_id for button in buttons])
    for button in [each for each in buttons if each.request_id in their]:
        try:
            may.append((button, may_deny(ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest)))
        except Refusal as refusal:
            refused = refused or refusal
    if refused and not may:
        raise refused
    return deny_form(values_of(button for button, _ in may), may[0][0].request_id, [request for _, request in may])


def _deny(ctx: ListenerContext, caller: Caller, button: Pressed, reason: str) -> Request:
    return deny(ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest, reason=reason)
