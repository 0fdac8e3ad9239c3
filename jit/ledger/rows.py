"""The table of entries as an append writes it: where it ends, what is in it already, and rows for what is new."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from jit.clock import from_micros, to_micros
from jit.facts import Alert, Fact
from jit.ledger.database import driver
from jit.ledger.entry import NO_ENTRY, Entry
from jit.ledger.schema import entries
from jit.ledger.tail import NOTIFIES


def last_entry(connection: Connection) -> tuple[int, datetime, str]:
    """Where the record ends: index, moment and hash. Without opening the newest entry: one that cannot be read any
    more keeps nothing from being recorded.
    """
    with driver(connection) as database:
        index, at, kept_under = database.execute(_LAST).fetchone() or (0, 0, NO_ENTRY)
    return index, from_micros(at), kept_under


_LAST = 'SELECT "index", recorded_at, hash FROM entries ORDER BY "index" DESC LIMIT 1'
_NAMES = [column.name for column in entries.columns]
_ADD = f"""INSERT INTO entries ("{'", "'.join(_NAMES)}") VALUES (:{", :".join(_NAMES)})"""  # noqa: S608  names of ours


def recording(says: str = NOTIFIES) -> str:
    """The call by which PostgreSQL gives facts their place, as the function alone may; it ``says`` so to who waits."""
    return f"SELECT r.*, {says} FROM jit_record(%b::bytea[], %s, %b::text[], %s::jsonb, %s::jsonb) AS r"  # noqa: S608  names of ours


RECORD = recording()


def call(connection: Connection, statement: str, values: Sequence[object]) -> Any:
    """The row that psycopg finds. The statement is prepared at once, and the cursor kept with its connection. Raises
    DBAPIError.
    """
    kept = connection.connection.info
    with driver(connection) as database:
        if (cursor := kept.get("cursor")) is None:
            cursor = kept["cursor"] = database.cursor()
        return cursor.execute(statement, values, prepare=True).fetchone()


def may_be_doubles(facts: Sequence[Fact]) -> list[str]:
    """Ids of facts that others may have recorded: what waited in a spool, and alerts."""
    return [str(fact.id) for fact in facts if fact.spooled or isinstance(fact, Alert)]


def without_doubles(connection: Connection, facts: Sequence[Fact]) -> list[Fact]:
    """Without what waited in a spool, or several processes tell, and is here already. Under an id that somebody else
    took first, which those of alerts can be foreseen for, is not that.
    """
    told = may_be_doubles(facts)
    if not told:
        return list(facts)
    query = select(entries.c.id, entries.c.kind, entries.c.request_id).where(entries.c.id.in_(told))
    kept = {fact_id: about for fact_id, *about in connection.execute(query)}
    new: list[Fact] = []
    for fact in facts:
        about = kept.get(str(fact.id))
        if about is None:
            new.append(fact)
        elif about != [fact.kind, getattr(fact, "request_id", None)]:
            new.append(fact.model_copy(update={"id": uuid4()}))
    return new


def insert_entries(connection: Connection, placed: Sequence[Entry]) -> None:
    """Into a table that guards nothing but what is there already: SQLite's."""
    with driver(connection) as database:
        rows = (as_row(entry) for entry in placed)
        database.executemany(_ADD, [row | {"recorded_at": to_micros(row["recorded_at"])} for row in rows])


def as_row(entry: Entry) -> dict[str, Any]:
    """The entry as the table of entries keeps it."""
    fact = entry.fact
    return {
        "index": entry.index,
        "id": str(fact.id),
        "recorded_at": entry.recorded_at,
        "kind": fact.kind,
        "request_id": getattr(fact, "request_id", None),
        "body": entry.body,
        "hash": entry.hash,
    }
