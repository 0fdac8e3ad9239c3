"""One request, and what a stage beside the chat sees of it, moment by moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from demo import promises
from demo.held import Role
from demo.observer import Observation
from demo.parts import BOT, LEDGER, REDIS, SIGNER, SLACK, TARGET, TIMEKEEPER, WORKERS, Seen
from demo.record import Record
from jit.testing import T0, InMemoryLedger, ManualClock, Story

BEGAN = 1000.0
"""Seconds of the monotonic clock at T0."""
MINE = Role("jit_r_7f3k", ["alice"], ["orders_read"])
CARD = {"pending": "*Alice* asks for", "active": "Active until 14:32", "ended": "Ended 14:21"}


class Scene:
    """One request, and what is seen of it at each moment."""

    def __init__(self):
        self.clock = ManualClock()
        self.ledger = InMemoryLedger(self.clock)
        self.story = Story(self.ledger, self.clock)
        self.record = Record(self.ledger)
        self.parts = {
            name: Seen(name, name, "", up=True, since=BEGAN, restarts=0, says="", acts=())
            for name in (WORKERS, TIMEKEEPER, BOT, SIGNER, REDIS, SLACK, TARGET, LEDGER)
        }

    @property
    def tick(self):
        return BEGAN + (self.clock.now() - T0).total_seconds()

    def down(self, *names):
        for name in names:
            self.parts[name] = replace(self.parts[name], up=False, since=self.tick)

    def up(self, *names):
        for name in names:
            self.parts[name] = replace(self.parts[name], up=True, since=self.tick, restarts=1)

    def passes(self, seconds):
        self.clock.move(seconds=seconds)

    def look(self, *, roles=(MINE,), **seen):
        self.record.read_on()
        state = self.story.request.state if self.record.stories else "pending"
        known = {
            "now": self.clock.now(),
            "tick": self.tick,
            "parts": dict(self.parts),
            "wiped": -1.0,
            "connected": True,
            "roles": roles if self.parts[TARGET].up else None,
            "record": self.record,
            "checked_whole": self.record.last,
            "unread": "" if self.parts[LEDGER].up else "no answer",
            "broken": "",
            "waiting": 0,
            "put_aside": 0,
            "cards": {self.story.id: (CARD.get(state, ""),)},
            "failures": (),
            "acknowledged": (),
        }
        return Observation(**known | seen)


@contextmanager
def unhurried(lag: float = 15.0, still: float = 60.0) -> Iterator[None]:
    """More patient lights, for real parts on a busy machine. How strict they are is tested by a clock that is set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promises, "LAG", lag)
        patch.setattr(promises, "CARD_STILL", still)
        yield
