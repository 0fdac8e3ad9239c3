"""What asks for a reason in a form before it is done: Deny, and End access for whoever ends somebody else's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import BadValue, Pressed, read_values
from bot.listeners.caller import Caller, Place, entered, pressed_value, text_at, view_of
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form
from bot.views.text import Json
from jit.facts import RefusalReason
from jit.requests.intake import REASON, reason_trouble
from jit.requests.lifecycle import Request
from jit.requests.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonedAct:
    """A button, the form that it opens, and what is done when that is sent.

    Attributes:
        action, form: what both are called on the wire.
        pressed, attempted: what the press, and the sending, are called on the record.
        begin: the form for whoever may do it, or an answer for whom none is needed. Raises Refusal.
        act: does it to one request, with the reason. Raises Refusal.
        trouble: what keeps a text from being the reason; None if nothing does.
        done: what is said then.
    """

    action: str
    form: str
    pressed: str
    attempted: str
    begin: Callable[[ListenerContext, Caller, Sequence[Pressed]], Json | str]
    act: Callable[[ListenerContext, Caller, Pressed, str], Request]
    done: Callable[[Request], str]
    trouble: Callable[[str], str | None] = reason_trouble


Listener = Callable[[Ack, BoltContext, dict[str, Any]], None]


def register(app: App, ctx: ListenerContext, each: ReasonedAct) -> None:
    app.action(each.action)(_pressed(ctx, each))
    app.view(each.form)(_sent(ctx, each))


def _pressed(ctx: ListenerContext, each: ReasonedAct) -> Listener:
    def ask_why(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            buttons = read_values(pressed_value(body))
        except BadValue:
            refuse_press(ctx, caller, each.pressed, RefusalReason.MALFORMED)
            return

        def open_if_allowed() -> Answer:
            begun = each.begin(ctx, caller, buttons)
            if isinstance(begun, str):
                return begun
            open_form(ctx, caller.place, text_at(body, "trigger_id"), begun)
            return None

        ctx.run(caller, each.pressed, open_if_allowed, buttons[0].request_id)

    return ask_why


def _sent(ctx: ListenerContext, each: ReasonedAct) -> Listener:
    def send(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        reason = entered(view, REASON)
        if trouble := each.trouble(reason):
            ack(response_action="errors", errors={REASON: trouble})
            return
        try:
            buttons = read_values(text_at(view, "private_metadata"))
        except BadValue:
            ack()
            refuse_press(ctx, caller, each.attempted, RefusalReason.MALFORMED)
            return

        place = _place(caller, None)

        def decide(button: Pressed) -> Answer:
            nonlocal place
            try:
                request = each.act(ctx, caller, button, reason)
            except Refusal as refusal:
                place = _place(caller, refusal.request)
                raise
            place = _place(caller, request)
            return each.done(request)

        works = {button.request_id: partial(decide, button) for button in buttons}
        if ctx.try_run(caller, lambda: place, lambda: ctx.of_each(each.attempted, works), each.attempted):
            ack()
            return
        ack(response_action="errors", errors={REASON: answers.BUSY})
        ctx.record_busy(caller, each.attempted, buttons[0].request_id)

    return send


def _place(caller: Caller, request: Request | None) -> Place:
    """The request's channel: a form has no response url, and its hidden field carries the button alone."""
    return Place(caller.place.person, request.channel if request else "")
