"""Presses on the buttons of cards and messages."""

from collections.abc import Callable
from functools import partial
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.buttons import APPROVE, RELEASE, REVOKE, WITHDRAW, BadValue, Pressed, read_values
from bot.listeners import acts
from bot.listeners.caller import Caller, pressed_value
from bot.listeners.context import Answer, ListenerContext
from jit.facts import RefusalReason
from jit.use_cases.deciding import theirs
from jit.use_cases.refuse import refuse

Act = Callable[[ListenerContext, Caller, Pressed], Answer]
Listener = Callable[[Ack, BoltContext, dict[str, Any]], None]

REVOKED_FROM = "revoked from the card"
ACTS: dict[str, tuple[str, Act]] = {
    APPROVE: ("approve", lambda ctx, caller, button: acts.approve(ctx, caller, button.request_id, button.digest)),
    WITHDRAW: ("withdraw", lambda ctx, caller, button: acts.withdraw(ctx, caller, button.request_id, button.digest)),
    RELEASE: ("release", lambda ctx, caller, button: acts.release(ctx, caller, button.request_id)),
    REVOKE: ("revoke", lambda ctx, caller, button: acts.revoke(ctx, caller, button.request_id, REVOKED_FROM)),
}
"""What each button attempts, and how. Deny and End access may ask for a reason first: `bot.listeners.reasons`. Release
and Revoke stand in messages of whom alone they are for, and on cards of earlier versions.
"""


def register(app: App, ctx: ListenerContext) -> None:
    for action, (attempted, act) in ACTS.items():
        app.action(action)(_pressed(ctx, attempted, act))


def _pressed(ctx: ListenerContext, attempted: str, act: Act) -> Listener:
    def listener(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            buttons = read_values(pressed_value(body))
        except BadValue:
            refuse_press(ctx, caller, attempted, RefusalReason.MALFORMED)
            return

        def of_each() -> Answer:
            ids = [button.request_id for button in buttons]
            may = theirs(ctx.core, by=caller.by, request_ids=ids) if attempted == "approve" else ids
            works = {each.request_id: partial(act, ctx, caller, each) for each in buttons if each.request_id in may}
            return ctx.of_each(attempted, works, [each for each in ids if each not in may])

        ctx.run(caller, attempted, of_each, buttons[0].request_id)

    return listener


def refuse_press(ctx: ListenerContext, caller: Caller, attempted: str, reason: RefusalReason) -> None:
    """Refuse what need not reach another use case."""
    ctx.run(caller, attempted, lambda: refuse(ctx.core, by=caller.by, attempted=attempted, reason=reason))
