"""Requests, folded from their entries inside a transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby

from sqlalchemy import Connection, LargeBinary, Row, Select, bindparam, cast, select

from jit.facts import Life, life_kinds
from jit.ledger.entry import Entry, TamperedEntry
from jit.ledger.keys import KeyRing
from jit.ledger.opened import opened
from jit.ledger.schema import entries
from jit.requests.lifecycle import CannotFollow, Request, apply

_LIVES = (
    select(entries.c.request_id, entries.c.index, cast(entries.c.body, LargeBinary), entries.c.hash)
    .where(entries.c.kind.in_(life_kinds()), entries.c.request_id.in_(bindparam("request_ids", expanding=True)))
    .order_by(entries.c.request_id, entries.c.index)
)


def load(connection: Connection, ring: KeyRing, request_id: str, *, allow_tampered: bool = False) -> Request | None:
    """The request. Raises TamperedEntry, unless ``allow_tampered``."""
    found = lives(connection, ring, [request_id], allow_tampered={request_id} if allow_tampered else ())
    return found[request_id][1]


def lives(
    connection: Connection, ring: KeyRing, request_ids: Collection[str], *, allow_tampered: Collection[str] = ()
) -> dict[str, tuple[int, Request | None]]:
    """Of each request the index of the last entry of its life, readable or not, 0 if there is none; and the request.

    Raises TamperedEntry, but not for those of ``allow_tampered``.
    """
    found: dict[str, tuple[int, Request | None]] = dict.fromkeys(request_ids, (0, None))
    if not found:
        return found
    rows = connection.execute(_LIVES, {"request_ids": list(found)}).all()
    keys = ring.opening(connection, (body for _, _, body, _ in rows))
    for request_id, group in groupby(rows, key=lambda row: row[0]):
        life = [(index, body, kept_under) for _, index, body, kept_under in group]
        try:
            request = ring.folded.fold(request_id, life, keys)
        except TamperedEntry:
            if request_id not in allow_tampered:
                raise
            request = _as_far_as_it_goes(open_rows(life, keys, skip_unreadable=True))
        found[request_id] = (life[-1][0], request)
    return found


def _as_far_as_it_goes(life: Iterable[Entry]) -> Request | None:
    """What cannot follow is passed over."""
    request: Request | None = None
    for entry in life:
        with suppress(CannotFollow):
            request = apply(request, entry.fact) if isinstance(entry.fact, Life) else request
    return request


def read_all(
    connection: Connection, ring: KeyRing, query: Select[int, bytes, str], *, skip_unreadable: bool = False
) -> list[Entry]:
    """The entries that are found. Raises TamperedEntry, unless ``skip_unreadable``."""
    rows = connection.execute(query).all()
    keys = ring.opening(connection, (body for _, body, _ in rows))
    return open_rows(rows, keys, skip_unreadable=skip_unreadable)


_Row = Row[int, bytes, str] | tuple[int, bytes, str]


def open_rows(rows: Sequence[_Row], keys: Mapping[str, bytes | None], *, skip_unreadable: bool = False) -> list[Entry]:
    """Raises TamperedEntry, unless ``skip_unreadable``: then fields whose keys are missing stay closed."""
    if not skip_unreadable:
        return [opened(index, body, kept_under, keys) for index, body, kept_under in rows]
    found: list[Entry] = []
    for index, body, kept_under in rows:
        try:
            found.append(opened(index, body, kept_under, keys))
        except TamperedEntry:
            with suppress(TamperedEntry):
                found.append(opened(index, body, kept_under, None))
    return found
