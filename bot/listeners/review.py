"""The verdict on a break-glass: a button, a form for the reason, and then it stands."""

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import JUSTIFIED, NOT_JUSTIFIED, BadValue, read_value
from bot.forms import REVIEW_FORM, review_form
from bot.listeners.caller import Caller, Place, entered, pressed_value, text_at, view_of
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form
from jit.facts import RefusalReason, Verdict
from jit.requests.intake import REASON, reason_trouble
from jit.use_cases.review import may_review, review

VERDICTS: dict[str, Verdict] = {JUSTIFIED: "justified", NOT_JUSTIFIED: "not_justified"}


def register(app: App, ctx: ListenerContext) -> None:
    for action in VERDICTS:
        app.action(action)(_ask_why(ctx, action))

    def send(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        reason = entered(view, REASON)
        if trouble := reason_trouble(reason):
            ack(response_action="errors", errors={REASON: trouble})
            return
        verdict, _, value = text_at(view, "private_metadata").partition(" ")
        try:
            button = read_value(value)
            said = VERDICTS[verdict]
        except (BadValue, KeyError):
            ack()
            refuse_press(ctx, caller, "review", RefusalReason.MALFORMED)
            return

        def close() -> Answer:
            done = review(ctx.core, by=caller.by, request_id=button.request_id, verdict=said, reason=reason)
            return answers.reviewed(done)

        place = Place(caller.place.person)
        if ctx.try_run(caller, lambda: place, close):
            ack()
            return
        ack(response_action="errors", errors={REASON: answers.BUSY})
        ctx.record_busy(caller, "review", button.request_id)

    app.view(REVIEW_FORM)(send)


def _ask_why(ctx: ListenerContext, action: str) -> Callable[[Ack, BoltContext, dict[str, Any]], None]:
    def listener(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        value = pressed_value(body)
        try:
            button = read_value(value)
        except BadValue:
            refuse_press(ctx, caller, "review", RefusalReason.MALFORMED)
            return

        def open_if_allowed() -> None:
            may_review(ctx.core, by=caller.by, request_id=button.request_id)
            form = review_form(f"{action} {value}", button.request_id, justified=action == JUSTIFIED)
            open_form(ctx, caller.place, text_at(body, "trigger_id"), form)

        ctx.run(caller, "review", open_if_allowed, button.request_id)

    return listener
