"""The live ledger read for the verifier: fast, as it stood at one moment, and never more of it in memory than a page.

The databases' own drivers read here, a million rows in a second or two; what is appended meanwhile is not seen.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url

from jit.ledger import LedgerUnavailable
from jit.ledger.entry import LONGEST
from jit.proof.audit.checkpoints import LONGEST_LINE, LONGEST_NOTE, MOST_WITNESSES, is_signature_line
from jit.proof.audit.helpers import MANY, cores, in_order
from jit.proof.verifier import Page, Stretch, VerifierKey, pages_of, stretch_of
from jit.runtime.settings import CannotStart

if TYPE_CHECKING:
    import psycopg

    _Connection = sqlite3.Connection | psycopg.Connection[Any]

PAGE = 2000
"""Rows."""
BLOCK = 5000
"""Entries that are looked at together."""
CONNECT_WITHIN = 5
"""Seconds."""

Kept = tuple[int, bytes, str | None]
"""Where an entry stands, its bytes, and the hash they are kept under."""

MOST_ASTRAY = 100

_ENTRIES = {
    "sqlite": 'SELECT "index", CAST(body AS BLOB), CAST(hash AS TEXT) FROM entries',
    "postgresql": f"""SELECT "index", CASE WHEN octet_length(body) > {LONGEST} THEN substr(body, 1, {LONGEST + 1})
        ELSE body END, hash FROM entries""",  # noqa: S608  nothing but our own limits
}
_IN_ORDER = ' ORDER BY "index"'
_WITHIN = {"sqlite": ' WHERE "index" > ? AND "index" <= ?', "postgresql": ' WHERE "index" > %s AND "index" <= %s'}
_EXTENT = 'SELECT min("index"), max("index"), count(*) FROM entries'
_CHECKPOINTS = {
    "sqlite": f"""SELECT s.number, substr(CAST(s.note AS BLOB), 1, {LONGEST_NOTE + 1}),
        substr(CAST(c.line AS BLOB), 1, {LONGEST_LINE + 1})
        FROM checkpoints s LEFT JOIN cosignatures c ON c.checkpoint = s.number
        ORDER BY s.number, c.witness""",  # noqa: S608  as above
    "postgresql": f"""SELECT s.number, substr(s.note, 1, {LONGEST_NOTE + 1}), substr(c.line, 1, {LONGEST_LINE + 1})
        FROM checkpoints s LEFT JOIN cosignatures c ON c.checkpoint = s.number
        ORDER BY s.number, c.witness""",  # noqa: S608  as above
}
_KEYS = """SELECT body FROM entries WHERE "index" IN
    (SELECT "index" FROM entries WHERE kind = 'key.changed' ORDER BY "index" DESC LIMIT 100) ORDER BY "index" """
_DOUBTFUL = {
    "sqlite": """SELECT "index", CAST(body AS BLOB), kind, request_id FROM entries
        WHERE instr(CAST(body AS BLOB), CAST('"kind":"' || kind || '"' AS BLOB)) = 0
        OR instr(CAST(body AS BLOB), CAST('"request_id":"' || ifnull(request_id || '"', '') AS BLOB))
        <> 0 = (request_id IS NULL) ORDER BY "index" """,
    "postgresql": """SELECT "index", body, kind, request_id FROM entries WHERE
        position(convert_to('"kind":"' || kind || '"', 'UTF8') IN body) = 0
        OR (position(convert_to('"request_id":"' || coalesce(request_id || '"', ''), 'UTF8') IN body) <> 0)
        = (request_id IS NULL) ORDER BY "index" """,
}


@dataclass(frozen=True, slots=True)
class Live:
    """Each can be read once, and only while the ledger is open. They raise LedgerUnavailable."""

    entries: Iterator[Kept]
    pages: Iterator[Page]
    """The same entries, looked at on all cores where there are many. May raise CannotStart, too."""
    checkpoints: Iterator[bytes]
    """Signed notes, with what witnesses added, in the order in which they were signed."""
    keys: tuple[VerifierKey, ...]
    """Those that the record itself says it was signed with."""


@contextmanager
def live(url: str) -> Iterator[Live]:
    """The ledger at this address, in one transaction that changes nothing.

    Raises:
        LedgerUnavailable: it does not answer, or is no ledger.
        CannotStart: there is none.
    """
    address = make_url(url)
    opened = _sqlite(address) if address.get_backend_name() == "sqlite" else _postgres(address)
    with opened as found:
        yield found


def astray(url: str) -> list[int]:
    """Entries beside which the database has another kind or request than stands in their bytes: nobody who asks by
    these columns finds them, and no hash tells. The first `MOST_ASTRAY`.

    The database does the looking: beside the verifier, in another thread, it costs no time. In the JSON of a fact a
    quote within a text is escaped, so what is looked for stands there as a field. Where it is not found as it is
    written as a rule, the values are compared.

    Raises LedgerUnavailable, CannotStart.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        with _open_sqlite(address) as connection:
            return _first_astray(chain.from_iterable(_pages(connection.execute(_DOUBTFUL["sqlite"]))))
    with _open_postgres(address) as postgres, postgres.cursor("doubtful", binary=True) as doubtful:
        doubtful.execute(_DOUBTFUL["postgresql"])
        return _first_astray(chain.from_iterable(_pages(doubtful)))


