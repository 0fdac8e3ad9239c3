"""Deny asks for the reason in a form, and is decided when that is sent."""

from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import DENY, BadValue, read_value
from bot.forms import DENY_FORM, deny_form
from bot.listeners import acts
from bot.listeners.caller import Caller, Place, entered, pressed_value, text_at, view_of
from bot.listeners.kit import Answer, Kit
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form
from jit.facts import RefusalReason
from jit.ledger import LedgerUnavailable
from jit.requests.intake import REASON, text_trouble
from jit.use_cases.deny import may_deny


def register(app: App, kit: Kit) -> None:
    def ask_why(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        value = pressed_value(body)
        try:
            button = read_value(value)
        except BadValue:
            refuse_press(kit, caller, "deny", RefusalReason.MALFORMED)
            return

        def open_if_allowed() -> None:
            may_deny(kit.core, by=caller.by, request_id=button.request_id, digest=button.digest)
            open_form(kit, caller.place, text_at(body, "trigger_id"), deny_form(str(value), button.request_id))

        kit.hand_on(caller, "deny", open_if_allowed, button.request_id)

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
            refuse_press(kit, caller, "deny", RefusalReason.MALFORMED)
            return

        def deny() -> Answer:
            return acts.deny(kit, caller, button.request_id, button.digest, reason)

        if kit.offer(caller, lambda: _place(kit, caller, button.request_id), deny):
            ack()
            return
        ack(response_action="errors", errors={REASON: answers.BUSY})
        kit.record_busy(caller, "deny", button.request_id)

    app.action(DENY)(ask_why)
    app.view(DENY_FORM)(send)


def _place(kit: Kit, caller: Caller, request_id: str) -> Place:
    """The request's channel: a form has no response url, and its hidden field carries the button alone."""
    try:
        request = kit.core.ledger.request(request_id)
    except LedgerUnavailable:
        request = None
    return Place(caller.place.person, request.channel if request else "")
