"""Incidents in memory."""

from datetime import timedelta

from jit.people.answers import Because
from jit.people.incidents import Incident, NoSuchIncident, NotKnown
from jit.ports import Clock


class InMemoryIncidents:
    """`Incidents` that are ``open`` or not, by id; ``gone`` answers for none. ``asked`` are the ids asked for."""

    def __init__(self, clock: Clock) -> None:
        self.open: dict[str, bool] = {}
        self.responders: frozenset[str] = frozenset()
        self.gone = False
        self.asked: list[str] = []
        self._clock = clock

    def find(self, incident: str) -> Incident | NoSuchIncident | NotKnown:
        self.asked.append(incident)
        now = self._clock.now()
        if self.gone:
            return NotKnown(incident, Because.NO_ANSWER, now, "fake", timedelta(seconds=2).total_seconds())
        if incident not in self.open:
            return NoSuchIncident(incident, now, "fake", 0.1)
        return Incident(incident, self.open[incident], 2, "orders", self.responders, now, "fake", 0.1)
