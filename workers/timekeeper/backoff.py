"""When to try again: soon at first, then less and less often."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

FIRST = timedelta(milliseconds=500)
LONGEST = timedelta(seconds=60)


@dataclass(slots=True)
class KeyedBackoff:
    """How long each key waits after it failed. Doubled with every failure, from ``first`` to ``longest``."""

    first: timedelta = FIRST
    longest: timedelta = LONGEST
    _waits: dict[str, tuple[datetime, timedelta]] = field(default_factory=dict)

    def ready(self, key: str, now: datetime) -> bool:
        """A clock that was set back makes nothing wait longer than ``longest``."""
        until, _ = self._waits.get(key, (now, self.first))
        return until <= now or until - now > self.longest

    def failed(self, key: str, now: datetime) -> None:
        _, last = self._waits.get(key, (now, timedelta(0)))
        wait = min(max(self.first, 2 * last), self.longest)
        self._waits[key] = (now + wait, wait)

    def take_turn(self, key: str, now: datetime) -> bool:
        """Whether it is ready; then it waits again, however it goes. For what is done at intervals."""
        if not self.ready(key, now):
            return False
        self.failed(key, now)
        return True

    def forget(self, key: str) -> None:
        self._waits.pop(key, None)

    def forget_all(self) -> None:
        self._waits.clear()
