"""App Home: who opens theirs has it drawn, and kept true from then on; its buttons open the request form, empty or
filled in as it was before.
"""

import re
from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt import Ack, App, BoltContext

from bot.buttons import ASK, ASK_AGAIN, ASK_FOR, BadValue, read_value
from bot.followers.homes import Homes, look_again, open_home
from bot.listeners.caller import Caller, pressed_value, text_at
from bot.listeners.context import ListenerContext
from bot.listeners.presses import refuse_press
from bot.listeners.request import open_form_for, open_request_form, reopen_request_form
from jit.facts import RefusalReason, Source
from jit.ledger import LedgerUnavailable, Notes
from jit.use_cases.actor import Actor

log = structlog.get_logger(__name__)


def register(app: App, ctx: ListenerContext) -> None:
    def opened(event: dict[str, Any]) -> None:
        person = text_at(event, "user")
        if text_at(event, "tab") == "home" and not ctx.pool.submit(lambda: _draw(ctx, person), person):
            log.info("home.not_drawn", because="busy")

    def ask(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        open_request_form(ctx, context["caller"], text_at(body, "trigger_id"), "")

    def ask_again(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        try:
            button = read_value(pressed_value(body))
        except BadValue:
            refuse_press(ctx, caller, "request", RefusalReason.MALFORMED)
            return
        reopen_request_form(ctx, caller, text_at(body, "trigger_id"), button.request_id)

    def ask_for(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        value = pressed_value(body)
        open_form_for(ctx, context["caller"], text_at(body, "trigger_id"), value if isinstance(value, str) else "")

    app.event("app_home_opened")(opened)
    app.action(ASK)(ask)
    app.action(ASK_AGAIN)(ask_again)
    app.action(re.compile(rf"{re.escape(ASK_FOR)}\.[0-9]"))(ask_for)


def _draw(ctx: ListenerContext, person: str) -> None:
    """Leave it to the bot that follows the ledger. Others than our own people have no Home: who was one loses it."""
    if not ctx.visibility.is_one_of_us(Actor(person, ctx.directory.workspace, Source.SLACK)):
        log.info("home.not_drawn", because="not one of us, as far as is known")
        draw_again(ctx, person)
        return
    _note(ctx, person, open_home)


def draw_again(ctx: ListenerContext, person: str) -> None:
    """After something about this person has changed. Raises nothing."""
    _note(ctx, person, look_again)


def _note(ctx: ListenerContext, person: str, what: Callable[[Notes, str], None]) -> None:
    try:
        what(Notes(ctx.core.ledger.engine, Homes.name), person)
    except LedgerUnavailable as away:
        log.warning("home.not_drawn", because=str(away))
