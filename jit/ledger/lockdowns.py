"""Which lockdowns are in force, by the facts: asked at every decision, and before every effect.

One look into an index tells whether anything was recorded since it was asked last; the facts are read only then.
"""

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from jit.ledger.entry import require_unchanged
from jit.ledger.kept import KEPT
from jit.ledger.keys import KeyRing
from jit.ledger.load import read_all
from jit.ledger.schema import entries
from jit.requests.lockdown import Lockdown, in_force

KINDS = ("lockdown.begun", "lockdown.lift.proposed", "lockdown.lifted")
_OF_LOCKDOWNS = entries.c.request_id.is_(None), entries.c.kind.in_(KINDS)
_NEWEST = select(func.max(entries.c.index)).where(*_OF_LOCKDOWNS)
_ALL = KEPT.where(*_OF_LOCKDOWNS).order_by(entries.c.index)


class _Known(NamedTuple):
    newest: int | None
    lockdowns: tuple[Lockdown, ...]


class LockdownReader:
    """Reads them, and remembers what it read last. Thread-safe."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._known = _Known(None, ())

    def read(self, connection: Connection) -> tuple[Lockdown, ...]:
        """Raises TamperedEntry: one was changed, and so it is not known what it stops."""
        newest = connection.scalar(_NEWEST)
        if newest is None:
            return ()
        if self._known.newest != newest:
            found = read_all(connection, self._ring, _ALL)
            for entry in found:
                require_unchanged(entry)
            self._known = _Known(newest, in_force(entry.fact for entry in found))
        return self._known.lockdowns