def _first_astray(doubtful: Iterable[tuple[int, bytes, str, str | None]]) -> list[int]:
    wrong = (index for index, body, kind, request_id in doubtful if _told(body) != (kind, request_id))
    return list(islice(wrong, MOST_ASTRAY))


def _told(body: bytes) -> tuple[object, object]:
    """The kind and the request that an entry's bytes say; nothing where they are none."""
    try:
        fact = json.loads(body)["fact"]
        return fact["kind"], fact.get("request_id")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, None


@contextmanager
def _sqlite(url: URL) -> Iterator[Live]:
    with _open_sqlite(url) as connection:
        connection.execute("BEGIN")
        keys = _keys(row[0] for row in connection.execute(_KEYS))
        entries = _pages(connection.execute(_ENTRIES["sqlite"] + _IN_ORDER))
        checkpoints = _pages(connection.execute(_CHECKPOINTS["sqlite"]))
        pages = _looked_at(url, connection, lambda: "")
        yield Live(chain.from_iterable(entries), pages, _notes(checkpoints), keys)


@contextmanager
def _postgres(url: URL) -> Iterator[Live]:
    with _open_postgres(url) as connection:
        keys = _keys(row[0] for row in connection.execute(_KEYS, binary=True))
        with (
            connection.cursor("entries", binary=True) as entries,
            connection.cursor("checkpoints", binary=True) as checkpoints,
        ):
            entries.execute(_ENTRIES["postgresql"] + _IN_ORDER)
            checkpoints.execute(_CHECKPOINTS["postgresql"])
            pages = _looked_at(url, connection, partial(_snapshot_of, connection))
            yield Live(chain.from_iterable(_pages(entries)), pages, _notes(_pages(checkpoints)), keys)


def _snapshot_of(connection: "psycopg.Connection[Any]") -> str:
    """The name of the moment that is read, for others; none where it is a replica that is asked."""
    row = connection.execute("SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_export_snapshot() END").fetchone()
    return str(row[0]) if row else ""


def _looked_at(url: URL, connection: "_Connection", snapshot: Callable[[], str]) -> Iterator[Page]:
    """All entries. Those who help read in transactions of their own: of PostgreSQL the same moment, of SQLite perhaps a
    later one. What is changed between the two does not follow what is around it, and is then read here.
    """
    first, last, count = connection.execute(_EXTENT).fetchone() or (0, 0, 0)
    if cores() < 2 or count < MANY or (first, last) != (1, count):
        yield from pages_of(_rows_within(connection, (first or 0) - 1, last or 0))
        return
    parts = [(after, min(after + BLOCK, count)) for after in range(0, count, BLOCK)]
    given = url.render_as_string(hide_password=False), snapshot()
    for part, stretch in zip(parts, in_order(_stretch, parts, _begin, given), strict=True):
        yield Page(stretch, partial(_rows_within, connection, *part))


