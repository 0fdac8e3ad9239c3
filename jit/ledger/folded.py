"""Requests that were folded a moment ago, so that of one that is read again only what came since is opened."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from jit.facts import Life
from jit.ledger.entry import TamperedEntry, hash_of, require_unchanged
from jit.ledger.opened import key_ids_in, opened
from jit.ports import Clock
from jit.requests.lifecycle import CannotFollow, Request, apply

MOST = 1000
"""Requests that are remembered, for as long as keys are."""

Row = tuple[int, bytes, str]
"""Of an entry: its index, its bytes, and the hash they are kept under."""


class _Folded(NamedTuple):
    """A request as the first rows of its life tell it: where each stands, with its hash, and the keys they name."""

    rows: Sequence[tuple[int, str]]
    keys: Mapping[str, bytes | None]
    request: Request | None
    until: float


class FoldedLately:
    """What is remembered of a request counts where its life still begins with the same bytes, at the same places, and
    they open with the same keys: then opening them once more would tell the same. Thread-safe.
    """

    def __init__(self, clock: Clock, known_for: float) -> None:
        self._clock = clock
        self._known_for = known_for
        self._lock = Lock()
        self._known: dict[str, _Folded] = {}

    def fold(self, request_id: str, life: Sequence[Row], keys: Mapping[str, bytes | None]) -> Request | None:
        """The request that these entries tell, all of its life in order; None if there are none. Raises
        TamperedEntry.
        """
        begun = self._begun(request_id, life, keys)
        request = begun.request
        for index, body, kept_under in life[len(begun.rows) :]:
            entry = opened(index, body, kept_under, keys)
            require_unchanged(entry)
            try:
                request = apply(request, entry.fact) if isinstance(entry.fact, Life) else request
            except CannotFollow as wrong:
                raise TamperedEntry(life[-1][0], f"what comes before it is not all there: {wrong}") from None
        if len(begun.rows) < len(life):
            self._remember(request_id, life, keys, request)
        return request

    def _begun(self, request_id: str, life: Sequence[Row], keys: Mapping[str, bytes | None]) -> _Folded:
        with self._lock:
            known = self._known.get(request_id, _NOTHING)
        there = life[: len(known.rows)]
        same = [(at, hash_of(body)) for at, body, _ in there] == [(at, kept_under) for at, _, kept_under in there]
        as_known = same and [(at, kept_under) for at, _, kept_under in there] == known.rows
        fresh = known.until > self._clock.ticks() and known.keys.items() <= keys.items()
        return known if as_known and fresh else _NOTHING

    def _remember(
        self, request_id: str, life: Sequence[Row], keys: Mapping[str, bytes | None], request: Request | None
    ) -> None:
        rows = [(at, kept_under) for at, _, kept_under in life]
        used = {key_id: keys[key_id] for key_id in key_ids_in(body for _, body, _ in life) if key_id in keys}
        now = self._clock.ticks()
        with self._lock:
            self._known.pop(request_id, None)
            self._known[request_id] = _Folded(rows, used, request, now + self._known_for)
            while (oldest := next(iter(self._known.items())))[1].until <= now or len(self._known) > MOST:
                del self._known[oldest[0]]


_NOTHING = _Folded([], {}, None, 0)
