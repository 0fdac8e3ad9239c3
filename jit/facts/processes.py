"""Processes begin their work, and decide by other rules."""

from typing import Annotated, Literal

from jit.facts.fact import Fact, Room, Said
from jit.facts.ocsf import Class, Event
from jit.facts.sentence import Name, Part, Person, Several, Text, Told

NO_POLICY = "none"
"""What a process that reads no rules names as their version."""


class Started(Fact):
    """A process began its work."""

    recorded_by = (Room.BOT, Room.WORKERS, Room.SIGNER)
    ocsf = Event(Class.LIFECYCLE, (3, "Start"))
    waits = True

    kind: Literal["started"] = "started"
    process: str
    version: str
    policy_version: str
    warnings: Annotated[tuple[str, ...], Said()] = ()

    def told(self) -> Told:
        policy: Part = ("policy ", Name(self.policy_version[:8])) if self.policy_version != NO_POLICY else ""
        warnings = Several(tuple(map(Text, self.warnings)))
        return Told("started", (Text(self.process), " ", Name(self.version)), (policy, warnings))


class PolicyChanged(Fact):
    """A process began to decide by other rules."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.LIFECYCLE, (8, "Update"))

    kind: Literal["policy.changed"] = "policy.changed"
    policy_version: str
    before: str

    def told(self) -> Told:
        now, before = Name(self.policy_version[:8]), Name(self.before[:8])
        return Told("policy changed", ("to ", now, " from ", before, ", at ", Person(self.actor)))
