"""Who people are, and who stands in for whom."""

from typing import Annotated, Literal

from jit.facts.fact import Fact, FreeText, Personal, Room, Who
from jit.facts.ocsf import UPDATE, Class, Entity, Event, Severity
from jit.facts.sentence import Person, Told, quote


class PersonRebound(Fact):
    """Security says that an account whose e-mail changed is still the same person's."""

    recorded_by = (Room.AUDITOR,)
    ocsf = Event(Class.ENTITY, UPDATE, severity=Severity.MEDIUM, entity=Entity("person", "User", "requester"))

    kind: Literal["person.rebound"] = "person.rebound"
    requester: Who
    """The person."""
    email: Annotated[str, Personal()]
    """The one that is theirs from here on."""
    reason: FreeText

    def told(self) -> Told:
        return Told("person rebound", (": ", Person(self.requester), " by ", Person(self.actor)), (quote(self.reason),))
