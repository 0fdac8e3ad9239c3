"""Processes begin their work, and decide by other rules."""

from typing import Annotated, Literal

from jit.facts.fact import Fact, Room, Said, Who
from jit.facts.ocsf import Class, Event
from jit.facts.sentence import Name, Part, Person, Several, Text, Told

NO_POLICY = "none"
"""What a process that reads no rules names as their version."""
CHANGES_TOLD = 6
"""As many are told in a line."""


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
    """A process began to decide by other rules.

    Attributes:
        changes: in words, access by access, what became looser and what tighter (`jit.policy.changes`).
        commit, author, reviewed_by: of the new rules, as a file beside them says (`jit.policy.files.origin`).
    """

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.LIFECYCLE, (8, "Update"))

    kind: Literal["policy.changed"] = "policy.changed"
    policy_version: str
    before: str
    changes: Annotated[tuple[str, ...], Said()] = ()
    commit: Annotated[str | None, Said()] = None
    author: Who | None = None
    reviewed_by: Who | None = None

    def told(self) -> Told:
        now, before = Name(self.policy_version[:8]), Name(self.before[:8])
        changes = Several(tuple(map(Text, self.changes)), CHANGES_TOLD, "; ")
        origin: list[Part] = [("commit ", Text(self.commit, 40))] if self.commit else []
        origin += [("by ", Person(self.author))] if self.author else []
        origin += [("reviewed by ", Person(self.reviewed_by))] if self.reviewed_by else []
        about = ("to ", now, " from ", before, ", at ", Person(self.actor))
        return Told("policy changed", about, (changes, Several(tuple(origin))))
