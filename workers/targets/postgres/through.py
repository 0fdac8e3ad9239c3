"""Transactions of others that go on with a right that has ended, through what its holder made: a cursor on her view.

Rights are asked for when a statement starts. What it reads is locked until its transaction is over, and so is a view. A
function leaves no trace: who may call one of hers, and has locked what the grant gave without any right to it, counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from workers.targets.postgres.catalog import Account, JitRole
from workers.targets.postgres.note import Note

_REACHES: LiteralString = """(has_table_privilege({0}, {1}, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
                 OR has_any_column_privilege({0}, {1}, 'SELECT, INSERT, UPDATE'))"""
_GRANT_REACHES: LiteralString = _REACHES.replace("{0}", "up.oid").replace("{1}", "k.oid")
_OTHER_REACHES: LiteralString = _REACHES.replace("{0}", "o.login").replace("{1}", "g.oid")

_THROUGH: LiteralString = f"""
    WITH RECURSIVE up(oid) AS (
        SELECT to_regrole(quote_ident(p))::oid FROM unnest(%(permissions)s::text[]) p
        UNION
        SELECT m.roleid FROM up JOIN pg_auth_members m ON m.member = up.oid
    ), makers AS MATERIALIZED (
        SELECT unnest(%(makers)s::oid[]) AS oid UNION SELECT oid FROM up WHERE %(owned_nothing)s
    ), locked AS MATERIALIZED (
        SELECT l.virtualtransaction AS tx, l.pid, c.oid, c.relowner,
               c.relkind IN ('v', 'm', 'f') OR c.relhastriggers OR c.relhasrules AS acts
        FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        WHERE l.locktype = 'relation' AND l.granted AND c.oid >= 16384 AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND l.pid IS DISTINCT FROM pg_backend_pid()
    ), given AS MATERIALIZED (
        SELECT DISTINCT k.tx, k.oid FROM locked k JOIN up ON EXISTS (
            SELECT FROM pg_shdepend d WHERE d.classid = 'pg_class'::regclass AND d.objid = k.oid
            AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND d.refclassid = 'pg_authid'::regclass AND d.refobjid = up.oid
        ) OR pg_get_userbyid(up.oid) ^@ 'pg_' AND {_GRANT_REACHES}
    ), others AS (
        SELECT k.tx, k.pid, coalesce(s.usesysid, p.owner) AS login, p.gid
        FROM (SELECT DISTINCT tx, pid FROM locked WHERE tx IN (SELECT tx FROM given)) k
        LEFT JOIN pg_stat_activity s ON s.pid = k.pid
        LEFT JOIN LATERAL (
            SELECT x.gid, r.oid AS owner FROM pg_locks t JOIN pg_prepared_xacts x ON x.transaction = t.transactionid
            JOIN pg_roles r ON r.rolname = x.owner WHERE t.virtualtransaction = k.tx AND k.pid IS NULL
        ) p ON true
    )
    SELECT o.pid, r.oid AS login, r.rolname AS name, o.gid, made.what
    FROM others o JOIN pg_roles r ON r.oid = o.login AND NOT r.rolsuper AND r.rolname <> session_user,
    LATERAL (
        (SELECT pg_describe_object('pg_class'::regclass, k.oid, 0) AS what FROM locked k
         WHERE k.tx = o.tx AND k.acts AND k.relowner IN (SELECT oid FROM makers) ORDER BY 1)
        UNION ALL
        (SELECT pg_describe_object('pg_proc'::regclass, f.oid, 0) FROM pg_proc f
         WHERE f.prosecdef AND f.proowner IN (SELECT oid FROM makers)
           AND has_function_privilege(o.login, f.oid, 'EXECUTE')
           AND EXISTS (SELECT FROM given g WHERE g.tx = o.tx AND NOT {_OTHER_REACHES}) ORDER BY 1)
        LIMIT 1
    ) made ORDER BY 3, 1"""  # noqa: S608 - constants of this file alone


@dataclass(frozen=True, slots=True)
class Through:
    """A transaction of the login ``name`` that goes on through ``what``: of session ``pid``, or prepared as ``gid``."""

    pid: int | None
    login: int
    name: str
    gid: str | None
    what: str


def through(conn: psycopg.Connection[Any], roles: Sequence[JitRole], holders: Sequence[Account]) -> list[Through]:
    """To be asked when the rights are gone and the holders' own sessions are cut. In this database."""
    notes = [note for role in roles if (note := Note.read(role.note)) and note.oid == role.oid]
    permissions = {permission for role in roles for permission in role.permissions}
    permissions |= {permission for note in notes for permission in note.permissions}
    owned_nothing = all(note.before is not None and not note.before.owned for note in notes)
    makers = [*(holder.oid for holder in holders if not holder.superuser), *(role.oid for role in roles)]
    with conn.cursor(row_factory=class_row(Through)) as cur:
        parameters = {"permissions": sorted(permissions), "makers": makers, "owned_nothing": owned_nothing}
        return cur.execute(_THROUGH, parameters, prepare=True).fetchall()
