"""What one person may use up of what everybody shares: requests, and room on the record for refusals."""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from jit.facts import RefusalReason

ASKED_AT_MOST, WITHDRAWN_AT_MOST, ASKED_WITHIN = 200, 20, timedelta(minutes=10)
"""Requests of one person, and those among them that they withdrew. Each is a card in a channel, entries on the record,
and a moment of those who decide.
"""
REFUSED_AT_MOST, REFUSED_WITHIN = 60, timedelta(minutes=1)
"""Refusals of one person that are recorded one by one."""
_REMEMBERED = 10_000


class Share:
    """A limit on how often each person may do something within a while. Thread-safe."""

    def __init__(self, most: int, within: timedelta, ticks: Callable[[], float]) -> None:
        """``ticks`` as `Clock.ticks`: nobody sets it back."""
        self._most = most
        self._within = within.total_seconds()
        self._ticks = ticks
        self._lock = Lock()
        self._done: dict[str, deque[float]] = {}

    def take(self, person: str) -> bool:
        """Count once more; False where that is more than one may, and then it is not counted."""
        now = self._ticks()
        with self._lock:
            done = self._done.setdefault(person, deque())
            while done and now - done[0] >= self._within:
                done.popleft()
            if len(done) >= self._most:
                return False
            done.append(now)
            if len(self._done) > _REMEMBERED:
                self._done = {who: when for who, when in self._done.items() if now - when[-1] < self._within}
            return True


class RefusalShares:
    """What is put on the record of the refusals of one person, who may press as fast as they like. Thread-safe."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._each = Share(REFUSED_AT_MOST, REFUSED_WITHIN, ticks)
        self._more = Share(1, REFUSED_WITHIN, ticks)
        self._asked_too_often = Share(1, ASKED_WITHIN, ticks)

    def kept(self, person: str, reason: RefusalReason) -> RefusalReason | None:
        """The reason that is recorded: of what is more than their share one for all, once; None for what is not."""
        if reason is RefusalReason.TOO_MANY:
            return reason if self._asked_too_often.take(person) else None
        if self._each.take(person):
            return reason
        return RefusalReason.TOO_MANY if self._more.take(person) else None
