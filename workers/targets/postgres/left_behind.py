"""What an end could not undo: what the principal still has, or can still bring about, by means of the grant.

What was so before the grant is noted on its role, so that only what is new is told. Rights that were
given to others or to PUBLIC in other databases cannot be seen from here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.errors import QueryCanceled
from psycopg.rows import dict_row, scalar_row

from workers.targets.postgres.catalog import OWNS, UP, JitRole, in_short, is_gone, names_of, otherwise_held
from workers.targets.postgres.known_grants import KnownGrant
from workers.targets.postgres.made import MADE
from workers.targets.postgres.note import Before
from workers.targets.postgres.revoke import Progress

MOST_NAMED = 200
"""A person named in more privileges than this is not looked at for new ones: it would not fit a comment."""

_GIVEN: LiteralString = f""", {UP}, owned AS (
        SELECT d.*, concat_ws('.', d.dbid, d.classid, d.objid, d.objsubid) AS place
        FROM up JOIN pg_shdepend d ON d.refobjid = up.oid AND {OWNS}
    ), named AS (
        SELECT d.*, concat_ws('.', d.dbid, d.classid, d.objid, d.objsubid) AS place FROM pg_shdepend d
        WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'a'
          AND d.refobjid = %(holder)s::oid
    )"""  # noqa: S608 - constants of this package alone


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose grant of what, in names for people and in oids; ``ours`` is a regular expression for the names of roles of
    ours.
    """

    principal: str
    permissions: Sequence[str]
    holder: int
    reached: Sequence[int]
    ours: str

    def parameters(self, **more: Any) -> dict[str, Any]:
        told = {"principal": self.principal, "holder": self.holder, "reached": list(self.reached), "ours": self.ours}
        return {**told, **more}


def left_behind(
    conn: psycopg.Connection[Any], progress: Progress, grants: Sequence[KnownGrant], principal: str, ours: str
) -> list[str]:
    """What stays; that it cannot be found out keeps no end from being proven."""
    try:
        return [*_left_behind(conn, progress, grants, principal, ours)]
    except QueryCanceled:
        return ["what else it left behind takes too long to find out"]
    except psycopg.Error as exc:
        if conn.broken:
            raise
        return [f"what else it left behind cannot be found out: {exc.diag.message_primary}"]


def _left_behind(
    conn: psycopg.Connection[Any], progress: Progress, grants: Sequence[KnownGrant], principal: str, ours: str
) -> Iterator[str]:
    logins = _logins(progress)
    yield from prepared(conn, {*logins, *(oid for grant in grants for oid in grant.reached)})
    for grant in grants:
        role, before = grant.role, grant.before
        if before:
            permissions = role.permissions or names_of(conn, before.reached)
            scope = Scope(logins.get(before.holder, principal), permissions, before.holder, before.reached, ours)
            yield from kept(conn, scope, before)
            yield from made(conn, scope, before)
        elif role.own_note:
            yield f"{role.name} is of an older version of jit: what was made by means of it is not known"
        elif role.members or role.permissions or _its_login_is_gone(conn, role):
            yield f"somebody changed the note on {role.name}: what was made by means of it is not known"


def _logins(progress: Progress) -> dict[int, str]:
    """Those of its holders that may leave something behind, with their names: a superuser may do anything anyway."""
    return {holder.oid: holder.name for holder in progress.holders if not holder.superuser}


def _its_login_is_gone(conn: psycopg.Connection[Any], role: JitRole) -> bool:
    """With which may have gone what tells whose note it is."""
    return bool(role.note and role.note.before and is_gone(conn, role.note.before.holder))


def snapshot(conn: psycopg.Connection[Any], scope: Scope, *, makes: bool) -> Before:
    """How things stand, apart from roles of ours. To be taken before a grant, and compared at its end."""
    (now,) = _snapshots(conn, [(scope.holder, scope.reached)], scope.ours)
    return replace(now, makes=makes)


def _snapshots(
    conn: psycopg.Connection[Any], grants: Sequence[tuple[int, Sequence[int]]], ours: str
) -> Iterator[Before]:
    """As `snapshot`, of each of these holders and all that is reached, but for what they may make."""
    whose = _GIVEN.replace("%(holder)s::oid", "g.holder").replace("%(reached)s::oid[]", "g.reached::oid[]")
    query = f"""
        SELECT now.* FROM unnest(%(holders)s::oid[], %(reached)s::text[]) WITH ORDINALITY g(holder, reached, place),
             LATERAL ({otherwise_held(conn, "g.holder")} {whose}
                SELECT ARRAY(SELECT oid FROM mine JOIN up USING (oid) ORDER BY 1) AS had,
                       ARRAY(SELECT oid FROM up ORDER BY 1) AS reached,
                       (SELECT count(*) FROM owned) AS owned,
                       ARRAY(SELECT place FROM named LIMIT {MOST_NAMED + 1}) AS named,
                       txid_snapshot_xmin(txid_current_snapshot()) AS since) now
        ORDER BY g.place"""  # noqa: S608 - constants of this package alone
    parameters = {
        "holders": [holder for holder, _ in grants],
        "reached": [f"{{{','.join(map(str, reached))}}}" for _, reached in grants],
        "ours": ours,
    }
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(query, parameters, prepare=True).fetchall()
    for (holder, _), row in zip(grants, rows, strict=True):
        named = tuple(sorted(row["named"]))
        yield Before(
            holder,
            tuple(row["reached"]),
            tuple(row["had"]),
            row["owned"],
            named if len(named) <= MOST_NAMED else None,
            row["since"],
            makes=False,
        )


