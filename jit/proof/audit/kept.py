"""Entries as the database keeps them, for whoever believes nothing but their bytes.

Nothing but places, bytes and hashes is asked of the database: what its other columns say about an entry could have been
changed without any hash telling, and would keep the entry from being found.
"""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, LargeBinary, Select, cast, func, select

from jit.ledger.entry import LONGEST
from jit.ledger.schema import entries

KeptEntry = tuple[int, bytes, str]
"""Where an entry stands, its bytes, and the hash they are kept under."""


def kept_entries(
    connection: Connection, *where: ColumnElement[bool], limit: int, newest_first: bool = False
) -> list[KeptEntry]:
    """In order. One that is longer than `LONGEST` comes cut, and its hash does not fit it then."""
    order = entries.c.index.desc() if newest_first else entries.c.index
    query = _QUERIES[connection.dialect.name == "sqlite"].where(*where).order_by(order).limit(limit)
    return [(index, bytes(body or b""), _as_text(kept)) for index, body, kept in connection.execute(query)]


def _as_text(kept: object) -> str:
    return bytes(kept).decode(errors="replace") if isinstance(kept, bytes) else str(kept)


def _query(hash_of: ColumnElement[Any]) -> Select[int, bytes, Any]:
    body = cast(func.substr(cast(entries.c.body, LargeBinary), 1, LONGEST + 1), LargeBinary)
    return select(cast(entries.c.index, BigInteger), body, func.substr(hash_of, 1, 65))


_QUERIES = {False: _query(entries.c.hash), True: _query(cast(entries.c.hash, LargeBinary))}
"""By whether it is SQLite, which holds text in a column of bytes, bytes in one of text, and makes NULL of a part of
nothing.
"""
