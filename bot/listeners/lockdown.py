"""`/jit lockdown`: what is in force, a new one, or one that is lifted; and the button that lifts."""

from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import LIFT
from bot.forms import LIFT_FORM, lift_form
from bot.listeners.caller import Caller, Place, entered, pressed_value, text_at, view_of
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form
from bot.views.lockdown import draw_list, draw_offered
from bot.views.text import harmless
from jit.facts import RefusalReason
from jit.requests.intake import REASON, text_trouble
from jit.requests.lockdown import LOCKDOWN_ID
from jit.requests.scope import read_lift, read_scope
from jit.use_cases.attempt import Attempt
from jit.use_cases.lockdown import known_names, lift, lock_down, may_lift

NONE = (
    "No lockdown is in force. `/jit lockdown orders-db why` begins one: of `@alice`, an access, a target, `everything`."
)


def lockdown(ctx: ListenerContext, caller: Caller, typed: str) -> Answer:
    """Raises Refusal, LedgerUnavailable."""
    if not typed.strip() or typed.strip().casefold() == "list":
        return _in_force(ctx, caller)
    if (lifting := read_lift(typed)) is not None:
        return _lift(ctx, caller, *lifting)
    meant = read_scope(typed, known_names(ctx.core))
    if meant.what is None:
        return draw_offered(meant)
    if not meant.rest:
        return f"Nothing is locked down yet: say why. `/jit lockdown {harmless(typed.strip(), 100)} why`"
    locked = lock_down(ctx.core, by=caller.by, what=meant.what, reason=meant.rest)
    return answers.locked(locked, ctx.directory.name)


def _in_force(ctx: ListenerContext, caller: Caller) -> Answer:
    """For every full member: it is in the channels, too."""
    Attempt(ctx.core, caller.by, "lockdown").admit()
    known = ctx.core.ledger.lockdowns(skip_changed=True)
    return draw_list(known, ctx.directory.name) if known else NONE


def _lift(ctx: ListenerContext, caller: Caller, lockdown_id: str, reason: str) -> Answer:
    if not lockdown_id:
        return "Say which: `/jit lockdown lift L-7F3K why`. `/jit lockdown` shows those in force."
    if not reason:
        return f"Nothing is lifted yet: say why. `/jit lockdown lift {lockdown_id} why`"
    return answers.lifting(lift(ctx.core, by=caller.by, lockdown_id=lockdown_id, reason=reason))


def register(app: App, ctx: ListenerContext) -> None:
    def pressed(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        lockdown_id = pressed_value(body)
        if not isinstance(lockdown_id, str) or not LOCKDOWN_ID.fullmatch(lockdown_id):
            refuse_press(ctx, caller, "lift", RefusalReason.MALFORMED)
            return

        def open_if_allowed() -> None:
            lockdown, proposal = may_lift(ctx.core, by=caller.by, lockdown_id=lockdown_id)
            form = lift_form(lockdown, proposal, ctx.directory.name)
            open_form(ctx, caller.place, text_at(body, "trigger_id"), form)

        ctx.run(caller, "lift", open_if_allowed)

    def sent(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        reason, lockdown_id = entered(view, REASON), text_at(view, "private_metadata")
        if trouble := text_trouble(reason):
            ack(response_action="errors", errors={REASON: trouble})
            return
        if not LOCKDOWN_ID.fullmatch(lockdown_id):
            ack()
            refuse_press(ctx, caller, "lift", RefusalReason.MALFORMED)
            return
        place = Place(caller.place.person)
        if ctx.try_run(caller, lambda: place, lambda: _lift(ctx, caller, lockdown_id, reason), "lift"):
            ack()
            return
        ack(response_action="errors", errors={REASON: answers.BUSY})
        ctx.record_busy(caller, "lift")

    app.action(LIFT)(pressed)
    app.view(LIFT_FORM)(sent)
