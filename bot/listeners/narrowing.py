"""Approve less opens a form of what is asked; what is left when that is sent is approved."""

from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import LESS, BadValue, Pressed, read_value, value_of
from bot.forms import LESS_FORM, kept, less_form
from bot.listeners.caller import Caller, Place, entered, pressed_value, text_at, ticked, view_of
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form
from jit.facts import RefusalReason
from jit.ledger import LedgerUnavailable, TamperedEntry
from jit.requests.intake import DURATION, REASON, BadInput
from jit.requests.less import PERMISSIONS, read_less
from jit.requests.lifecycle import Request
from jit.use_cases.narrow import LessForm, may_narrow, narrow


def register(app: App, ctx: ListenerContext) -> None:
    def pressed(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            button = read_value(pressed_value(body))
        except BadValue:
            refuse_press(ctx, caller, "narrow", RefusalReason.MALFORMED)
            return

        def open_if_allowed() -> Answer:
            request = may_narrow(ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest)
            open_form(ctx, caller.place, text_at(body, "trigger_id"), less_form(value_of(*button), request))
            return None

        ctx.run(caller, "narrow", open_if_allowed, button.request_id)

    def sent(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        try:
            button = read_value(text_at(view, "private_metadata"))
        except BadValue:
            ack()
            refuse_press(ctx, caller, "narrow", RefusalReason.MALFORMED)
            return
        request = _shown(ctx, button)
        less = LessForm(entered(view, DURATION), kept(ticked(view, PERMISSIONS), request) if request else ())
        less = LessForm(less.duration, less.permissions, entered(view, REASON))
        if request and (errors := _errors(request, less)):
            ack(response_action="errors", errors=errors)
            return
        place = Place(caller.place.person, request.channel if request else "")

        def decide() -> Answer:
            done = narrow(ctx.core, by=caller.by, request_id=button.request_id, digest=button.digest, less=less)
            return answers.approved(done, ctx.directory.name)

        if ctx.try_run(caller, lambda: place, decide, "narrow"):
            ack()
            return
        ack(response_action="errors", errors={DURATION: answers.BUSY})
        ctx.record_busy(caller, "narrow", button.request_id)

    app.action(LESS)(pressed)
    app.view(LESS_FORM)(sent)


def _shown(ctx: ListenerContext, button: Pressed) -> Request | None:
    """The request as the form shows it; None if it is another by now, of which the use case tells."""
    try:
        request = ctx.core.ledger.request(button.request_id)
    except (LedgerUnavailable, TamperedEntry):
        return None
    return request if request and request.digest == button.digest else None


def _errors(request: Request, less: LessForm) -> dict[str, str]:
    """What is wrong, at the field that the form has for it."""
    try:
        read_less(less.duration, less.permissions, less.reason, request.terms)
    except BadInput as bad:
        return {(f"{field}0" if field == PERMISSIONS else field): says for field, says in bad.problems.items()}
    return {}
