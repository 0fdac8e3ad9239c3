"""A lockdown: somebody stops access, for one person, one access, one target or everything, until two people lift it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from jit.facts.fact import Fact, FreeText, Room, Said, Who
from jit.facts.ocsf import CREATE, DELETE, UPDATE, Class, Entity, Event, Severity
from jit.facts.sentence import Access, Loud, Name, Part, Person, Told, quote

Scope = Literal["person", "access", "target", "everything"]
_ITSELF = Entity("lockdown", "Policy", "lockdown_id")


class Account(BaseModel):
    """An account of whoever is locked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Who


class OfLockdown(Fact):
    """What every fact of a lockdown says again, so that it can be read without the first."""

    lockdown_id: Annotated[str, Said()]
    scope: Annotated[Scope, Said()]
    requester: Who | None = None
    """Who is locked, of a person's."""
    access: str | None = None
    target: str | None = None

    @property
    def stops(self) -> tuple[Part, ...]:
        """What is stopped, in words: ` of orders-db/read`."""
        if self.requester is not None:
            return (" of ", Person(self.requester))
        if self.access is not None:
            return (" of ", Access(self.access))
        return (" of ", Name(self.target)) if self.target is not None else (" of everything",)


class LockdownBegun(OfLockdown):
    """From here on nothing in scope is given, and what there is ends. It may come from a worker's disk, later."""

    recorded_by = (Room.BOT, Room.AUDITOR, Room.WORKERS)
    ocsf = Event(Class.ENTITY, CREATE, severity=Severity.MEDIUM, entity=_ITSELF)

    kind: Literal["lockdown.begun"] = "lockdown.begun"
    accounts: tuple[Account, ...] = ()
    """All that were known to be the person's."""
    reason: FreeText

    def told(self) -> Told:
        about = (*self.stops, " by ", Person(self.actor))
        return Told((Loud("LOCKDOWN"), " ", Name(self.lockdown_id)), about, (quote(self.reason),))


class LockdownLiftProposed(OfLockdown):
    """The first of the two people whom it takes to lift it."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE, severity=Severity.MEDIUM, entity=_ITSELF)

    kind: Literal["lockdown.lift.proposed"] = "lockdown.lift.proposed"
    reason: FreeText

    def told(self) -> Told:
        about = (*self.stops, " by ", Person(self.actor))
        return Told(
            ("proposed to lift lockdown ", Name(self.lockdown_id)), about, (quote(self.reason), "it is in force")
        )


class LockdownLifted(OfLockdown):
    """The second of them: it is over. What was ended by it stays so."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, DELETE, severity=Severity.MEDIUM, entity=_ITSELF)

    kind: Literal["lockdown.lifted"] = "lockdown.lifted"
    proposal: UUID
    """The fact by which the other one proposed it."""
    proposed_by: Who
    reason: FreeText

    def told(self) -> Told:
        about = (*self.stops, " by ", Person(self.proposed_by), " and ", Person(self.actor))
        return Told(("lifted lockdown ", Name(self.lockdown_id)), about, (quote(self.reason),))
