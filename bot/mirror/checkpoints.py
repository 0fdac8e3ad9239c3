"""Signed heads, as the audit channel carries them: outside the database, so that cutting off its end shows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from bot.views.audit import signed_remark
from jit.proof.audit.checkpoints import Head
from jit.proof.verifier import NoteError, parse_checkpoint, parse_note

log = structlog.get_logger(__name__)

LONGEST = 6000
"""Bytes of a note in the metadata of a message, which Slack takes up to 16 KB of."""


class SignedHeads(Protocol):
    """`jit.proof.audit.checkpoints.Heads` is one."""

    def last(self) -> Head | None: ...
    def full_note(self, head: Head) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed head. It is carried, not believed: the bot has no key to check it by. ``root`` is base64."""

    size: int
    root: str
    signed_at: datetime
    note: str

    @property
    def remark(self) -> str:
        return signed_remark(self.size, self.root)


def newest_checkpoint(heads: SignedHeads) -> Checkpoint | None:
    """None if nothing was ever signed, or what is there is no head. Raises LedgerUnavailable."""
    head = heads.last()
    if head is None:
        return None
    whole = heads.full_note(head)
    note = whole if len(whole) <= LONGEST else head.note
    checkpoint = read_checkpoint(note)
    if checkpoint is None:
        log.error("head.unreadable", number=head.number)
        return None
    return Checkpoint(checkpoint.size, checkpoint.root, head.signed_at.astimezone(UTC), checkpoint.note)


def read_checkpoint(note: bytes) -> Checkpoint | None:
    """What a note says, whoever signed it; None if it is no head, or longer than `LONGEST`."""
    if len(note) > LONGEST:
        return None
    try:
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.text)
    except NoteError:
        return None
    root = parsed.text.decode().split("\n")[2]
    return Checkpoint(checkpoint.size, root, datetime.min.replace(tzinfo=UTC), note.decode())
