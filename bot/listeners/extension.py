"""Extend asks how much longer and why in a form, and is asked for when that is sent."""

from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import EXTEND, BadValue, read_value
from bot.forms import EXTEND_FORM, Filled, extend_form
from bot.listeners.caller import Caller, Place, entered, pressed_value, text_at, view_of
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.own import OwnAct
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form
from bot.listeners.typed_words import WORD, duration_in
from bot.views.text import escape
from jit.durations import BadDuration, parse_duration
from jit.facts import RefusalReason
from jit.requests.intake import DURATION, REASON, reason_trouble
from jit.requests.lifecycle import REQUEST_ID
from jit.requests.nothing_said import says_nothing
from jit.use_cases.extend import extend, may_extend


def to_extend(trigger: str) -> OwnAct:
    """Asking as typed after `/jit extend`; a form asks for what that lacks."""

    def act(ctx: ListenerContext, caller: Caller, request_id: str, filled: Filled) -> Answer:
        duration, reason = filled.asked.duration, filled.asked.reason
        if filled.note:
            return f"{escape(filled.note)} {request_id} was not extended: type it again."
        perhaps_longer = not duration and any(duration_in(found[0]) for found in WORD.finditer(reason))
        if says_nothing(reason) or perhaps_longer:
            return _open(ctx, caller, trigger, request_id, filled)
        return _extend(ctx, caller, request_id, duration, reason)

    return OwnAct("extend", "Extend", EXTEND, act, reasoned=True)


def register(app: App, ctx: ListenerContext) -> None:
    def ask(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            button = read_value(pressed_value(body))
        except BadValue:
            refuse_press(ctx, caller, "extend", RefusalReason.MALFORMED)
            return
        trigger = text_at(body, "trigger_id")
        ctx.run(caller, "extend", lambda: _open(ctx, caller, trigger, button.request_id, Filled()), button.request_id)

    def send(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        view = view_of(body)
        duration, reason, request_id = entered(view, DURATION), entered(view, REASON), text_at(view, "private_metadata")
        if problems := _problems(duration, reason):
            ack(response_action="errors", errors=problems)
            return
        if not REQUEST_ID.fullmatch(request_id):
            ack()
            refuse_press(ctx, caller, "extend", RefusalReason.MALFORMED)
            return
        place = Place(caller.place.person, "")
        if ctx.try_run(caller, lambda: place, lambda: _extend(ctx, caller, request_id, duration, reason), "extend"):
            ack()
            return
        ack(response_action="errors", errors={REASON: answers.BUSY})
        ctx.record_busy(caller, "extend", request_id)

    app.action(EXTEND)(ask)
    app.view(EXTEND_FORM)(send)


def _open(ctx: ListenerContext, caller: Caller, trigger: str, request_id: str, filled: Filled) -> Answer:
    request, room = may_extend(ctx.core, by=caller.by, request_id=request_id)
    open_form(ctx, caller.place, trigger, extend_form(request, room, filled.asked.duration, filled.asked.reason))
    return None


def _extend(ctx: ListenerContext, caller: Caller, request_id: str, duration: str, reason: str) -> Answer:
    request = extend(ctx.core, by=caller.by, request_id=request_id, duration=duration, reason=reason)
    return answers.extension_asked(request, ctx.directory.name)


def _problems(duration: str, reason: str) -> dict[str, str]:
    """Slips that are mended in the form."""
    problems: dict[str, str] = {}
    try:
        parse_duration(duration)
    except BadDuration as bad:
        problems[DURATION] = str(bad)
    if trouble := reason_trouble(reason):
        problems[REASON] = trouble
    return problems
