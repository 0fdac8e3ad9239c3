"""Signed checkpoints, as the audit channel carries them: outside the database, so that cutting off its end shows.

Who can rewrite the ledger cannot rewrite these: a record that was cut off or changed has other roots.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import structlog

from bot.views.audit import signed_remark
from bot.views.text import Json
from jit.ledger import Ledger
from jit.proof.audit.checkpoints import SignedCheckpoint
from jit.proof.audit.roots import roots_at
from jit.proof.verifier import (
    NoteError,
    Refused,
    VerifierKey,
    cosigned_at,
    decoded,
    parse_checkpoint,
    parse_note,
    signed,
)

log = structlog.get_logger(__name__)

LONGEST = 6000
"""Bytes of a note in the metadata of a message, which Slack takes up to 16 KB of."""


class CheckpointSource(Protocol):
    """`jit.proof.audit.checkpoints.Checkpoints` is one."""

    def last(self) -> SignedCheckpoint | None: ...
    def full_note(self, checkpoint: SignedCheckpoint) -> bytes: ...


@dataclass(frozen=True, slots=True)
class CarriedCheckpoint:
    """A signed checkpoint. It is carried, not believed: the bot has no key to check it by. ``root`` is base64."""

    size: int
    root: str
    signed_at: datetime
    note: str

    @property
    def remark(self) -> str:
        return signed_remark(self.size, self.root)


class PostedCheckpoint(NamedTuple):
    """A checkpoint as a message carries it; ``root`` is base64."""

    ts: str
    size: int
    root: str
    note: str


class Judged(NamedTuple):
    """What is wrong with one. ``contradicts``: the ledger is not what was signed."""

    checkpoint: PostedCheckpoint
    contradicts: bool
    says: str


def newest_checkpoint(checkpoints: CheckpointSource) -> CarriedCheckpoint | None:
    """None if nothing was ever signed, or what is there is no checkpoint. Raises LedgerUnavailable."""
    last = checkpoints.last()
    if last is None:
        return None
    whole = checkpoints.full_note(last)
    carried = read_checkpoint(whole if len(whole) <= LONGEST else last.note)
    if carried is None:
        log.error("checkpoint.unreadable", number=last.number)
        return None
    return replace(carried, signed_at=last.signed_at.astimezone(UTC))


def checkpoint_in(payload: Json) -> CarriedCheckpoint | None:
    """The checkpoint that a message carries, whoever signed it; None without one, or if it is none."""
    note = payload.get("checkpoint")
    return read_checkpoint(note.encode(errors="replace")) if isinstance(note, str) else None


def read_checkpoint(note: bytes) -> CarriedCheckpoint | None:
    """What a note says, whoever signed it; None if it is no checkpoint, or longer than `LONGEST`."""
    if len(note) > LONGEST:
        return None
    try:
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.text)
    except NoteError:
        return None
    root = parsed.text.decode().split("\n")[2]
    return CarriedCheckpoint(checkpoint.size, root, datetime.min.replace(tzinfo=UTC), note.decode())


def weigh(ledger: Ledger, checkpoints: Sequence[PostedCheckpoint], keys: Sequence[VerifierKey]) -> Iterator[Judged]:
    """Those that the ledger or the keys do not bear out. Raises LedgerUnavailable."""
    roots = dict(roots_at(ledger, {checkpoint.size for checkpoint in checkpoints}))
    ends = ledger.last_index()
    for checkpoint in sorted(checkpoints):
        signature = _signature(checkpoint, keys)
        name = f"the checkpoint over {checkpoint.size} entries, root {checkpoint.root}"
        if signature is None:
            yield Judged(
                checkpoint, contradicts=False, says=f"{name}: what is written as a known key's signature is none"
            )
        elif roots.get(checkpoint.size) != checkpoint.root:
            has = f"ends with #{ends}" if ends < checkpoint.size else "has another root there, or lacks an entry before"
            yield Judged(checkpoint, contradicts=True, says=f"{name}, {signature}: the ledger {has}")
        elif not signature.startswith("signed by"):
            yield Judged(checkpoint, contradicts=False, says=f"{name}: {signature}")


def _signature(checkpoint: PostedCheckpoint, keys: Sequence[VerifierKey]) -> str | None:
    """Who signed it, in words; None if a signature that names a known key does not hold."""
    try:
        note = parse_note(checkpoint.note.encode())
        decoded(checkpoint.root)
        for key in keys:
            cosigned_at(note, key)
            if signed(note, key):
                return f"signed by {key.name}"
    except Refused:
        return None
    return "signed by nobody who is known here" if not keys else "no known key signed it"
