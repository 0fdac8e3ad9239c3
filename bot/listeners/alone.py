"""One request of those on a card, shown by itself to whoever asks for it, with all that can be done about it alone."""

from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.buttons import ALONE, APPROVE, DENY, LESS, WITHDRAW, BadValue, read_value
from bot.listeners.caller import Caller, pressed_value
from bot.listeners.context import ListenerContext
from bot.listeners.look import request_seen
from bot.listeners.presses import refuse_press
from bot.views import card
from bot.views.text import Drawn
from jit.facts import RefusalReason

FOR_REQUESTER, FOR_OTHERS = frozenset({WITHDRAW}), frozenset({APPROVE, LESS, DENY})


def register(app: App, ctx: ListenerContext) -> None:
    def show(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            button = read_value(pressed_value(body))
        except BadValue:
            refuse_press(ctx, caller, "show", RefusalReason.MALFORMED)
            return
        ctx.run(caller, "show", lambda: _alone(ctx, caller, button.request_id), button.request_id)

    app.action(ALONE)(show)


def _alone(ctx: ListenerContext, caller: Caller, request_id: str) -> Drawn:
    """Raises Refusal."""
    request = request_seen(ctx, caller, request_id)
    needless = FOR_OTHERS if request.requester == caller.by.id else FOR_REQUESTER
    return card.draw(request, ctx.directory.name, now=ctx.core.clock.now(), leave_out=needless)
