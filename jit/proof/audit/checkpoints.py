"""The tables of signed checkpoints, and of what witnesses add to them.

Whoever can write to the database can write here: nothing read is trusted before its signatures are checked
(`jit.proof.verifier`). What is too long to be a checkpoint comes cut short, and no signature fits it then.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Engine, LargeBinary, Select, cast, func, insert, select

from jit.clock import from_micros
from jit.ledger.database import reading, writing
from jit.ledger.schema import checkpoints, cosignatures

LONGEST_NOTE = 64 * 1024
"""Bytes. One of ours has a few hundred."""
LONGEST_LINE = 1024
MOST_WITNESSES = 50
PAGE = 500
_LAST_MOMENT = 253_402_300_799_000_000
"""Microseconds up to the end of the year 9999: no moment is later."""
_SIGNATURE_LINE = re.compile("— [^\\s+]{1,200} [A-Za-z0-9+/]{8,}={0,2}\n")


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was signed. ``size`` and ``signed_at`` are what the table says, not the ``note``."""

    number: int
    size: int
    signed_at: datetime
    note: bytes


class CheckpointsMoved(Exception):
    """Somebody else changed the table of checkpoints meanwhile. Nothing was added."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Every method raises LedgerUnavailable."""

    engine: Engine

    def after(self, number: int = 0, limit: int = PAGE) -> list[SignedCheckpoint]:
        """Up to ``limit`` checkpoints that come after this number, in order."""
        return self._found(_KEPT.where(checkpoints.c.number > number).order_by(checkpoints.c.number).limit(limit))

    def all(self, after: int = 0) -> Iterator[SignedCheckpoint]:
        """All that come after this number, in order, a page at a time."""
        while page := self.after(after):
            yield from page
            after = page[-1].number

    def at(self, number: int) -> SignedCheckpoint | None:
        """The one with this number."""
        found = self._found(_KEPT.where(checkpoints.c.number == number))
        return found[0] if found else None

    def covering(self, index: int) -> SignedCheckpoint | None:
        """The first whose tree holds the entry at ``index``."""
        found = self._found(
            _KEPT.where(checkpoints.c.size >= index).order_by(checkpoints.c.size, checkpoints.c.number).limit(1)
        )
        return found[0] if found else None

    def last(self) -> SignedCheckpoint | None:
        """The one with the highest number."""
        found = self.latest(1)
        return found[0] if found else None

    def latest(self, limit: int, before: int | None = None) -> list[SignedCheckpoint]:
        """Up to ``limit``, the highest number first; only those below ``before``, if that is given."""
        query = _KEPT if before is None else _KEPT.where(checkpoints.c.number < before)
        return self._found(query.order_by(checkpoints.c.number.desc()).limit(limit))

    def add(
        self, size: int, signed_at: datetime, note: bytes, *, after: int | None = None, at_least: int = 1
    ) -> SignedCheckpoint:
        """Under the next number, ``at_least`` this. Raises CheckpointsMoved if the last one is not ``after``."""
        with writing(self.engine) as connection:
            last = connection.scalar(select(func.max(checkpoints.c.number))) or 0
            if after not in (None, last):
                raise CheckpointsMoved
            number = max(last + 1, at_least)
            connection.execute(insert(checkpoints).values(number=number, size=size, signed_at=signed_at, note=note))
        return SignedCheckpoint(number, size, signed_at, note)

    def cosign(self, checkpoint: int, witness: str, line: bytes) -> bool:
        """Keep a witness's line for the checkpoint with this number; False if one of that witness is there already."""
        query = select(cosignatures.c.checkpoint).where(
            cosignatures.c.checkpoint == checkpoint, cosignatures.c.witness == witness
        )
        with writing(self.engine) as connection:
            if connection.scalar(query) is not None:
                return False
            connection.execute(insert(cosignatures).values(checkpoint=checkpoint, witness=witness, line=line))
        return True

    def cosigned(self, checkpoint: int) -> dict[str, bytes]:
        """The lines kept for the checkpoint with this number, by witness; none that is no signature line at all."""
        query = (
            select(cosignatures.c.witness, _bytes(cosignatures.c.line, LONGEST_LINE))
            .where(cosignatures.c.checkpoint == checkpoint)
            .order_by(cosignatures.c.witness)
            .limit(MOST_WITNESSES)
        )
        with reading(self.engine) as connection:
            rows = [(str(witness), bytes(line or b"")) for witness, line in connection.execute(query)]
        return {witness: line for witness, line in rows if is_signature_line(line)}

    def full_note(self, checkpoint: SignedCheckpoint) -> bytes:
        """The checkpoint with the lines that witnesses have added to it."""
        return checkpoint.note + b"".join(self.cosigned(checkpoint.number).values())

    def _found(self, query: Select[int, int, int, bytes]) -> list[SignedCheckpoint]:
        with reading(self.engine) as connection:
            return [
                SignedCheckpoint(number, size, from_micros(min(max(micros, 0), _LAST_MOMENT)), bytes(note or b""))
                for number, size, micros, note in connection.execute(query)
            ]


def is_signature_line(line: bytes) -> bool:
    """Whether this has the form of one signature line of a note; what it is worth is another question."""
    try:
        return len(line) <= LONGEST_LINE and _SIGNATURE_LINE.fullmatch(line.decode()) is not None
    except UnicodeDecodeError:
        return False


def _bytes(column: ColumnElement[bytes], most: int) -> ColumnElement[bytes]:
    """SQLite holds text in a column of bytes, too."""
    return cast(func.substr(cast(column, LargeBinary), 1, most + 1), LargeBinary)


_KEPT = select(
    cast(checkpoints.c.number, BigInteger),
    cast(checkpoints.c.size, BigInteger),
    cast(checkpoints.c.signed_at, BigInteger),
    _bytes(checkpoints.c.note, LONGEST_NOTE),
)
