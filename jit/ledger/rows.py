"""The table of entries as an append writes it: where it ends, what is in it already, and rows for what is new."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ARRAY, Connection, LargeBinary, String, TextClause, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB

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


def recording(says: str = NOTIFIES) -> TextClause:
    """The call by which PostgreSQL gives facts their place, as the function alone may; it ``says`` so to who waits."""
    values: dict[str, Any] = {"facts": ARRAY(LargeBinary), "keys": ARRAY(String), "follows": JSONB, "rows": JSONB}
    statement = text(f"SELECT r.*, {says} FROM jit_record(:facts, :at, :keys, :follows, :rows) AS r")  # noqa: S608  names of ours
    return statement.bindparams(*(bindparam(name, type_=type_) for name, type_ in values.items()))


RECORD = recording()


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
