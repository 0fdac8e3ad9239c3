"""Who is on call, in memory."""

from dataclasses import replace
from datetime import datetime

from jit.people import on_call
from jit.people.answers import Because
from jit.ports import Clock

KIND = "memory"


class InMemoryOnCall:
    """An `OnCall` of whoever was put on call. ``trouble`` is why nothing is known, as long as there is any."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shifts: dict[str, on_call.Shift] = {}
        self.trouble: Because | None = None
        self.asked: list[str] = []

    def put(self, schedule: str, *people: str, unbound: int = 0) -> None:
        self._shifts[schedule] = on_call.Shift(
            schedule, frozenset(people), self._clock.now(), KIND, took=0.0, unbound=unbound
        )

    def who(self, schedule: str, at: datetime) -> on_call.Shift | on_call.NotKnown:  # noqa: ARG002  nothing rotates here
        self.asked.append(schedule)
        now, shift = self._clock.now(), self._shifts.get(schedule)
        if self.trouble is not None:
            return on_call.NotKnown(schedule, self.trouble, now, KIND)
        if shift is None:
            return on_call.NotKnown(schedule, Because.NOT_NAMED, now)
        if not shift.people and not shift.unbound:
            return on_call.NotKnown(schedule, Because.NOBODY, now, KIND)
        return replace(shift, as_of=now)

    def snapshot(self) -> on_call.OnCallSnapshot:
        """What would be kept for processes that cannot ask: as of when it was put in."""
        made = on_call.NOTHING_KNOWN
        for shift in self._shifts.values():
            made = made.with_answer(shift)
        return made
