"""Followers read the ledger from a cursor and show what it says: leases, cursors and notes, beside the ledger."""

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, select, text, update

from jit.ledger.database import reading, writing
from jit.ledger.schema import entries, leases, notes
from jit.ledger.tail import NOTIFIES
from jit.ports import Clock

CURSOR = "cursor"


class RecordPosition:
    """What stands in the record: how far it goes, and under which hashes entries are kept. Raises LedgerUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last(self, index: int) -> tuple[int, str | None]:
        """The last index, and the hash of the entry at this one; None where there is none."""
        last = select(func.max(entries.c.index)).scalar_subquery()
        kept = select(entries.c.hash).where(entries.c.index == index).scalar_subquery()
        with reading(self._engine) as connection:
            found = connection.execute(select(last, kept)).one()
        return found[0] or 0, found[1]

    def hashes(self, after: int, until: int) -> dict[int, str]:
        """By index, in order; the last ``until`` is included."""
        query = select(entries.c.index, entries.c.hash).where(entries.c.index > after, entries.c.index <= until)
        with reading(self._engine) as connection:
            return dict(connection.execute(query.order_by(entries.c.index)).all())


class Leases:
    """Who may follow right now. One holder at a time; a holder that falls silent loses it after ``lasts``.

    A lease that lasts longer than one can was taken before the clock was set back, and counts as run out.
    """

    def __init__(self, engine: Engine, clock: Clock, lasts: timedelta = timedelta(seconds=5)) -> None:
        self._engine = engine
        self._clock = clock
        self._lasts = lasts

    def hold(self, name: str, holder: str) -> bool:
        """Take or renew the lease; False if somebody else holds it. Raises LedgerUnavailable."""
        now = self._clock.now()
        mine = {"holder": holder, "until": now + self._lasts}
        runs = and_(now < leases.c.until, leases.c.until <= now + self._lasts)  # there: what stands may be no moment
        with writing(self._engine) as connection:
            row = connection.execute(
                select(leases.c.holder, runs.label("runs")).where(leases.c.name == name)
            ).one_or_none()
            if row is None:
                connection.execute(insert(leases).values(name=name, **mine))
            elif row.holder != holder and row.runs:
                return False
            else:
                connection.execute(update(leases).where(leases.c.name == name).values(mine))
        return True

    def let_go(self, name: str, holder: str) -> None:
        """Give the lease up, so that the next one need not wait. Raises LedgerUnavailable."""
        with writing(self._engine) as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

    def forget(self, beginning: str, before: datetime) -> None:
        """Leases whose names begin so and that ran out before then. Raises LedgerUnavailable."""
        old = leases.c.name.startswith(beginning, autoescape=True) & (leases.c.until < before)
        with reading(self._engine) as connection:
            if connection.execute(select(leases.c.name).where(old).limit(1)).first() is None:
                return
        with writing(self._engine) as connection:
            connection.execute(delete(leases).where(old))


class LeaseLost(Exception):
    """Somebody else holds the lease now, or nobody."""


class Lease(NamedTuple):
    """A lease by its name, and who holds it."""

    name: str
    holder: str


class Notes:
    """What one follower remembers across restarts: text under keys. Raises LedgerUnavailable.

    With a ``lease``, nothing is noted any more once another has it: who was stopped in the middle of something and
    goes on much later changes nothing under the hands of who followed.
    """

    def __init__(self, engine: Engine, follower: str, lease: Lease | None = None) -> None:
        self._engine = engine
        self._follower = follower
        self._lease = lease

    def get(self, key: str) -> str | None:
        query = select(notes.c.value).where(notes.c.follower == self._follower, notes.c.key == key)
        with reading(self._engine) as connection:
            return connection.scalar(query)

    def all(self, prefix: str = "") -> dict[str, str]:
        """Everything under keys that begin with ``prefix``."""
        begins = notes.c.key.startswith(prefix, autoescape=True)
        if self._engine.dialect.name == "sqlite":  # its LIKE looks at every key
            begins &= (notes.c.key >= prefix) & (notes.c.key <= prefix + chr(sys.maxunicode))
        query = select(notes.c.key, notes.c.value).where(notes.c.follower == self._follower, begins)
        with reading(self._engine) as connection:
            return {row.key: row.value for row in connection.execute(query)}

    def put(self, changes: dict[str, str | None], *, forget: Mapping[str, str] | None = None) -> None:
        """Set each key to its text, or forget it where that is None; all or none. Raises LeaseLost.

        What stands in ``forget`` is forgotten only where the key still has that text: what was noted since stays.
        """
        with writing(self._engine) as connection:
            self._require_lease(connection)
            for key, value in changes.items():
                connection.execute(delete(notes).where(self._mine(key)))
                if value is not None:
                    connection.execute(insert(notes).values(follower=self._follower, key=key, value=value))
            for key, value in (forget or {}).items():
                connection.execute(delete(notes).where(self._mine(key), notes.c.value == value))
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT {NOTIFIES}"))

    def _mine(self, key: str) -> ColumnElement[bool]:
        return (notes.c.follower == self._follower) & (notes.c.key == key)

    def _require_lease(self, connection: Connection) -> None:
        """In the transaction that writes: on PostgreSQL the row stays as it is until that is done."""
        if self._lease is None:
            return
        query = select(leases.c.holder).where(leases.c.name == self._lease.name).with_for_update()
        if connection.scalar(query) != self._lease.holder:
            raise LeaseLost

    @property
    def cursor(self) -> int:
        """The index of the last entry this follower is done with; 0 at first."""
        return int(self.get(CURSOR) or 0)
