"""Reading the whole audit channel, and posting what it lacks, for a command that can wait."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bot.followers.outbox import CallFailed, Outbox, Rejected
from bot.mirror.follower import MOST_LINES, about, requests_of
from bot.views.audit import FILLED, draw_lines
from bot.views.line import first_lines
from bot.views.text import Json, Names
from jit.ledger import Entry, Ledger

Got = TypeVar("Got")

TRIES = 8
"""In a row, of one call."""
BETWEEN_POSTS = 1.0
"""Seconds: as many as Slack allows into one channel."""
LONGEST_WAIT = 120.0
READ_AT_ONCE = 500


def messages_of(outbox: Outbox, channel: str, wait: Callable[[float], None]) -> Iterator[Json]:
    """All of them, newest first. Raises CallFailed."""
    cursor: str | None = ""
    while cursor is not None:
        messages, following = _patiently(partial(outbox.page, channel, cursor), wait)
        yield from messages
        cursor = following or None


@dataclass(frozen=True, slots=True)
class Filler:
    """Posts entries that the channel lacks. ``wait`` waits so many seconds."""

    ledger: Ledger
    outbox: Outbox
    names: Names
    channel: str
    wait: Callable[[float], None]

    def fill(self, unshown: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Post these ranges, marked as shown later. Yields the first and the last of each message.

        Raises:
            CallFailed, LedgerUnavailable, BrokenChain.
        """
        for first, last in unshown:
            after = first - 1
            while after < last:
                entries = self.ledger.read(after=after, limit=min(READ_AT_ONCE, last - after))
                if not entries:
                    return
                shown = first_lines(entries, MOST_LINES)
                self._post(shown)
                after = shown[-1].index
                yield shown[0].index, after

    def _post(self, shown: Sequence[Entry]) -> None:
        drawn = draw_lines(shown, self.names, requests_of(self.ledger), [FILLED])
        metadata = about(shown, drawn)
        metadata = metadata._replace(payload={**metadata.payload, "filled": True})
        key = f"fill {shown[0].index} {shown[-1].index}"
        _patiently(lambda: self.outbox.post_once(key, self.channel, drawn, metadata), self.wait)
        self.outbox.forget(key)
        self.wait(BETWEEN_POSTS)


def _patiently(attempt: Callable[[], Got], wait: Callable[[float], None]) -> Got:
    """Again where Slack did not answer, or asks to wait. Raises CallFailed."""
    for tries in range(TRIES):
        try:
            return attempt()
        except Rejected:
            raise
        except CallFailed as trouble:
            if tries == TRIES - 1:
                raise
            wait(min(max(trouble.wait, 2.0**tries / 4), LONGEST_WAIT))
    raise AssertionError("the last try returns or raises")
