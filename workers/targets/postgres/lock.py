"""The lock that keeps the grants and ends of one principal in order.

Any login can take an advisory lock, and see in pg_locks which ones are held, so a secret key would be none.
Therefore the lock keeps order and protects nothing: strangers are pushed aside, and an end goes on without it.
"""

import hashlib
from collections.abc import Collection
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.errors import LockNotAvailable
from psycopg.rows import scalar_row

from workers.targets.postgres.catalog import SOMEBODYS

FIRST_WAIT, NEXT_WAIT = 150, 250
"""Milliseconds."""
TURNS = 8
"""How often an end waits again while workers of ours, not stalled, are before it."""

BRIEFLY: LiteralString = "SET LOCAL lock_timeout = '200ms'; "
"""As long as a lock is waited for that somebody may hold on purpose: there is another way, or it is tried again."""

_IN_THE_WAY: LiteralString = """
    FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid LEFT JOIN pg_roles r ON r.oid = s.usesysid
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.classid = %(high)s::oid AND l.objid = %(low)s::oid"""

_STALLED: LiteralString = "clock_timestamp() - s.state_change > '300ms'"


class Busy(Exception):
    """The lock was not to be had in time."""


def lock_key(principal: str) -> int:
    digest = hashlib.blake2b(f"jit:{principal}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def lock(conn: psycopg.Connection[Any], principal: str) -> None:
    """Until the end of the transaction, waiting as long as the connection's lock_timeout. Raises LockNotAvailable."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(principal)])


def lock_those_free(conn: psycopg.Connection[Any], principals: Collection[str]) -> frozenset[str]:
    """As `lock`, of those whose lock can be had at once: these are they."""
    whose = {lock_key(principal): principal for principal in principals}
    query = "SELECT key FROM unnest(%s::bigint[]) key WHERE pg_try_advisory_xact_lock(key)"
    with conn.cursor(row_factory=scalar_row) as cur:
        return frozenset(whose[key] for key in cur.execute(query, [list(whose)]).fetchall())


def lock_briefly(conn: psycopg.Connection[Any], principal: str, wait: int) -> None:
    """As `lock`, for ``wait`` milliseconds. Raises Busy, which must end the transaction."""
    try:
        conn.execute(
            sql.SQL(
                "SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock({}); SET LOCAL lock_timeout TO DEFAULT"
            ).format(sql.Literal(f"{wait}ms"), sql.Literal(lock_key(principal)))
        )
    except LockNotAvailable:
        raise Busy from None


def push_aside(conn: psycopg.Connection[Any], principal: str) -> bool:
    """End every session of another login that holds the lock or waits for it: nobody else has any use for it. Whether
    there was one.
    """
    found = conn.execute(
        f"SELECT pg_terminate_backend(s.pid) {_IN_THE_WAY} AND {SOMEBODYS}",
        _place(principal),
    ).fetchall()
    return bool(found)


def break_off(conn: psycopg.Connection[Any], principal: str) -> bool:
    """End every session that holds the lock or waits for it, except those of our own workers that are
    not stalled while holding it. True if such a one holds it, so that waiting on makes sense.

    Superusers' sessions cannot be ended, and a prepared transaction has none.
    """
    push_aside(conn, principal)
    stalled = f"{_IN_THE_WAY} AND r.rolname = session_user AND l.granted AND {_STALLED}"
    with conn.cursor(row_factory=scalar_row) as cur:
        cur.execute(f"SELECT pg_terminate_backend(s.pid, 300) {stalled}", _place(principal))
        ours = f"SELECT EXISTS (SELECT {_IN_THE_WAY} AND r.rolname = session_user AND l.granted AND NOT {_STALLED})"
        return bool(cur.execute(ours, _place(principal)).fetchone())


def who_holds(conn: psycopg.Connection[Any], principal: str) -> str:
    """In words with the SQL that helps; empty if nobody does, or a worker of ours."""
    with conn.cursor(row_factory=scalar_row) as cur:
        said = cur.execute(
            f"""SELECT format('%%s holds its lock: SELECT pg_terminate_backend(%%s);', r.rolname, s.pid)
                {_IN_THE_WAY} AND l.granted AND r.rolname <> session_user
                UNION ALL
                SELECT format('a prepared transaction of %%s holds its lock: ROLLBACK PREPARED %%L;', p.owner, p.gid)
                FROM pg_locks l JOIN pg_locks x ON x.virtualtransaction = l.virtualtransaction AND x.pid IS NULL
                JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
                WHERE l.pid IS NULL AND l.locktype = 'advisory' AND l.objsubid = 1 AND p.database = current_database()
                  AND l.classid = %(high)s::oid AND l.objid = %(low)s::oid""",  # noqa: S608 - as above
            _place(principal),
        ).fetchone()
    return said or ""


def _place(principal: str) -> dict[str, int]:
    """Where pg_locks shows the key."""
    key = lock_key(principal)
    return {"high": key >> 32 & 0xFFFFFFFF, "low": key & 0xFFFFFFFF}
