"""What of that which others hold security looks at in their Home: whose, on which target, which page."""

from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt import Ack, App, BoltContext

from bot.buttons import HELD_ALL, HELD_BACK, HELD_ON, HELD_PERSON, HELD_TARGET
from bot.followers.homes import Homes, look_at, looked_at
from bot.forms import target_options, value_of
from bot.held import Look
from bot.listeners.caller import Caller, Payload, is_id, pressed_value, text_at
from bot.listeners.context import ListenerContext
from jit.ledger import LedgerUnavailable, Notes
from jit.policy import PolicyError, StaleGroups

log = structlog.get_logger(__name__)

LAST_PAGE = 999
Listener = Callable[[Ack, BoltContext, dict[str, Any]], None]
Change = Callable[[ListenerContext, Look, Payload], Look]


def register(app: App, ctx: ListenerContext) -> None:
    def search(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        caller: Caller = context["caller"]
        targets = _targets(ctx) if _sees(ctx, caller) else []
        ack(options=target_options(targets, text_at(body, "value")))

    app.options(HELD_TARGET)(search)
    for action, change in _CHANGES.items():
        app.action(action)(_looks(ctx, change))


def _looks(ctx: ListenerContext, change: Change) -> Listener:
    def listener(ack: Ack, context: BoltContext, body: dict[str, Any]) -> None:
        ack()
        caller: Caller = context["caller"]
        if not ctx.pool.submit(lambda: _note(ctx, caller, change, body), caller.by.id):
            log.info("home.not_drawn", because="busy")

    return listener


def _note(ctx: ListenerContext, caller: Caller, change: Change, body: Payload) -> None:
    """What is chosen is only looked at: whether they see anything of it is asked whenever it is drawn."""
    notes = Notes(ctx.core.ledger.engine, Homes.name)
    try:
        if not _sees(ctx, caller):
            return
        look_at(notes, caller.by.id, change(ctx, looked_at(notes, caller.by.id), body))
    except LedgerUnavailable as away:
        log.warning("home.not_drawn", because=str(away))


def _sees(ctx: ListenerContext, caller: Caller) -> bool:
    try:
        return ctx.visibility.is_one_of_us(caller.by) and ctx.visibility.is_security(caller.by.id)
    except (PolicyError, StaleGroups):
        return False


def _of_person(_ctx: ListenerContext, look: Look, body: Payload) -> Look:
    person = _chosen(body).get("selected_user")
    return Look(person if isinstance(person, str) and is_id(person) else "", look.target)


def _on_target(ctx: ListenerContext, look: Look, body: Payload) -> Look:
    option = _chosen(body).get("selected_option")
    value = option.get("value") if isinstance(option, dict) else None
    return Look(look.person, next((name for name in _targets(ctx) if value_of(name) == value), ""))


def _page(_ctx: ListenerContext, look: Look, body: Payload) -> Look:
    value = pressed_value(body)
    typed = value if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 3 else "0"
    return look._replace(page=min(int(typed), LAST_PAGE))


def _all(_ctx: ListenerContext, _look: Look, _body: Payload) -> Look:
    return Look()


_CHANGES: dict[str, Change] = {
    HELD_PERSON: _of_person,
    HELD_TARGET: _on_target,
    HELD_BACK: _page,
    HELD_ON: _page,
    HELD_ALL: _all,
}


def _targets(ctx: ListenerContext) -> list[str]:
    policy = ctx.core.policies.newest()
    return list(policy.targets) if policy else []


def _chosen(body: Payload) -> Payload:
    """The first action of a payload, whatever it is."""
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return first if isinstance(first, dict) else {}
