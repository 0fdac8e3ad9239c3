"""Presses on the buttons of cards and messages."""

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.buttons import APPROVE, RELEASE, REVOKE, WITHDRAW, BadValue, Pressed, read_value
from bot.listeners import acts
from bot.listeners.caller import Caller, pressed_value
from bot.listeners.kit import Answer, Kit
from jit.facts import RefusalReason
from jit.use_cases.refuse import refuse

Act = Callable[[Kit, Caller, Pressed], Answer]
Listener = Callable[[Ack, BoltContext, dict[str, Any]], None]

REVOKED_FROM = "revoked from the card"
ACTS: dict[str, tuple[str, Act]] = {
    APPROVE: ("approve", lambda kit, caller, button: acts.approve(kit, caller, button.request_id, button.digest)),
    WITHDRAW: ("withdraw", lambda kit, caller, button: acts.withdraw(kit, caller, button.request_id)),
    RELEASE: ("release", lambda kit, caller, button: acts.release(kit, caller, button.request_id)),
    REVOKE: ("revoke", lambda kit, caller, button: acts.revoke(kit, caller, button.request_id, REVOKED_FROM)),
}
"""What each button attempts, and how. Deny asks for a reason first: `bot.listeners.denial`."""


def register(app: App, kit: Kit) -> None:
    for action, (attempted, act) in ACTS.items():
        app.action(action)(_pressed(kit, attempted, act))


def _pressed(kit: Kit, attempted: str, act: Act) -> Listener:
    def listener(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            button = read_value(pressed_value(body))
        except BadValue:
            refuse_press(kit, caller, attempted, RefusalReason.MALFORMED)
            return
        kit.hand_on(caller, attempted, lambda: act(kit, caller, button), button.request_id)

    return listener


def refuse_press(kit: Kit, caller: Caller, attempted: str, reason: RefusalReason) -> None:
    """Refuse what need not reach another use case."""
    kit.hand_on(caller, attempted, lambda: refuse(kit.core, by=caller.by, attempted=attempted, reason=reason))
