"""Ending sessions in PostgreSQL, so that nothing goes on that began under a grant."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from jit.ports import TargetRefused
from workers.targets.postgres.catalog import Account, JitRole

CUT_SECONDS = 2.0
"""As long as one call waits for sessions to be gone, all of them together."""
LOOKS = 2
"""A session is listed a moment after its start-up options, `role` among them, have been checked; so
one that came in before the end may first be seen at the second look."""
MOMENT_SECONDS = 0.3
"""As long as one call for many waits for sessions to be gone: most are in a few milliseconds."""


class Sessions:
    """Of one server. One that does not end, because nothing in it looks for interrupts, is waited for once. From then
    on it is only looked whether it is gone: many ends of the same person wait no longer than one. Thread-safe.
    """

    def __init__(self, target: str, ticks: Callable[[], float] = time.monotonic) -> None:
        self._target = target
        self._ticks = ticks
        self._stuck: set[int] = set()

    def cut_all_of(self, conn: psycopg.Connection[Any], accounts: Sequence[Account], cut: set[int]) -> None:
        """End every session these logins have now and wait until it is gone; those that are go into ``cut``.

        To be called after the end is committed: who connects from then on does not have the access.
        Superusers are passed over, they hold everything anyway.

        Raises:
            TargetRefused: a session does not go away.
        """
        logins = [account.oid for account in accounts if not account.superuser]
        if not logins:
            return
        deadline = self._ticks() + CUT_SECONDS
        for _ in range(LOOKS):
            self._wait(conn, _signalled(conn, logins), deadline, cut)

    def cut_of_many(
        self, conn: psycopg.Connection[Any], accounts: Sequence[Account]
    ) -> tuple[dict[int, int], frozenset[int]]:
        """As `cut_all_of`, for a moment: the sessions that are gone, with their logins, and the logins of those that
        are not.
        """
        logins = sorted({account.oid for account in accounts if not account.superuser})
        deadline, cut, signalled, left = self._ticks() + MOMENT_SECONDS, set[int](), dict[int, int](), list[int]()
        for _ in range(LOOKS if logins else 0):
            found = _signalled(conn, logins)
            signalled |= found
            left = self._left(conn, found, deadline, cut)
        return {pid: signalled[pid] for pid in cut}, frozenset(signalled[pid] for pid in left)

    def cut(self, conn: psycopg.Connection[Any], sessions: Mapping[int, int], cut: set[int]) -> None:
        """As `cut_all_of`, of these sessions by the oids of their logins."""
        if not sessions:
            return
        with conn.cursor() as cur:
            cur.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE (pid, usesysid) IN (SELECT * FROM unnest(%s::int[], %s::oid[]))""",
                [list(sessions), list(sessions.values())],
            )
        self._wait(conn, sessions, self._ticks() + CUT_SECONDS, cut)

    def _wait(self, conn: psycopg.Connection[Any], sessions: Mapping[int, int], deadline: float, cut: set[int]) -> None:
        if there := self._left(conn, sessions, deadline, cut):
            self._stuck.update(there)
            named = ", ".join(map(str, there[:10]))
            raise TargetRefused(f"{self._target}: access is taken away, but session {named} does not end")

    def _left(
        self, conn: psycopg.Connection[Any], sessions: Mapping[int, int], deadline: float, cut: set[int]
    ) -> list[int]:
        """Those that are not gone by then."""
        there: list[int] = []
        for pid, login in sessions.items():
            while not (gone := _gone(conn, pid, login)) and pid not in self._stuck and self._ticks() < deadline:
                continue
            if gone:
                self._stuck.discard(pid)
                cut.add(pid)
            else:
                there.append(pid)
        return there


def held_by_somebody(conn: psycopg.Connection[Any], role: JitRole) -> bool:
    """By a member, or by a session of a login that was dropped, and its memberships with it."""
    return role.gives or (bool(role.permissions) and goes_on_nameless(conn, role))


def goes_on_nameless(conn: psycopg.Connection[Any], role: JitRole) -> bool:
    """Whether its login was dropped, and has a session that nothing but the note on the role leads to."""
    note = role.note
    if note is None or note.before is None:
        return False
    query = "SELECT FROM pg_stat_activity WHERE usesysid = %(oid)s AND usesysid NOT IN (SELECT oid FROM pg_roles)"
    return conn.execute(query, {"oid": note.before.holder}).fetchone() is not None


def _signalled(conn: psycopg.Connection[Any], logins: Sequence[int]) -> dict[int, int]:
    """All sessions of these logins, told to end."""
    query = """SELECT pid, usesysid FROM (SELECT pid, usesysid, pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE usesysid = ANY(%s::oid[]) AND pid <> pg_backend_pid() OFFSET 0) signalled"""
    return dict(conn.execute(query, [logins]).fetchall())


def _gone(conn: psycopg.Connection[Any], pid: int, login: int) -> bool:
    """Waits a tenth of a second at most. The login is looked at again: a pid may be somebody else's by now."""
    with conn.cursor(row_factory=scalar_row) as cur:
        query = "SELECT pg_terminate_backend(pid, 100) FROM pg_stat_activity WHERE pid = %s AND usesysid = %s"
        return cur.execute(query, [pid, login]).fetchone() is not False
