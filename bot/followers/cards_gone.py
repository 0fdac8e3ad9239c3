"""Cards that somebody deletes while their request is open: Slack's events tell of it as it happens, and a look at the
newest messages now and then what happened while nobody listened. Either is only a reason to look at that card.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import structlog

from bot.followers.outbox import Outbox, Rejected
from jit.ledger import Notes
from jit.ports import Clock

log = structlog.get_logger(__name__)

GONE = "gone:"
FIRST_COMPARED, COMPARED_EVERY = 60.0, 900.0
"""Seconds after the start, and from then on."""


class Card(NamedTuple):
    """Where a card stands, which version of its request it shows, whether it says that this is late, and which
    approvals it leaves out as they do not count any more.
    """

    channel: str
    ts: str
    version: int
    late: bool = False
    lost: str = ""


def leave_word(notes: Notes, ts: str, bot: str) -> None:
    """Slack says that this message was deleted, which was ``bot``'s, if it says that. Raises LedgerUnavailable."""
    notes.put({GONE + ts: bot})


class GoneCards:
    """What is no longer where it stood. ``known`` gives the cards of open requests, by request."""

    def __init__(self, notes: Notes, outbox: Outbox, clock: Clock, known: Callable[[], Mapping[str, Card]]) -> None:
        self._notes = notes
        self._outbox = outbox
        self._clock = clock
        self._known = known
        self._compare_at = clock.ticks() + FIRST_COMPARED

    def look(self) -> tuple[list[str], list[str]]:
        """Requests whose cards are perhaps gone, and the notes that said so. Raises CallFailed, LedgerUnavailable."""
        heard = self._notes.all(GONE)
        ours = {key.removeprefix(GONE) for key, bot in heard.items() if not bot or bot == self._outbox.bot_id()}
        compares = self._clock.ticks() >= self._compare_at
        known = self._known() if ours or compares else {}
        gone = {request_id for request_id, card in known.items() if card.ts in ours}
        if compares:
            self._compare_at = self._clock.ticks() + COMPARED_EVERY
            for channel in sorted({card.channel for card in known.values()}):
                gone |= self._missing(
                    channel, ((each, card.ts) for each, card in known.items() if card.channel == channel)
                )
        return sorted(gone), list(heard)

    def _missing(self, channel: str, cards: Iterable[tuple[str, str]]) -> set[str]:
        """As far back as one look goes."""
        try:
            messages, more = self._outbox.page(channel)
        except Rejected as refused:
            if refused.of_all:
                raise
            log.warning("cards.not_compared", channel=channel, because=str(refused))
            return set()
        found = {str(message.get("ts")) for message in messages}
        since = min(found, default="") if more else ""
        return {request_id for request_id, ts in cards if ts >= since and ts not in found}
