"""The record itself: who signs it, who read it, what went into it and out of it."""

from typing import Literal

from jit.facts.fact import Fact, FreeText, Room


class KeyChanged(Fact):
    """The record is signed with this key from here on. Keys are written as C2SP signed-note verifier keys."""

    recorded_by = (Room.SIGNER,)

    kind: Literal["key.changed"] = "key.changed"
    key: str
    before: str | None = None
    """None for the first."""


class RecordRead(Fact):
    """Somebody read the record itself."""

    recorded_by = (Room.AUDITOR,)

    kind: Literal["record.read"] = "record.read"
    how: Literal["search", "tail", "export", "prove", "mirror_check"]
    asked: FreeText
    """As typed: the filters, the request, the format."""
    after: int
    """The index behind which it was read."""


class PersonErased(Fact):
    """The key of one person's fields was deleted: what they say is nobody's any more."""

    recorded_by = (Room.PRIVACY,)

    kind: Literal["person.erased"] = "person.erased"
    key: str
    """The id of the key; the entries that it closed name it."""
    legal_basis: str
    """It stays for ever, so it names nobody."""


class SpoolTaken(Fact):
    """What waited in a host's spool was taken in, all of it: lines ``first`` to ``last`` of its chain."""

    recorded_by = (Room.HANDS,)

    kind: Literal["spool.taken"] = "spool.taken"
    host: str
    first: int
    last: int
    head: str
    """The hash of the last line."""
