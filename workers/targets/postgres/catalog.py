"""What PostgreSQL's catalogs say about roles: who is given what.

Names are looked up by `to_regrole`, which has an index where a comparison with text has none. It cuts
names off after 63 bytes: refuse longer ones before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row, scalar_row

from workers.targets.postgres.note import NOTED, OURS

HOLDS: LiteralString = "(m.inherit_option OR m.set_option)"
"""From 16 on who creates a role gets it with ADMIN alone, which by itself gives nothing."""

ME: LiteralString = "to_regrole(quote_ident(session_user))::oid"


def holds(conn: psycopg.Connection[Any]) -> LiteralString:
    """The condition under which row `m` of pg_auth_members gives the role."""
    return HOLDS if conn.info.server_version >= 160000 else "true"


def otherwise_held(conn: psycopg.Connection[Any]) -> LiteralString:
    """The beginning of a query: `mine`, every role the ``principal`` has but through roles that are ``ours``."""
    return f"""
        WITH RECURSIVE mine(oid) AS (
            SELECT to_regrole(quote_ident(%(principal)s::text))::oid
            UNION
            SELECT m.roleid FROM mine JOIN pg_auth_members m ON m.member = mine.oid JOIN pg_roles r ON r.oid = m.roleid
            WHERE {holds(conn)} AND NOT {OURS}
        )"""  # noqa: S608 - constants of this package alone


@dataclass(frozen=True, slots=True)
class JitRole:
    """A role of ours as it stands: what it has, who has it, and its comment."""

    oid: int
    name: str
    note: str | None
    permissions: tuple[str, ...]
    members: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "permissions", tuple(self.permissions))
        object.__setattr__(self, "members", tuple(self.members))

    @property
    def gives(self) -> bool:
        return bool(self.members and self.permissions)


@dataclass(frozen=True, slots=True)
class Account:
    """A role somebody logs in with."""

    oid: int
    name: str
    superuser: bool
    login: bool
    worker: bool


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something in the server that names a role; ``owned`` would go with it."""

    owned: bool
    what: str


def jit_roles_of(conn: psycopg.Connection[Any], name: str, request_id: str) -> list[JitRole]:
    """The roles of one grant: the one with its name, and any that was renamed and whose note still says so."""
    query = f"""{_jit_roles(conn)} WHERE r.oid = to_regrole(quote_ident(%(name)s::text))::oid OR r.oid IN ({NOTED})
                ORDER BY 2"""
    with conn.cursor(row_factory=class_row(JitRole)) as cur:
        return cur.execute(query, {"name": name, "request": request_id}, prepare=True).fetchall()


def jit_roles(conn: psycopg.Connection[Any], ours: str) -> list[JitRole]:
    """``ours`` is a regular expression for the names of roles of ours; those renamed are found too."""
    with conn.cursor(row_factory=class_row(JitRole)) as cur:
        return cur.execute(f"{_jit_roles(conn)} WHERE {OURS} ORDER BY 2", {"ours": ours}).fetchall()


def _jit_roles(conn: psycopg.Connection[Any]) -> LiteralString:
    return f"""
        SELECT r.oid, r.rolname AS name, shobj_description(r.oid, 'pg_authid') AS note,
               ARRAY(SELECT DISTINCT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m
                     WHERE m.member = r.oid AND {holds(conn)} ORDER BY 1) AS permissions,
               ARRAY(SELECT DISTINCT pg_get_userbyid(m.member)::text FROM pg_auth_members m
                     WHERE m.roleid = r.oid AND {holds(conn)} AND m.member <> {ME} ORDER BY 1) AS members
        FROM pg_roles r"""  # noqa: S608 - constants of this file alone


def account(conn: psycopg.Connection[Any], name: str) -> Account | None:
    with conn.cursor(row_factory=class_row(Account)) as cur:
        return cur.execute(
            """SELECT oid, rolname AS name, rolsuper AS superuser, rolcanlogin AS login,
                      rolname IN (session_user, current_user) AS worker
               FROM pg_roles WHERE oid = to_regrole(quote_ident(%s::text))::oid""",
            [name],
        ).fetchone()


def holders(conn: psycopg.Connection[Any], roles: Sequence[int], principal: str) -> list[Account]:
    """Everybody whose sessions may be using the roles: themselves, if somebody let them log in, their
    members, theirs, and the principal.
    """
    query = f"""
        WITH RECURSIVE down(oid) AS (
            SELECT unnest(%(roles)s::oid[])
            UNION
            SELECT m.member FROM down JOIN pg_auth_members m ON m.roleid = down.oid
            WHERE {holds(conn)} AND m.member <> {ME}
        )
        SELECT oid, rolname AS name, rolsuper AS superuser, rolcanlogin AS login, false AS worker FROM pg_roles
        WHERE oid = ANY(ARRAY(SELECT oid FROM down UNION SELECT to_regrole(quote_ident(%(principal)s::text))::oid))
          AND rolname NOT IN (session_user, current_user)"""  # noqa: S608 - constants of this file alone
    with conn.cursor(row_factory=class_row(Account)) as cur:
        return cur.execute(query, {"roles": list(roles), "principal": principal}, prepare=True).fetchall()


def held_otherwise(conn: psycopg.Connection[Any], principal: str, ours: str) -> list[str]:
    """Every role the principal has by another way than through roles of ours."""
    query = f"""{otherwise_held(conn)}
        SELECT r.rolname FROM mine JOIN pg_roles r ON r.oid = mine.oid"""  # noqa: S608 - constants of this package alone
    with conn.cursor(row_factory=scalar_row) as cur:
        return cur.execute(query, {"principal": principal, "ours": ours}).fetchall()


def dependencies(conn: psycopg.Connection[Any], oid: int) -> list[Dependency]:
    """What names a role, in this database by its name, in others only that there is something.

    Default privileges count as not owned: no data goes with them.
    """
    with conn.cursor(row_factory=class_row(Dependency)) as cur:
        return cur.execute(
            """SELECT DISTINCT d.deptype = 'o' AND d.classid <> 'pg_default_acl'::regclass AS owned,
                      CASE WHEN d.dbid = 0 OR b.datname = current_database()
                           THEN coalesce(pg_describe_object(d.classid, d.objid, d.objsubid), 'something')
                           ELSE 'something in database ' || b.datname END AS what
               FROM pg_shdepend d LEFT JOIN pg_database b ON b.oid = d.dbid
               WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = %s ORDER BY 2 LIMIT 20""",
            [oid],
        ).fetchall()


def usable(conn: psycopg.Connection[Any], principal: str, permissions: Sequence[str]) -> bool:
    """Whether the principal has all of this at once, without SET ROLE."""
    with conn.cursor(row_factory=scalar_row) as cur:
        return bool(
            cur.execute(
                "SELECT bool_and(pg_has_role(%s::name, p::name, 'USAGE')) FROM unnest(%s::text[]) p",
                [principal, list(permissions)],
            ).fetchone()
        )
