"""Deny asks for the reason in a form, and is decided when that is sent."""

from slack_bolt import App

from bot import answers
from bot.buttons import DENY, Pressed, value_of
from bot.forms import DENY_FORM, deny_form
from bot.listeners import reasons
from bot.listeners.caller import Caller
from bot.listeners.context import ListenerContext
from bot.views.text import Json
from jit.requests.lifecycle import Request
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


def _begin(ctx: ListenerContext, caller: Caller, button: Pressed) -> Json:
    may_deny(ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest)
    return deny_form(value_of(*button), button.request_id)


def _deny(ctx: ListenerContext, caller: Caller, button: Pressed, reason: str) -> Request:
    return deny(ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest, reason=reason)
