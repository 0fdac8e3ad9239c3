"""Access is given."""

from typing import Literal

from jit.facts.fact import HowToConnect, Moment, Room, SignedEnd, Words
from jit.facts.life import Checked, Life
from jit.facts.ocsf import ASSIGN, BEGUN, FAILED, Class, Event, Severity
from jit.facts.sentence import Access, Part, Person, Time, Told, names, target_said


class GrantIntent(Checked):
    """Access is about to be given. Fixes the end."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, ASSIGN, BEGUN)

    kind: Literal["grant.intent"] = "grant.intent"
    ends_at: Moment
    held_before: tuple[str, ...]
    end_order: SignedEnd | None = None
    """Names this fact and its end: what stands beside it here explains no other end. None before there were such."""

    def told(self) -> Told:
        before: Part = ("held before: ", names(self.held_before)) if self.held_before else ""
        return Told("giving", _until(self), (before, self.other_rules))


class Granted(Checked):
    """Access was given, and read back from the target."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, ASSIGN)

    kind: Literal["granted"] = "granted"
    ends_at: Moment
    read_back: tuple[str, ...]
    how_to_connect: HowToConnect | None = None
    """As the target said, for its requester: it is no part of what is told. None before this was recorded."""

    def told(self) -> Told:
        return Told("granted", _until(self), (self.other_rules,), (("read back ", names(self.read_back)),))


class GrantFailed(Life):
    """Not given: the target said so, and reading back found nothing; or it cannot be opened, and nothing was tried."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, ASSIGN, FAILED, Severity.LOW)
    closes = True

    kind: Literal["grant.failed"] = "grant.failed"
    reason: Words

    def told(self) -> Told:
        about = (Access(self.access), " to ", Person(self.requester))
        return Told("not granted", about, (target_said(self.target, self.reason),), ("reading back found nothing",))


def _until(fact: GrantIntent | Granted) -> tuple[Part, ...]:
    return (Access(fact.access), " to ", Person(fact.requester), " until ", Time(fact.ends_at, fact.at))
