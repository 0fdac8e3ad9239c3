"""Access is ordered to end, and is taken away."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from jit.facts.fact import FreeText, Personal, Room, Said, Words
from jit.facts.life import Checked, Life
from jit.facts.ocsf import BEGUN, DEACTIVATE, FAILED, REVOKE, Class, Event, Severity
from jit.facts.sentence import Access, Name, Part, Person, Several, Text, Told, plural, quote, target_said


class EndCause(StrEnum):
    """Why access was taken away."""

    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    RECOVERED = "recovered"
    """A grant that could not be finished was taken back."""
    LATE = "late"
    """Something was found in the target after its end."""
    DEACTIVATED = "deactivated"
    """Whoever asked for it has no account in Slack any more."""
    LEFT_RULES = "left_rules"
    """Whoever asked for it may not ask for it any more."""
    LOCKDOWN = "lockdown"
    """A lockdown ended it."""
    EXCEEDED = "exceeded"
    """It was used for something else than it is for."""


LOCKED = "a lockdown stopped it"
LEFT = {
    "deactivated": "the requester was deactivated in Slack",
    "left_rules": "the requester may not ask for this any more",
}
ENDED_BY_ITSELF = {
    EndCause.EXPIRED: "time was over",
    EndCause.RECOVERED: "it could not be finished and was taken back",
    EndCause.LATE: "it was found after its end and taken back",
    EndCause.DEACTIVATED: LEFT["deactivated"],
    EndCause.LEFT_RULES: LEFT["left_rules"],
    EndCause.LOCKDOWN: LOCKED,
    EndCause.EXCEEDED: "it was used for something else than it is for",
}
"""Why access ended without anybody's word."""


class OrdersEnd(Life):
    """A fact after which the access is to be taken away, without waiting for its time."""


class TakesAway(Life):
    """The truth about an end, which finds its place in the record in every state."""

    waits = True


class Released(OrdersEnd):
    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, DEACTIVATE)

    kind: Literal["released"] = "released"

    def told(self) -> Told:
        return Told("released", (Access(self.access), " by ", Person(self.requester)))


class Revoked(OrdersEnd):
    """Somebody ordered the end."""

    recorded_by = (Room.BOT, Room.AUDITOR)
    ocsf = Event(Class.ENTITY, DEACTIVATE, severity=Severity.LOW)

    kind: Literal["revoked"] = "revoked"
    reason: FreeText

    def told(self) -> Told:
        return Told("revoked", (*_whose(self), " by ", Person(self.actor)), (quote(self.reason),))


class RequesterLeft(Checked, OrdersEnd):
    """Whoever asked may hold this no longer: nobody's order, but what Slack and the rules say."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, DEACTIVATE, severity=Severity.LOW)

    kind: Literal["requester.left"] = "requester.left"
    because: Annotated[Literal["deactivated", "left_rules"], Said()]

    def told(self) -> Told:
        return Told("requester left", (": ", *_whose(self), " is to end"), (LEFT[self.because], self.other_rules))


class Exceeded(OrdersEnd):
    """It was used for something else than it is for, and the rules say that it ends then. An alert beside it tells."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, DEACTIVATE, severity=Severity.MEDIUM)

    kind: Literal["exceeded"] = "exceeded"
    limit: Words
    """What it went past, in words."""
    activity: UUID
    """The fact that tells of what was done."""

    def told(self) -> Told:
        return Told("exceeded", (": ", *_whose(self), " is to end"), (Text(self.limit),))


class RevokeIntent(TakesAway):
    """About to be taken away."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, REVOKE, BEGUN)

    kind: Literal["revoke.intent"] = "revoke.intent"
    cause: Annotated[EndCause, Said()]
    lockdown: str | None = None
    """By which it ends."""

    def told(self) -> Told:
        return Told("ending", _whose(self), (_why(self.cause, self.lockdown),))


class RevokeFailed(TakesAway):
    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, REVOKE, FAILED, Severity.MEDIUM)

    kind: Literal["revoke.failed"] = "revoke.failed"
    reason: Words
    attempts: int

    def told(self) -> Told:
        attempts = plural(self.attempts, "attempt", "attempts")
        return Told("not ended yet", _whose(self), (target_said(self.target, self.reason), attempts))


class Ended(TakesAway):
    """Taken away, and read back from the target: nothing is left of the grant."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ACCESS, REVOKE)
    closes = True

    kind: Literal["ended"] = "ended"
    cause: Annotated[EndCause, Said()]
    existed: bool
    """Whether the target still held anything."""
    sessions: int
    """Live sessions that were cut."""
    left_behind: Annotated[tuple[str, ...], Personal(), Said()]
    lockdown: str | None = None

    def told(self) -> Told:
        cut = plural(self.sessions, "session cut", "sessions cut") if self.sessions else ""
        left: Part = ("left behind: ", Several(tuple(map(Text, self.left_behind)), 3)) if self.left_behind else ""
        nothing = "" if self.existed else "there was nothing left to take"
        more = (_why(self.cause, self.lockdown), cut, left, nothing)
        return Told("ended", _whose(self), more, ("reading back found nothing of it",))


def _whose(fact: Life) -> tuple[Part, ...]:
    return (Access(fact.access), " of ", Person(fact.requester))


def _why(cause: EndCause, lockdown: str | None) -> Part:
    return (ENDED_BY_ITSELF.get(cause, cause.value), (": ", Name(lockdown)) if lockdown else "")
