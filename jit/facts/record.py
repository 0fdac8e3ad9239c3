"""The record itself: who signs it, who read it, what went into it and out of it."""

from typing import Annotated, Literal

from jit.facts.fact import Fact, FreeText, Room, Said
from jit.facts.ocsf import DELETE, OTHER, READ, Class, Entity, Event, Severity
from jit.facts.sentence import Part, Person, Text, Told, in_words, quote


class KeyChanged(Fact):
    """The record is signed with this key from here on. Keys are written as C2SP signed-note verifier keys."""

    recorded_by = (Room.SIGNER,)
    ocsf = Event(Class.LIFECYCLE, (OTHER, "Key changed"), severity=Severity.MEDIUM)

    kind: Literal["key.changed"] = "key.changed"
    key: Annotated[str, Said()]
    before: str | None = None
    """None for the first."""

    def told(self) -> Told:
        before: Part = (", and no more with ", Text(self.before, 100)) if self.before else ""
        return Told("key changed", (": signed from here on with ", Text(self.key, 100), before))


class RecordRead(Fact):
    """Somebody read the record itself."""

    recorded_by = (Room.AUDITOR,)
    ocsf = Event(Class.ENTITY, READ, entity=Entity("ledger", "Audit Record"))

    kind: Literal["record.read"] = "record.read"
    how: Annotated[Literal["search", "tail", "export", "prove", "mirror_check"], Said()]
    asked: FreeText
    """The filters, the request and the format as typed."""
    after: int
    """The index behind which it was read."""

    def told(self) -> Told:
        return Told(f"record read ({in_words(self.how)})", ("by ", Person(self.actor)), (quote(self.asked),))


class PersonErased(Fact):
    """The key of one person's fields was deleted: what they say is nobody's any more."""

    recorded_by = (Room.PRIVACY,)
    ocsf = Event(Class.ENTITY, DELETE, severity=Severity.MEDIUM, entity=Entity("person key", "Key", "key"))

    kind: Literal["person.erased"] = "person.erased"
    key: Annotated[str, Said()]
    """The id of the key; the entries that it closed name it."""
    legal_basis: Annotated[str, Said()]
    """The legal basis as typed; it stays for ever, so it names nobody."""

    def told(self) -> Told:
        more = (quote(self.legal_basis, 300), ("key ", Text(self.key, 40)))
        return Told("person erased", ("by ", Person(self.actor)), more)


class SpoolTaken(Fact):
    """What waited in a host's spool was taken in, all of it: lines ``first`` to ``last`` of its chain."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.LIFECYCLE, (OTHER, "Spool taken in"))

    kind: Literal["spool.taken"] = "spool.taken"
    host: str
    first: int
    last: int
    head: str
    """The hash of the last line."""

    def told(self) -> Told:
        return Told("spool taken in", ("from ", Text(self.host, 100), f", lines {self.first} to {self.last}"))
