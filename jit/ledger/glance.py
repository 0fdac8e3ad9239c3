"""Requests of a ledger in SQLite, read with SQLite's own driver and nothing else: for a command that asks once, and
would wait longer for SQLAlchemy than for the answer. It changes nothing, and says the same as `Ledger.requests`.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from jit.facts import life_kinds
from jit.ledger.entry import BrokenChain
from jit.ledger.opened import deleted_keys_in, key_ids_in, opened, request_of
from jit.ledger.privacy.sealing import KEY_BYTES
from jit.ledger.unavailable import LedgerUnavailable
from jit.ledger.version import VERSION
from jit.requests.lifecycle import Request, State

BUSY_SECONDS = 3


class NotAtAGlance(LedgerUnavailable):
    """This needs more than a glance: no such file, other tables, entries that were changed, or no answer."""


def requests(file: Path, states: Sequence[State], limit: int = 100) -> list[Request]:
    """Those in these states, newest first; in all states if none is named.

    Raises NotAtAGlance: ask the ledger itself, which says what is wrong.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN")
            if connection.execute("SELECT version FROM made_by").fetchone() != (VERSION,):
                raise NotAtAGlance("tables of another version")
            return [*_requests(connection, states, limit)]
    except (sqlite3.Error, BrokenChain) as wrong:
        raise NotAtAGlance(type(wrong).__name__) from None


def _requests(connection: sqlite3.Connection, states: Sequence[State], limit: int) -> Iterator[Request]:
    """Raises BrokenChain, sqlite3.Error."""
    wanted = f"WHERE state IN ({_marks(states)})" if states else ""
    ids = connection.execute(f"SELECT id FROM requests {wanted} ORDER BY asked_at DESC LIMIT ?", (*states, limit))  # noqa: S608  question marks
    for (request_id,) in ids.fetchall():
        rows = connection.execute(
            f'SELECT "index", CAST(body AS BLOB), hash FROM entries WHERE request_id = ? AND kind IN '  # noqa: S608  as above
            f'({_marks(life_kinds())}) ORDER BY "index"',
            (request_id, *life_kinds()),
        ).fetchall()
        keys = _keys(connection, [body for _, body, _ in rows])
        if (found := request_of([opened(index, body, kept, keys) for index, body, kept in rows])) is not None:
            yield found


def _keys(connection: sqlite3.Connection, bodies: Sequence[bytes]) -> Mapping[str, bytes | None]:
    """As `KeyRing.opening`: None for one whose deletion is recorded."""
    found: dict[str, bytes | None] = {}
    for key_id in key_ids_in(bodies):
        row = connection.execute("SELECT CAST(key AS BLOB) FROM person_keys WHERE id = ?", (key_id,)).fetchone()
        if row is not None and len(row[0]) == KEY_BYTES:
            found[key_id] = row[0]
        elif key_id in _deleted(connection):
            found[key_id] = None
    return found


def _deleted(connection: sqlite3.Connection) -> set[str]:
    erased = "SELECT CAST(body AS BLOB) FROM entries WHERE request_id IS NULL AND kind = 'person.erased'"
    return set(deleted_keys_in(body for (body,) in connection.execute(erased)))


def _marks(values: Sequence[object] | frozenset[str]) -> str:
    return ", ".join("?" * len(values))
