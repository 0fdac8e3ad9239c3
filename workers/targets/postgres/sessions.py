"""Ending sessions in PostgreSQL, so that nothing goes on that began under a grant."""

import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from jit.ports import TargetRefused
from workers.targets.postgres.catalog import Account

CUT_SECONDS = 10.0
LOOKS = 2
"""A session is listed a moment after its start-up options, `role` among them, have been checked; so
one that came in before the end may first be seen at the second look."""


def cut_sessions(conn: psycopg.Connection[Any], target: str, accounts: Sequence[Account]) -> int:
    """End every session these logins have now and wait until it is gone; how many there were.

    To be called after the end is committed: who connects from then on does not have the access.
    Superusers are passed over, they hold everything anyway.

    Raises:
        TargetRefused: a session does not go away.
    """
    logins = [account.oid for account in accounts if not account.superuser]
    if not logins:
        return 0
    deadline = time.monotonic() + CUT_SECONDS
    cut: set[int] = set()
    with conn.cursor(row_factory=scalar_row) as cur:
        for _ in range(LOOKS):
            signalled: list[int] = cur.execute(
                """SELECT pid FROM (SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE usesysid = ANY(%s::oid[]) AND pid <> pg_backend_pid() OFFSET 0) signalled""",
                [logins],
            ).fetchall()
            for pid in signalled:
                while not _gone(cur, pid, logins):
                    if time.monotonic() > deadline:
                        raise TargetRefused(f"{target}: access is taken away, but session {pid} does not end")
            cut.update(signalled)
    return len(cut)


def _gone(cur: psycopg.Cursor[Any], pid: int, logins: Sequence[int]) -> bool:
    """Waits half a second at most. The login is looked at again: a pid may be somebody else's by now."""
    return (
        cur.execute(
            """SELECT pg_terminate_backend(pid, 500) FROM pg_stat_activity
               WHERE pid = %s AND usesysid = ANY(%s::oid[])""",
            [pid, logins],
        ).fetchone()
        is not False
    )
