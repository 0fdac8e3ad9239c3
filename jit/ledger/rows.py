"""The table of entries as an append writes it: where it ends, what is in it already, and rows for what is new."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import BigInteger, Connection, String, column, insert, select, text

from jit.clock import EPOCH
from jit.facts import Alert, Fact
from jit.ledger.entry import NO_ENTRY, Entry
from jit.ledger.schema import Micros, entries
from jit.ledger.tail import NOTIFIES


@dataclass(frozen=True, slots=True)
class Last:
    """Where the record ends, as the database keeps it.

    ``now`` is the database's time where it takes no other (`jit ledger init`), so that a process whose clock is wrong
    can still record what it does; None where the process's own counts.
    """

    index: int
    hash: str
    recorded_at: datetime
    now: datetime | None = None


def last_entry(connection: Connection) -> Last:
    """Without opening the newest entry: one that cannot be read any more keeps nothing from being recorded."""
    if connection.dialect.name == "postgresql":
        found = connection.execute(_LAST).mappings().one()
        return Last(**found) if found["index"] is not None else Last(0, NO_ENTRY, EPOCH, found["now"])
    query = select(entries.c.index, entries.c.hash, entries.c.recorded_at).order_by(entries.c.index.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return Last(**row) if row is not None else Last(0, NO_ENTRY, EPOCH)


_LAST = text(
    "SELECT e.index, e.hash, e.recorded_at, CASE WHEN EXISTS (SELECT FROM may_write)"
    " THEN CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) END AS now FROM (SELECT) AS always"
    " LEFT JOIN (SELECT index, hash, recorded_at FROM entries ORDER BY index DESC LIMIT 1) AS e ON true"
).columns(column("index", BigInteger), column("hash", String), column("recorded_at", Micros), column("now", Micros))


def without_doubles(connection: Connection, facts: Sequence[Fact]) -> list[Fact]:
    """Without what waited in a spool, or several processes tell, and is here already. Under an id that somebody else
    took first, which those of alerts can be foreseen for, is not that.
    """
    told = [str(fact.id) for fact in facts if fact.spooled or isinstance(fact, Alert)]
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


def insert_entries(connection: Connection, sealed: Sequence[Entry]) -> None:
    """On PostgreSQL by the function that alone may, which checks each of them once more."""
    if connection.dialect.name == "postgresql":
        connection.execute(_APPEND, {"bodies": [entry.body for entry in sealed]})
    else:
        connection.execute(insert(entries), [as_row(entry) for entry in sealed])


_APPEND = text(f"SELECT jit_append(:bodies), {NOTIFIES}")


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
