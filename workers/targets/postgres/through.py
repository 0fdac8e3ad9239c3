"""Transactions of others that go on with a right that has ended, through what its holder made: a cursor on her view.

Rights are asked for when a statement starts. What it reads is locked until its transaction is over, and so is a view. A
function leaves no trace: who may call one of hers, and has locked what the grant gave without any right to it, counts.
So does who has no way left to what they have locked: they were a member of the holder's for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from workers.targets.postgres.catalog import ANOTHER, UP, Account, in_short
from workers.targets.postgres.known_grants import KnownGrant

_HERE: LiteralString = "(SELECT oid FROM pg_database WHERE datname = current_database())"
_READS_MORE: LiteralString = """EXISTS (
    SELECT FROM may, pg_attribute a WHERE a.attrelid = g.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(may.oid, g.oid, a.attnum, 'SELECT')
    AND NOT has_column_privilege({who}, g.oid, a.attnum, 'SELECT'))"""
_WRITES_MORE: LiteralString = """NOT (has_table_privilege({who}, g.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    OR has_any_column_privilege({who}, g.oid, 'INSERT, UPDATE'))"""
_MORE: LiteralString = (
    f"CASE WHEN g.mode IN ('AccessShareLock', 'RowShareLock') THEN {_READS_MORE} ELSE {_WRITES_MORE} END"
)
"""Of lock `g` on what the grant gave: whether it is for something that {who} has no right to."""

_MAY_RUN: LiteralString = """(has_function_privilege(o.login, f.oid, 'EXECUTE') OR EXISTS (
    SELECT FROM vias WHERE vias.oid <> f.proowner AND has_function_privilege(vias.oid, f.oid, 'EXECUTE')))"""
_CHANGED: LiteralString = "(age(f.xmin) <= coalesce((SELECT max(age(x::xid)) FROM unnest(%(since)s::text[]) x), -1))"
"""Of function `f`: whether the login of `o` may call it now, or through another's; whether anything of it, its owner
and its rights included, was written since the grant was: what a transaction began with may not be what is there now.
"""
MOST_ASKED = 500
"""Functions of one holder that it is asked of who may call them: of somebody who has more, anybody may."""

_NONE: LiteralString = (
    "CASE WHEN g.mode IN ('AccessShareLock', 'RowShareLock') THEN NOT has_any_column_privilege({who}, g.oid, 'SELECT') "
    f"ELSE {_WRITES_MORE} END"
)
_NO_WAY_LEFT: LiteralString = f"""(
    g.mode IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock') AND o.pid IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_roles s WHERE pg_has_role(o.login, s.oid, 'MEMBER')
                    AND NOT {_NONE.replace("{who}", "s.oid")})
    AND NOT EXISTS (SELECT FROM locked k WHERE k.tx = g.tx AND k.acts AND NOT {_NONE.replace("{who}", "k.relowner")})
    AND NOT EXISTS (SELECT FROM locked p JOIN pg_inherits i ON i.inhparent = p.oid
                    WHERE i.inhrelid = g.oid AND p.tx = g.tx)
    AND NOT EXISTS (SELECT FROM lenders w WHERE NOT {_NONE.replace("{who}", "w.oid")} AND EXISTS (
        SELECT FROM definers f WHERE f.proowner = w.oid
        AND ({_MAY_RUN} OR EXISTS (SELECT FROM locked k WHERE k.tx = g.tx AND k.acts
                                   AND has_function_privilege(k.relowner, f.oid, 'EXECUTE'))) OFFSET 0) OFFSET 0))"""  # noqa: S608 - constants of this file alone
"""Of lock `g` of `o` for what its login has no right to: whether no role that it can put on, nothing that it has
locked, and no function explains it. Whose functions there are is asked first: anybody may have any number. Who may read
a part may; who maintains a table has another kind of lock.
"""

_THROUGH: LiteralString = f"""
    WITH RECURSIVE {UP}, makers AS MATERIALIZED (
        SELECT unnest(%(makers)s::oid[]) AS oid UNION SELECT oid FROM up WHERE %(owned_nothing)s
    ), locked AS MATERIALIZED (
        SELECT l.virtualtransaction AS tx, l.pid, l.database, c.oid, l.mode, c.relowner,
               c.relkind IN ('v', 'm', 'f') OR c.relhastriggers OR c.relhasrules AS acts
        FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        WHERE l.locktype = 'relation' AND l.granted AND c.oid >= 16384 AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
          AND l.database = {_HERE} AND l.pid IS DISTINCT FROM pg_backend_pid()
        UNION ALL
        SELECT l.virtualtransaction, l.pid, l.database, l.relation, l.mode, d.refobjid, true
        FROM pg_locks l LEFT JOIN pg_shdepend d ON d.dbid = l.database AND d.classid = 'pg_class'::regclass
          AND d.objid = l.relation AND d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
        WHERE l.locktype = 'relation' AND l.granted AND l.relation >= 16384 AND l.database NOT IN (0, {_HERE})
    ), lending AS MATERIALIZED (
        SELECT DISTINCT f.proowner AS oid FROM pg_shdepend d JOIN up ON up.oid = d.refobjid
        JOIN pg_proc f ON f.oid = d.objid
        WHERE d.classid = 'pg_proc'::regclass AND d.dbid = {_HERE} AND d.refclassid = 'pg_authid'::regclass
          AND d.deptype = 'a' AND f.prosecdef
    ), may AS MATERIALIZED (
        SELECT oid FROM up UNION SELECT oid FROM lending
    ), given AS MATERIALIZED (
        SELECT g.tx, g.oid, g.database, g.mode FROM locked g JOIN lending ON g.database = {_HERE}
          AND has_table_privilege(lending.oid, g.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
        UNION
        SELECT g.tx, g.oid, g.database, g.mode FROM locked g JOIN up ON EXISTS (
            SELECT FROM pg_shdepend d WHERE d.classid = 'pg_class'::regclass AND d.objid = g.oid
            AND d.dbid = g.database AND d.refclassid = 'pg_authid'::regclass AND d.refobjid = up.oid
        ) OR CASE WHEN pg_get_userbyid(up.oid) NOT IN ('pg_read_all_data', 'pg_write_all_data') THEN false
                  WHEN g.database <> {_HERE} THEN true
                  ELSE has_table_privilege(up.oid, g.oid, 'SELECT, INSERT, UPDATE, DELETE') END
    ), others AS (
        SELECT k.tx, k.pid, coalesce(s.usesysid, p.owner) AS login, p.gid,
               s.pid IS NOT NULL AND s.usesysid IS NULL AS nobodys
        FROM (SELECT DISTINCT tx, pid FROM locked WHERE tx IN (SELECT tx FROM given)) k
        LEFT JOIN pg_stat_activity s ON s.pid = k.pid
        LEFT JOIN LATERAL (
            SELECT x.gid, r.oid AS owner FROM pg_locks t JOIN pg_prepared_xacts x ON x.transaction = t.transactionid
            JOIN pg_roles r ON r.rolname = x.owner WHERE t.virtualtransaction = k.tx AND k.pid IS NULL
        ) p ON true
    ), more AS MATERIALIZED (
        SELECT DISTINCT g.tx, g.oid, g.mode FROM given g JOIN others o ON o.tx = g.tx
        WHERE g.database = {_HERE} AND {_MORE.replace("{who}", "o.login")}
    ), definers AS MATERIALIZED (
        SELECT oid, proowner FROM pg_proc WHERE prosecdef
    ), lenders AS MATERIALIZED (
        SELECT DISTINCT proowner AS oid FROM definers
    ), vias AS MATERIALIZED (
        SELECT oid FROM lenders JOIN pg_roles w USING (oid) WHERE NOT w.rolsuper
    ), functions AS MATERIALIZED (
        SELECT * FROM (SELECT DISTINCT ON (f.proowner) f.oid, f.proowner, f.proname, true AS changed
                       FROM pg_proc f WHERE {_CHANGED} ORDER BY f.proowner, f.prosecdef DESC, f.proname) f
        WHERE EXISTS (SELECT FROM makers m WHERE pg_has_role(m.oid, f.proowner, 'MEMBER'))
        UNION ALL
        (SELECT f.oid, f.proowner, f.proname, count(*) OVER () > {MOST_ASKED} FROM pg_proc f
         WHERE f.prosecdef AND f.proowner IN (SELECT oid FROM makers) AND NOT {_CHANGED} LIMIT {MOST_ASKED})
        ORDER BY proname
    )
    SELECT o.pid, o.login, o.gid, made.what,
           coalesce(r.rolname, CASE WHEN o.nobodys THEN 'autovacuum' ELSE 'a login that was dropped' END) AS name
    FROM others o LEFT JOIN pg_roles r ON r.oid = o.login, LATERAL (
        (SELECT CASE WHEN k.database = {_HERE} THEN {in_short("pg_describe_object('pg_class'::regclass, k.oid, 0)")}
                     ELSE 'something in database ' || b.datname END AS what
         FROM locked k JOIN pg_database b ON b.oid = k.database
         WHERE k.tx = o.tx AND (k.acts OR o.nobodys) AND k.relowner IN (SELECT oid FROM makers) ORDER BY 1)
        UNION ALL
        (SELECT {in_short("pg_describe_object('pg_proc'::regclass, f.oid, 0)")} FROM functions f
         WHERE o.tx IN (SELECT tx FROM more) AND (f.changed OR {_MAY_RUN})
           AND (f.proowner IN (SELECT oid FROM makers)
                OR EXISTS (SELECT FROM more g WHERE g.tx = o.tx AND {_MORE.replace("{who}", "f.proowner")}))
         LIMIT 1)
        UNION ALL
        (SELECT 'a right that it has no more' FROM more g WHERE g.tx = o.tx AND {_NO_WAY_LEFT} LIMIT 1)
        LIMIT 1
    ) made
    WHERE o.nobodys OR o.login IS NOT NULL AND {ANOTHER}
    ORDER BY name, o.pid"""  # noqa: S608 - constants of this file alone


@dataclass(frozen=True, slots=True)
class Through:
    """A transaction of the login ``name`` that goes on through ``what``: of session ``pid``, or prepared as ``gid``.

    Without a ``login`` it is the server's own, which runs the functions of an index as the table's owner.
    """

    pid: int | None
    login: int | None
    name: str
    gid: str | None
    what: str


def through(conn: psycopg.Connection[Any], grants: Sequence[KnownGrant], holders: Sequence[Account]) -> list[Through]:
    """To be asked when the rights are gone and the holders' own sessions are cut. Elsewhere functions are not seen."""
    makers = [*(holder.oid for holder in holders if not holder.superuser), *(grant.role.oid for grant in grants)]
    with conn.cursor(row_factory=class_row(Through)) as cur:
        parameters = {
            "reached": sorted({oid for grant in grants for oid in grant.reached}),
            "makers": makers,
            "since": [str(grant.over_since) for grant in grants if grant.over_since is not None],
            "owned_nothing": all(grant.owned_nothing for grant in grants),
        }
        return cur.execute(_THROUGH, parameters, prepare=True).fetchall()


def sessions_in(found: Sequence[Through]) -> dict[int, int]:
    """Those that can be cut, with their logins."""
    return {one.pid: one.login for one in found if one.pid and one.login}
