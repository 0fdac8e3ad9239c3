"""Which lockdowns are in force, by the facts: asked at every decision, and before every effect.

One look into an index tells whether anything was recorded since it was asked last; the facts are read only then.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from jit.ledger.entry import Entry, TamperedEntry, hash_of, require_unchanged
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
    changed: TamperedEntry | None = None


class LockdownReader:
    """Reads them, and remembers what it read last. Thread-safe."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._known = _Known(None, ())

    def read(self, connection: Connection, *, skip_changed: bool = False) -> tuple[Lockdown, ...]:
        """Raises TamperedEntry, unless ``skip_changed``: one was changed, and so it is not known what it stops."""
        newest = connection.scalar(_NEWEST)
        if newest is None:
            return ()
        if self._known.newest != newest or self._known.changed:
            self._known = self._read(connection, newest)
        if self._known.changed and not skip_changed:
            raise self._known.changed
        return self._known.lockdowns

    def _read(self, connection: Connection, newest: int) -> _Known:
        try:
            found = read_all(connection, self._ring, _ALL)
            for entry in found:
                require_unchanged(entry)
        except TamperedEntry as changed:
            legible = read_all(connection, self._ring, _ALL, skip_unreadable=True)
            return _Known(newest, _in_force(each for each in legible if each.hash == hash_of(each.body)), changed)
        return _Known(newest, _in_force(found))


def _in_force(found: Iterable[Entry]) -> tuple[Lockdown, ...]:
    return in_force(entry.fact for entry in found)
