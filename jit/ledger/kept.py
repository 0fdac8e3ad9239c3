"""What is read of entries: where one stands, its bytes, the hash they are kept under; and how many at once."""

from collections.abc import Sequence

from sqlalchemy import LargeBinary, Select, bindparam, cast, func, select

from jit.ledger.schema import entries

AT_ONCE = 8 * 1024 * 1024
"""Bytes: who fills the record with the longest entries there may be makes no reader run out of memory, or of time."""

KEPT = select(entries.c.index, cast(entries.c.body, LargeBinary), entries.c.hash)
"""SQLite holds text in a column of bytes, too."""


def _some() -> Select[int, bytes, str]:
    sized = (
        select(entries.c.index, func.length(entries.c.body).label("size"))
        .where(entries.c.index > bindparam("after"))
        .order_by(entries.c.index)
        .limit(bindparam("limit"))
        .subquery()
    )
    before = (func.sum(sized.c.size).over(order_by=sized.c.index) - sized.c.size).label("before")
    some = select(sized.c.index, before).subquery()
    fits = KEPT.join(some, some.c.index == entries.c.index).where(some.c.before < AT_ONCE)
    return fits.order_by(entries.c.index)


SOME = _some()
"""Up to ``limit`` that come ``after`` an index, until they are as many bytes: one at least, if there is one. Made once,
as it is asked many times a second.
"""


def newest_of_each(kind: str, request_ids: Sequence[str], most: int) -> Select[int, bytes, str]:
    """Up to ``most`` entries of this kind about each of these requests, in order."""
    newest = func.row_number().over(partition_by=entries.c.request_id, order_by=entries.c.index.desc())
    placed = (
        select(entries.c.index, newest.label("newest"))
        .where(entries.c.request_id.in_(request_ids), entries.c.kind == kind)
        .subquery()
    )
    few = KEPT.join(placed, placed.c.index == entries.c.index).where(placed.c.newest <= most)
    return few.order_by(entries.c.index)