def leaving_nothing(
    conn: psycopg.Connection[Any], ended: Sequence[tuple[Progress, KnownGrant]], ours: str
) -> frozenset[int]:
    """The oids of the roles of those that leave nothing behind, as far as few questions for all of them tell: what the
    others do is for `left_behind` to find out, of each by itself.
    """
    owners = {oid for progress, grant in ended for oid in (*_logins(progress), *grant.reached)}
    known = [
        (grant.role.oid, grant.before) for _, grant in ended if grant.before is not None and not grant.before.makes
    ]
    try:
        if prepared(conn, owners):
            return frozenset()
        now = [*_snapshots(conn, [(before.holder, before.reached) for _, before in known], ours)]
    except psycopg.Error:
        if conn.broken:
            raise
        return frozenset()
    return frozenset(oid for (oid, before), then in zip(known, now, strict=True) if not any(_new_since(before, then)))


def _new_since(before: Before, now: Before) -> tuple[set[int], int, set[str]]:
    """The roles that the holder has otherwise, how many objects more what is reached owns, and the privileges that the
    holder was given by name; none of these where there are too many to compare.
    """
    named = {*now.named} - {*before.named} if before.named is not None and now.named is not None else set[str]()
    return {*now.had} - {*before.had}, max(0, now.owned - before.owned), named


def kept(conn: psycopg.Connection[Any], scope: Scope, before: Before) -> Iterator[str]:
    """What is new since ``before``. To be asked when the sessions are gone."""
    had, owned, named = _new_since(before, snapshot(conn, scope, makes=before.makes))
    who = scope.principal
    for role in sorted(names_of(conn, had)):
        names = [sql.Identifier(name).as_string(conn) for name in (role, who)]
        yield f"{who} got {role} by another way meanwhile and still has it: REVOKE {names[0]} FROM {names[1]};"
    if owned:
        what = _described(conn, "owned", scope.parameters(places=None)) if before.owned == 0 else []
        told = f": {', '.join(what)}" if what else ""
        yield f"{', '.join(scope.permissions)} own {owned} more objects than before{told}"
    if named:
        what = _described(conn, "named", scope.parameters(places=list(named)))
        yield f"{who} was given rights by name meanwhile, and keeps them: {', '.join(what)}"


def made(conn: psycopg.Connection[Any], scope: Scope, before: Before) -> Iterator[str]:
    """What was made since with rights of the grant that are asked only then, and goes on: where such may be given."""
    if not before.makes:
        return
    with conn.cursor(row_factory=scalar_row) as cur:
        parameters = scope.parameters(since=before.since % 2**32, too_many=before.named is None)
        found = cur.execute(MADE, parameters, prepare=True).fetchall()
    if found:
        yield f"{scope.principal} may have made by means of it what stays: {', '.join(found)}"


def prepared(conn: psycopg.Connection[Any], owners: Collection[int]) -> list[str]:
    """Transactions that outlive their session and take effect when somebody commits them.

    On 15 their owner may be a role that was put on.
    """
    with conn.cursor(row_factory=scalar_row) as cur:
        return cur.execute(
            """SELECT format('a prepared transaction of %%s in database %%s can still be committed: '
                             'ROLLBACK PREPARED %%L;', owner, database, gid)
               FROM pg_prepared_xacts WHERE owner IN (SELECT rolname FROM pg_roles WHERE oid = ANY(%s::oid[]))
               ORDER BY gid LIMIT 10""",
            [list(owners)],
        ).fetchall()


def _described(conn: psycopg.Connection[Any], table: LiteralString, parameters: dict[str, Any]) -> list[str]:
    """Some of them: in this database what it is, of others only that there is something."""
    with conn.cursor(row_factory=scalar_row) as cur:
        return cur.execute(
            f"""{otherwise_held(conn)} {_GIVEN}
                SELECT DISTINCT CASE WHEN d.dbid = 0 OR b.datname = current_database()
                                THEN coalesce({in_short("pg_describe_object(d.classid, d.objid, d.objsubid)")},
                                              'something')
                                ELSE 'something in database ' || b.datname END
                FROM (SELECT * FROM {table} d
                      WHERE %(places)s::text[] IS NULL OR d.place = ANY(%(places)s::text[]) LIMIT 10) d
                LEFT JOIN pg_database b ON b.oid = d.dbid ORDER BY 1""",  # noqa: S608 - constants of this package alone
            parameters,
        ).fetchall()
