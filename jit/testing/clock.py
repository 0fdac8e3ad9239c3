"""A clock that the test holds."""

from datetime import UTC, datetime, timedelta

T0 = datetime(2026, 11, 21, 14, tzinfo=UTC)


class ManualClock:
    """A `Clock` that stands still until it is moved. Whoever sets ``time`` sets it as an administrator does: `ticks`
    knows nothing of it.
    """

    def __init__(self, time: datetime = T0) -> None:
        self.time = time
        self._ticks = 0.0

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        """Let time pass: keywords as of `timedelta`."""
        self.time += timedelta(**by)
        self._ticks += timedelta(**by).total_seconds()

    def ticks(self) -> float:
        return self._ticks
