"""Deny asks for the reason in a form, and is decided when that is sent."""

from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import DENY, BadValue, read_value
from bot.forms import DENY_FORM, deny_form
from bot.listeners.caller import Caller, Place, entered, pressed_value, text_at, view_of
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form
from jit.facts import RefusalReason
from jit.requests.intake import REASON, text_trouble
from jit.requests.lifecycle import Request
from jit.requests.refusal import Refusal
from jit.use_cases.deny import deny, may_deny


def register(app: App, ctx: ListenerContext) -> None:
    def ask_why(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        value = pressed_value(body)
        try:
            button = read_value(value)
        except BadValue:
            refuse_press(ctx, caller, "deny", RefusalReason.MALFORMED)
            return

        def open_if_allowed() -> None:
            may_deny(ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest)
            open_form(ctx, caller.place, text_at(body, "trigger_id"), deny_form(str(value), button.request_id))

        ctx.run(caller, "deny", open_if_allowed, button.request_id)

    def send(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        reason = entered(view, REASON)
        if trouble := text_trouble(reason):
            ack(response_action="errors", errors={REASON: trouble})
            return
        try:
            button = read_value(text_at(view, "private_metadata"))
        except BadValue:
            ack()
            refuse_press(ctx, caller, "deny", RefusalReason.MALFORMED)
            return

        place = _place(caller, None)

        def decide() -> Answer:
            nonlocal place
            try:
                request = deny(
                    ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest, reason=reason
                )
            except Refusal as refusal:
                place = _place(caller, refusal.request)
                raise
            place = _place(caller, request)
            return answers.denied(request)

        if ctx.try_run(caller, lambda: place, decide):
            ack()
            return
        ack(response_action="errors", errors={REASON: answers.BUSY})
        ctx.record_busy(caller, "deny", button.request_id)

    app.action(DENY)(ask_why)
    app.view(DENY_FORM)(send)


def _place(caller: Caller, request: Request | None) -> Place:
    """The request's channel: a form has no response url, and its hidden field carries the button alone."""
    return Place(caller.place.person, request.channel if request else "")