def _rows_within(connection: "_Connection", after: int, upto: int) -> Iterator[Kept]:
    if isinstance(connection, sqlite3.Connection):
        query = _ENTRIES["sqlite"] + _WITHIN["sqlite"] + _IN_ORDER
        yield from chain.from_iterable(_pages(connection.execute(query, (after, upto))))
        return
    with connection.cursor("within", binary=True) as within:
        within.execute(_ENTRIES["postgresql"] + _WITHIN["postgresql"] + _IN_ORDER, (after, upto))
        yield from chain.from_iterable(_pages(within))


_mine: "dict[str, _Connection]" = {}
"""In a process that helps, its connection, which is open as long as it is."""
_open = ExitStack()


def _begin(address: str, snapshot: str) -> None:
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        _mine["connection"] = _open.enter_context(_open_sqlite(url))
        _mine["connection"].execute("BEGIN")
        return
    connection = _open.enter_context(_open_postgres(url))
    if snapshot:
        connection.execute(_driver().sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
    _mine["connection"] = connection


def _stretch(part: tuple[int, int]) -> Stretch | None:
    """What is seen of the entries behind one and up to another; None where it is not all of them, each whole."""
    after, upto = part
    found = stretch_of(_rows_within(_mine["connection"], after, upto))
    return found if found is not None and (found.first, found.last) == (after + 1, upto) else None


@contextmanager
def _open_sqlite(url: URL) -> Iterator[sqlite3.Connection]:
    path = Path(url.database or "")
    if not path.exists():
        raise CannotStart(f"There is no ledger at {path}. Set JIT_DATA or JIT_LEDGER_URL as `jit up` has them.")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            connection.isolation_level = None
            connection.text_factory = lambda written: written.decode("utf-8", "replace")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 4 * LONGEST)
            yield connection
    except sqlite3.Error as failed:
        raise LedgerUnavailable(f"{path} cannot be read as a ledger: {failed}") from None


def _driver() -> ModuleType:
    """Of PostgreSQL. Importing it takes longer than reading a small ledger of SQLite, which needs none of it."""
    import psycopg  # noqa: PLC0415

    return psycopg


@contextmanager
def _open_postgres(url: URL) -> Iterator["psycopg.Connection[Any]"]:
    psycopg = _driver()
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(address, connect_timeout=CONNECT_WITHIN, client_encoding="utf8") as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection
    except psycopg.Error as failed:
        raise LedgerUnavailable(_in_short(failed)) from None


def _pages(cursor: "sqlite3.Cursor | psycopg.ServerCursor[Any]") -> Iterator[list[Any]]:
    """Raises LedgerUnavailable."""
    failures = (sqlite3.Error,) if isinstance(cursor, sqlite3.Cursor) else (_driver().Error,)
    try:
        while page := cursor.fetchmany(PAGE):
            yield page
    except failures as failed:
        raise LedgerUnavailable(_in_short(failed)) from None


def _keys(bodies: Iterable[object]) -> tuple[VerifierKey, ...]:
    found: dict[VerifierKey, None] = {}
    for body in bodies:
        try:
            fact = json.loads(body if isinstance(body, bytes | str) else b"")["fact"]
            said = [fact[name] for name in ("before", "key") if isinstance(fact.get(name), str)]
            found |= dict.fromkeys(VerifierKey.parse(key) for key in said)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return tuple(found)


def _notes(pages: Iterable[list[tuple[int, bytes | None, bytes | None]]]) -> Iterator[bytes]:
    """For SQLite a part of an empty note is none at all."""
    for _, checkpoint in groupby(chain.from_iterable(pages), key=itemgetter(0)):
        lines = list(islice(checkpoint, MOST_WITNESSES))
        cosigned = (line for _, _, line in lines if line is not None and is_signature_line(line))
        yield (lines[0][1] or b"") + b"".join(cosigned)


def _in_short(failed: Exception) -> str:
    """The database's own first line, without parameters."""
    return f"{type(failed).__name__}: {str(failed).strip().partition(chr(10))[0]}"
