"""Who people are, and who stands in for whom."""

from typing import Annotated, Literal

from jit.facts.fact import Fact, FreeText, Moment, Personal, Room, Who
from jit.facts.ocsf import UPDATE, Class, Entity, Event, Severity
from jit.facts.sentence import Name, Part, Person, Time, Told, quote


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


_THEMSELVES = Entity("person", "User", "actor")


class Away(Fact):
    """An approver is away, and names somebody who decides on the same things. It gives nobody anything."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE, entity=_THEMSELVES)

    kind: Literal["away"] = "away"
    until: Moment
    substitute: Who
    group: str = ""
    """Of the policy, where it is for one alone."""

    def told(self) -> Told:
        for_group: Part = (" for ", Name(self.group, 80)) if self.group else ""
        about = (": ", Person(self.actor), " until ", Time(self.until, self.at))
        return Told("away", about, ((Person(self.substitute), " stands in", for_group),))


class Back(Fact):
    """Somebody who was away is back before their time."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE, entity=_THEMSELVES)

    kind: Literal["back"] = "back"

    def told(self) -> Told:
        return Told("back", (": ", Person(self.actor)))
