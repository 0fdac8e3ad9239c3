"""The table of entries as an append writes it: where it ends, what is in it already, and rows for what is new."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError

from jit.clock import EPOCH
from jit.facts import Alert, Fact
from jit.ledger.entry import NO_ENTRY, Entry
from jit.ledger.schema import entries
from jit.ledger.tail import NOTIFIES


def last_entry(connection: Connection) -> tuple[int, datetime, str]:
    """Where the record ends: index, moment and hash. Without opening the newest entry: one that cannot be read any
    more keeps nothing from being recorded.
    """
    index, recorded_at, kept_under = connection.execute(_LAST).one_or_none() or (0, EPOCH, NO_ENTRY)
    return index, recorded_at, kept_under


_LAST = select(entries.c.index, entries.c.recorded_at, entries.c.hash).order_by(entries.c.index.desc()).limit(1)
_ADD = insert(entries)


def recording(says: str = NOTIFIES) -> str:
    """The call by which PostgreSQL gives facts their place, as the function alone may; it ``says`` so to who waits."""
    return f"SELECT r.*, {says} FROM jit_record(%b::bytea[], %s, %b::text[], %s::jsonb, %s::jsonb) AS r"  # noqa: S608  names of ours


RECORD = recording()


def call(connection: Connection, statement: str, values: Sequence[object]) -> Any:
    """The row that psycopg finds, asked itself, as SQLAlchemy's part takes longer than all else of an append. The
    statement is prepared at once, and the cursor kept with its connection. Raises DBAPIError.
    """
    pooled, error = connection.connection, connection.dialect.loaded_dbapi.Error
    driver: Any = pooled.driver_connection
    try:
        if (cursor := pooled.info.get("cursor")) is None:
            cursor = pooled.info["cursor"] = driver.cursor()
        return cursor.execute(statement, values, prepare=True).fetchone()
    except error as failed:
        if driver.closed:
            connection.invalidate()
        raise DBAPIError.instance(None, None, failed, error, connection_invalidated=driver.closed) from failed


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
    connection.execute(_ADD, [as_row(entry) for entry in placed])


def as_row(entry: Entry) -> dict[str, object]:
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
