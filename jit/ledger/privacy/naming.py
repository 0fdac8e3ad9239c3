"""Which entries name a person, by the key that seals what is personal in them."""

from collections.abc import Iterator

from sqlalchemy import select

from jit.ledger import Ledger
from jit.ledger.database import reading
from jit.ledger.schema import entries

BATCH = 500


def entries_naming(ledger: Ledger, key: str) -> Iterator[int]:
    """The entries that name this key, and all others of the same requests: their lines name the same people.

    Raises LedgerUnavailable.
    """
    named: set[str] = set()
    columns = entries.c
    query = select(columns.index, columns.request_id, columns.body).order_by(columns.index)
    places: dict[str, list[int]] = {}
    with reading(ledger.engine, in_portions=True) as connection:
        for index, request_id, body in connection.execute(query.execution_options(yield_per=BATCH)):
            holds = key.encode() in bytes(body) if isinstance(body, bytes | memoryview) else False
            if request_id is None:
                if holds:
                    yield index
                continue
            places.setdefault(request_id, []).append(index)
            if holds:
                named.add(request_id)
    for request_id in named:
        yield from places[request_id]
