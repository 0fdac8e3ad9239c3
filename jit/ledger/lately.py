"""Entries that were opened a moment ago: each of a process's followers reads what is new, and one opens it for all."""

from collections.abc import Mapping

from jit.ledger.entry import Entry
from jit.ledger.keys import KNOWN_FOR
from jit.ledger.opened import key_ids_in, opened
from jit.ports import Clock

MOST = 32
"""Entries that are remembered, for as long as keys are."""

_Which = tuple[int, bytes, str, tuple[tuple[str, bytes | None], ...]]


class OpenedLately:
    """As `opened`, which says the same of the same bytes, hash and keys. Safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[_Which, tuple[Entry, float]] = {}

    def open(self, index: int, body: bytes, kept_under: str, keys: Mapping[str, bytes | None]) -> Entry:
        """Raises TamperedEntry."""
        now = self._clock.ticks()
        named = tuple((key_id, keys[key_id]) for key_id in sorted(key_ids_in([body])) if key_id in keys)
        which = (index, body, kept_under, named)
        fresh = {each: known for each, known in self._known.copy().items() if known[1] > now}
        if which in fresh:
            return fresh[which][0]
        entry = opened(index, body, kept_under, keys)
        newest = list(fresh.items())[-MOST + 1 :]
        self._known = dict(newest) | {which: (entry, now + KNOWN_FOR)}
        return entry
