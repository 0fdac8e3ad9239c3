"""How much a source may hand in, and how many batches are worked on at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jit.ports import Clock

LINES_A_SECOND = 20_000
"""Of one source, on the whole."""
AT_ONCE = 200_000
"""Lines that a source may hand in at once, after a silence."""
WAITING = 16
"""Batches that wait to be recorded, of all sources; and of one source `WAITING_OF_ONE`."""
WAITING_OF_ONE = 4


class TooMuch(Exception):
    """Not now; ``after`` that many seconds it is worth another try."""

    def __init__(self, after: int) -> None:
        super().__init__(after)
        self.after = after


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True)
class Pace:
    """Thread-safe."""

    clock: Clock
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _waiting: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, source: str, lines: int) -> None:
        """Raises TooMuch."""
        now = self.clock.ticks()
        with self._lock:
            bucket = self._buckets.setdefault(source, _Bucket(AT_ONCE, now))
            bucket.left = min(AT_ONCE, bucket.left + (now - bucket.at) * LINES_A_SECOND)
            bucket.at = now
            if bucket.left < lines:
                raise TooMuch(1 + int((lines - bucket.left) / LINES_A_SECOND))
            bucket.left -= lines

    @contextmanager
    def place(self, source: str) -> Iterator[None]:
        """A place among those that wait, for as long as the block lasts. Raises TooMuch."""
        with self._lock:
            if sum(self._waiting.values()) >= WAITING or self._waiting.get(source, 0) >= WAITING_OF_ONE:
                raise TooMuch(1)
            self._waiting[source] = self._waiting.get(source, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[source] -= 1
