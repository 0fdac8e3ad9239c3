"""Requests of the ledger, read with the database's own driver and nothing else: for a command that asks once, and would
wait longer for SQLAlchemy than for the answer. It changes nothing, and says the same as `Ledger.requests`.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jit.facts import life_kinds
from jit.ledger.entry import Entry, TamperedEntry
from jit.ledger.opened import deleted_keys_in, key_ids_in, opened, request_of
from jit.ledger.privacy.sealing import KEY_BYTES
from jit.ledger.session import BUSY_SECONDS, opened_with, prepare
from jit.ledger.unavailable import LedgerUnavailable
from jit.ledger.version import VERSION
from jit.requests.lifecycle import Request, State

Ask = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]
"""What the database answers: SQL with a question mark for each value."""

_ASKED_FOR = "EXISTS (SELECT 1 FROM entries WHERE request_id = requests.id AND kind = 'requested')"
_POSTGRES = re.compile(
    r"postgresql(?:\+psycopg)?"
    r"(://(?:[^\s/@:?#]+(?::[^\s/@:?#]*)?@)?"  # who
    r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/@:?#,\[\]]*)(?::\d+)?"  # where
    r"/[^\s/@?#]*(?:\?[^\s@#]*)?)"
)
"""An address that SQLAlchemy and libpq read alike. Of another each might take a part of its password for the host."""


class NotAtAGlance(LedgerUnavailable):
    """This needs more than a glance: no such file, other tables, entries that were changed, or no answer."""


def requests(ledger: Path | str, states: Sequence[State], limit: int = 100) -> list[Request]:
    """Those in these states, newest first; in all states if none is named. ``ledger`` is a file, or the address of a
    PostgreSQL.

    Raises:
        NotAtAGlance: ask the ledger itself, which says what is wrong.
        LedgerUnavailable: PostgreSQL does not answer.
    """
    opening = _sqlite(ledger) if isinstance(ledger, Path) else _postgres(ledger)
    try:
        with opening as ask:
            if ask("SELECT version FROM made_by", ()) != [(VERSION,)]:
                raise NotAtAGlance("tables of another version")
            return [*_requests(ask, states, limit)]
    except TamperedEntry as wrong:
        raise NotAtAGlance(type(wrong).__name__) from None


@contextmanager
def _sqlite(file: Path) -> Iterator[Ask]:
    """Raises NotAtAGlance."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN")
            yield lambda sql, values: connection.execute(sql, values).fetchall()
    except sqlite3.Error as wrong:
        raise NotAtAGlance(type(wrong).__name__) from None


@contextmanager
def _postgres(url: str) -> Iterator[Ask]:
    """Raises NotAtAGlance, LedgerUnavailable."""
    address = _POSTGRES.fullmatch(url)
    if address is None:
        raise NotAtAGlance("an address to be read by SQLAlchemy")
    import psycopg  # noqa: PLC0415  a ledger in SQLite needs none

    def ask(sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return connection.execute(sql.replace("?", "%s").replace("AS BLOB", "AS BYTEA"), values).fetchall()

    try:
        connection = psycopg.connect(f"postgresql{address[1]}", **opened_with(BUSY_SECONDS))
    except psycopg.OperationalError as away:  # asked again, it would keep somebody in a hurry waiting twice as long
        raise LedgerUnavailable(f"{type(away).__name__}: {str(away).strip().partition(chr(10))[0]}") from None
    except psycopg.Error as wrong:
        raise NotAtAGlance(type(wrong).__name__) from None
    try:
        with connection:
            prepare(connection)
            yield ask
    except psycopg.Error as wrong:
        raise NotAtAGlance(type(wrong).__name__) from None


def _requests(ask: Ask, states: Sequence[State], limit: int) -> Iterator[Request]:
    """Raises TamperedEntry, and what ``ask`` raises."""
    wanted = f"AND state IN ({_marks(states)})" if states else ""
    found = f"SELECT id FROM requests WHERE {_ASKED_FOR} {wanted} ORDER BY asked_at DESC LIMIT ?"  # noqa: S608  question marks
    ids = [request_id for (request_id,) in ask(found, (*(state.value for state in states), limit))]
    if not ids:
        return
    rows = ask(
        f'SELECT request_id, "index", CAST(body AS BLOB), hash FROM entries WHERE request_id IN ({_marks(ids)}) '  # noqa: S608  as above
        f'AND kind IN ({_marks(life_kinds())}) ORDER BY "index"',
        (*ids, *life_kinds()),
    )
    keys = _keys(ask, [body for _, _, body, _ in rows])
    lives: dict[str, list[Entry]] = {request_id: [] for request_id in ids}
    for request_id, index, body, kept in rows:
        lives[request_id].append(opened(index, body, kept, keys))
    yield from (request for life in lives.values() if (request := request_of(life)) is not None)


def _keys(ask: Ask, bodies: Sequence[bytes]) -> Mapping[str, bytes | None]:
    """As `KeyRing.opening`: None for one whose deletion is recorded."""
    wanted = sorted(key_ids_in(bodies))
    if not wanted:
        return {}
    rows = ask(f"SELECT id, CAST(key AS BLOB) FROM person_keys WHERE id IN ({_marks(wanted)})", wanted)  # noqa: S608  question marks
    found: dict[str, bytes | None] = {key_id: key for key_id, key in rows if len(key) == KEY_BYTES}
    if len(found) < len(wanted):
        found |= dict.fromkeys(_deleted(ask).intersection(wanted) - found.keys())
    return found


def _deleted(ask: Ask) -> set[str]:
    erased = "SELECT CAST(body AS BLOB) FROM entries WHERE request_id IS NULL AND kind = 'person.erased'"
    return set(deleted_keys_in(body for (body,) in ask(erased, ())))


def _marks(values: Sequence[object] | frozenset[str]) -> str:
    return ", ".join("?" * len(values))
