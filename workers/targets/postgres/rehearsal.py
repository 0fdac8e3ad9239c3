"""A grant and its end tried out in a transaction that is rolled back: whatever forbids them, this comes upon."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from jit.ports import Finding, Grant
from workers.targets.postgres import catalog
from workers.targets.postgres.revoke import drop, end
from workers.targets.postgres.sessions import Sessions

BOUNDS = "SET LOCAL statement_timeout = '2s'; SET LOCAL idle_in_transaction_session_timeout = '2s'"
"""It keeps grants of the same roles waiting."""
LOOK = "an extension or a hook may forbid it (shared_preload_libraries), or a right that everybody had was revoked"


class _Failed(Exception):
    """The server did what it was told, and it did not have the effect."""


def rehearse(
    conn: psycopg.Connection[Any],
    target: str,
    permissions: Sequence[str],
    name: Callable[[str], str],
    create: Callable[[Grant], None],
) -> Finding:
    """As a grant and its end do it, for a login that is made for this alone. ``name`` is that of the role for a
    request, ``create`` makes it.
    """
    token = secrets.token_hex(5).upper()
    grant = Grant(f"R-{token}", name(f"R-{token}X"), tuple(permissions), datetime.now(UTC) + timedelta(minutes=1))
    tried = _Tried(conn, target, grant, name(grant.request_id), create)
    try:
        with conn.transaction(force_rollback=True):
            tried.run()
    except psycopg.Error as refused:
        if conn.broken:
            raise
        said = refused.diag.message_primary or "no reason given"
        remedy, is_sql = _remedy(conn, said)
    except _Failed as failed:
        said, remedy, is_sql = str(failed), LOOK, False
    else:
        return Finding(ok=True, what="a grant of all this was tried out, ended, and rolled back")
    return Finding(
        ok=False, what=f"{tried.step} was tried out, and is not possible: {said}", remedy=remedy, is_sql=is_sql
    )


class _Tried:
    """``step`` is what was begun last."""

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        target: str,
        grant: Grant,
        role: str,
        create: Callable[[Grant], None],
    ) -> None:
        self._conn = conn
        self._target = target
        self._grant = grant
        self._role = role
        self._create = create
        self.step = "to make a role"

    def run(self) -> None:
        """Raises psycopg.Error, _Failed, TargetRefused."""
        conn, grant = self._conn, self._grant
        conn.execute(BOUNDS)
        conn.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(grant.principal)))
        self.step = "to give " + ", ".join(grant.permissions)
        self._create(grant)
        if not any(role.gives for role in self._roles()) or not catalog.usable(
            conn, grant.principal, grant.permissions
        ):
            raise _Failed("it is not there afterwards")
        self.step = "to take it away"
        ended = end(conn, self._role, grant.request_id, grant.principal)
        if any(role.gives for role in self._roles()):
            raise ended.refused or _Failed("it is there afterwards")
        self.step = "to cut sessions"
        Sessions(self._target).cut_all_of(conn, ended.holders, set())
        self.step = "to drop the role"
        if left := [word for role in ended.roles for word in drop(conn, role)]:
            raise _Failed(left[0])

    def _roles(self) -> list[catalog.JitRole]:
        return catalog.jit_roles_of(self._conn, self._role, self._grant.request_id)


def standby(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Nothing of a primary."""
    row = conn.execute("SELECT pg_is_in_recovery()").fetchone()
    if row and row[0]:
        what = "it is a standby: nobody can be given anything there, and nothing be taken away"
        yield Finding(ok=False, what=what, remedy="name the primary in its dsn")


def not_to_be_seen(conn: psycopg.Connection[Any], refused: InsufficientPrivilege) -> Finding:
    said = refused.diag.message_primary or "no reason given"
    remedy, is_sql = _remedy(conn, said)
    return Finding(ok=False, what=f"the worker's login may not look: {said}", remedy=remedy, is_sql=is_sql)


def _remedy(conn: psycopg.Connection[Any], said: str) -> tuple[str, bool]:
    """And whether it is SQL: what everybody could do before somebody hardened the server."""
    denied = re.fullmatch(r"permission denied for (function|table|view) (\w+)", said)
    if not denied:
        return LOOK, False
    kind, name = denied.groups()
    row = conn.execute(
        r"""SELECT string_agg(format('GRANT %%s pg_catalog.%%s TO %%I;', %s::text, it, session_user), E'\n' ORDER BY it)
            FROM (SELECT oid::regprocedure::text AS it FROM pg_proc
                  WHERE %s = 'function' AND proname = %s AND pronamespace = 'pg_catalog'::regnamespace
                  UNION ALL
                  SELECT relname FROM pg_class
                  WHERE %s <> 'function' AND relname = %s AND relnamespace = 'pg_catalog'::regnamespace) denied""",
        ["EXECUTE ON FUNCTION" if kind == "function" else "SELECT ON", kind, name, kind, name],
    ).fetchone()
    return (row[0], True) if row and row[0] else (LOOK, False)
