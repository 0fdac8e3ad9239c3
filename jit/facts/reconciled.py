"""What a target holds is held against the record, and what nobody granted is taken away."""

from typing import Annotated, Literal

from jit.facts.fact import Fact, Moment, Principal, Room, Said, Words
from jit.facts.ocsf import BEGUN, OTHER, Class, Event, Severity, Status
from jit.facts.sentence import Name, Part, Several, Text, Told, plural, target_said


class Reconciled(Fact):
    """A target was compared with the record, whether or not they agree. The newest of a target says all that is known
    to differ there.
    """

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.LIFECYCLE, (OTHER, "Reconciled"))

    kind: Literal["reconciled"] = "reconciled"
    target: str
    outcome: Annotated[Literal["agree", "known", "new", "not_compared"], Said()]
    """All agree; what differs was known before; something new differs; or that is not known."""
    trouble: Words = ""
    """Why it could not be compared; what is known is then as it was before."""
    read: int = 0
    """Entries of the target that were looked at."""
    grants: int = 0
    """Of these, grants of ours."""
    accepted: int = 0
    """Of these, standing access that is listed, and found as listed."""
    found: int = 0
    """What differs, all of it."""
    known: tuple[str, ...] = ()
    """The ids of what differs, as many as fit."""
    at_first: tuple[str, ...] = ()
    """Of these, what was there at the first comparison: nobody but a person takes it away."""
    since: Moment | None = None
    """When it was first compared; None if it never was."""
    rest: str = ""
    """SHA-256 over the ids that did not fit; empty if all did."""
    found_new: int = 0
    """Of what differs, what was not known before."""
    new: Annotated[tuple[str, ...], Said()] = ()
    """The first of these, `ungranted f00dfeed0123`; the alerts say whose they are, where that can be erased."""
    gone: tuple[str, ...] = ()
    """The ids of what differed before, and does no more."""

    def event(self) -> Event:
        """With what was found."""
        if self.outcome == "not_compared":
            return self.ocsf._replace(status=(Status.FAILURE, "Failure"), severity=Severity.MEDIUM)
        return self.ocsf._replace(severity=Severity.MEDIUM) if self.outcome == "new" else self.ocsf

    def told(self) -> Told:
        if self.outcome == "not_compared":
            return Told("not reconciled", (": ", target_said(self.target, self.trouble)))
        said = plural(self.found, "difference", "differences") if self.found else "all agree"
        counted = f"{self.read} read, {plural(self.grants, 'grant', 'grants')}, {self.accepted} standing as listed"
        new: Part = (f"new: {self.found_new}: ", Several(tuple(map(Text, self.new)), 3)) if self.new else ""
        gone = f"gone: {len(self.gone)}" if self.gone else ""
        return Told("reconciled", (Name(self.target), f": {said}"), (counted, new, gone))


class RemovalIntent(Fact):
    """Access that nobody granted is about to be taken away."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.LIFECYCLE, (OTHER, "Removal begun"), BEGUN)
    waits = True

    kind: Literal["removal.intent"] = "removal.intent"
    finding: str
    """The id of what differs, as `Reconciled` has it."""
    target: str
    principal: Principal
    permissions: Annotated[tuple[str, ...], Said()]

    def told(self) -> Told:
        return Told("removing", _what(self), ("nobody granted it",))


class Removed(Fact):
    """Access that nobody granted was taken away and the target read back, or it could not be."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.LIFECYCLE, (OTHER, "Removed"))
    waits = True

    kind: Literal["removed"] = "removed"
    finding: str
    target: str
    principal: Principal
    permissions: Annotated[tuple[str, ...], Said()]
    outcome: Annotated[Literal["gone", "there"], Said()]
    """As the target was read back."""
    trouble: Words = ""
    """Why it is still there."""

    def event(self) -> Event:
        """With how it went."""
        if self.outcome == "gone":
            return self.ocsf
        return self.ocsf._replace(status=(Status.FAILURE, "Failure"), severity=Severity.MEDIUM)

    def told(self) -> Told:
        more: Part = target_said(self.target, self.trouble) if self.trouble else "nobody had granted it"
        return Told("removed" if self.outcome == "gone" else "not removed", _what(self), (more,))


def _what(fact: "RemovalIntent | Removed") -> tuple[Part, ...]:
    return (Several(tuple(map(Text, fact.permissions))), " of ", Text(fact.principal), " on ", Name(fact.target))
