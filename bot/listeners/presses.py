"""Presses on the buttons of cards and messages."""

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot import answers
from bot.buttons import APPROVE, RELEASE, REVOKE, WITHDRAW, BadValue, Pressed, read_value
from bot.listeners.caller import Caller, pressed_value
from bot.listeners.kit import Answer, Kit
from jit.facts import RefusalReason
from jit.use_cases.desk import Presser

Act = Callable[[Presser, Pressed], Answer]
Listener = Callable[[Ack, BoltContext, dict[str, Any]], None]

REVOKED_FROM = "revoked from the card"


def register(app: App, kit: Kit) -> None:
    desk, names = kit.desk, kit.directory.name
    acts: dict[str, tuple[str, Act]] = {
        APPROVE: ("approve", lambda by, button: answers.approved(desk.approve(by, *button), names)),
        WITHDRAW: ("withdraw", lambda by, button: answers.withdrawn(desk.withdraw(by, button.request_id))),
        RELEASE: ("release", lambda by, button: answers.released(desk.release(by, button.request_id))),
        REVOKE: ("revoke", lambda by, button: answers.revoked(desk.revoke(by, button.request_id, REVOKED_FROM))),
    }
    for action, (attempted, act) in acts.items():
        app.action(action)(_pressed(kit, attempted, act))


def _pressed(kit: Kit, attempted: str, act: Act) -> Listener:
    def listener(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            button = read_value(pressed_value(body))
        except BadValue:
            turn_away(kit, caller, attempted, RefusalReason.MALFORMED)
            return
        kit.hand_on(caller, attempted, lambda: act(caller.by, button), button.request_id)

    return listener


def turn_away(kit: Kit, caller: Caller, attempted: str, reason: RefusalReason, request_id: str | None = None) -> None:
    """Refuse what need not reach a use case."""
    kit.hand_on(caller, attempted, lambda: kit.desk.turn_away(caller.by, attempted, reason, request_id), request_id)
