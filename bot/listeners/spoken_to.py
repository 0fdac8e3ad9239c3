"""Somebody mentions the app, or writes to it: they are told what it can do, what they hold and what waits for them.

What they wrote is read for a command that stands in it, which they get back to be sent, and is kept nowhere.
"""

import html
from collections import deque
from collections.abc import Mapping
from typing import Any

from bot.buttons import ASK
from bot.listeners.caller import Caller, Place, is_id, text_at
from bot.listeners.command import HELP
from bot.listeners.context import ListenerContext
from bot.listeners.look import list_requests
from bot.listeners.typed import SUBCOMMANDS, split
from bot.views.text import Drawn, Json, actions, button, code, section
from jit.facts import Source
from jit.requests.intake import looks_secret
from jit.use_cases.actor import Actor

INTRODUCTION = "I give access to production for a limited time, once the right people said yes."
SEND_THIS = "Send this, with the slash, in any channel:"
_REMEMBERED = 200
"""Messages: Slack tells of one again where it was not sure that it was heard."""


class SpokenTo:
    """Answers whoever speaks to the app, once for each message. For listeners of events."""

    def __init__(self, ctx: ListenerContext) -> None:
        self._ctx = ctx
        self._heard: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)

    def hear(self, event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """A message to the app: a mention, or one in its conversation with somebody. What apps say is passed over."""
        person, channel = text_at(event, "user"), text_at(event, "channel")
        message = (channel, text_at(event, "ts"))
        if not is_id(person) or event.get("bot_id") or event.get("subtype") or message in self._heard:
            return
        self._heard.append(message)
        team = text_at(event, "user_team") or text_at(event, "team") or text_at(body, "team_id")
        direct = text_at(event, "channel_type") == "im"
        caller = Caller(Actor(person, team, Source.SLACK), Place(person, "" if direct else channel))
        typed = html.unescape(text_at(event, "text"))
        self._ctx.run(caller, "list", lambda: _answer(self._ctx, caller, typed))


def _answer(ctx: ListenerContext, caller: Caller, typed: str) -> Drawn:
    """Raises Refusal, LedgerUnavailable."""
    listed = list_requests(ctx, caller)
    blocks = [
        section(INTRODUCTION),
        *_to_be_sent(typed),
        *(listed.blocks or [section(listed.text)]),
        *actions([button("Ask for access", ASK, "spoken", style="primary")]),
        section(HELP),
    ]
    return Drawn(f"{INTRODUCTION} {listed.text}", blocks)


def _to_be_sent(typed: str) -> list[Json]:
    subcommand, rest = split(typed)
    if subcommand == "help" or subcommand not in SUBCOMMANDS or looks_secret(rest):
        return []
    return [section(SEND_THIS), code(f"/jit {subcommand} {rest}".strip())]
