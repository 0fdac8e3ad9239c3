"""All that a server holds of what can be given there, for a comparison with the ledger: by few questions, whatever the
number of its roles.

1. The roles of our grants, with their notes.
2. Who is a member of what: below what can be given, and above it and the people.
3. Attributes that make a role more than it was given to be.
4. What the people, and what can be given, own or may do by name, by schemas; and what everybody may.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from jit.ports import Right, TargetRefused
from workers.targets.postgres.catalog import ME, JitRole, holds, in_short, readable

MOST: LiteralString = "20000"
"""Rows that one question answers."""
ADMIN = "member WITH ADMIN OPTION"

_EDGES: LiteralString = """
    WITH RECURSIVE down(oid) AS (
        SELECT oid FROM unnest(%(given)s::oid[]) oid
        UNION
        SELECT m.member FROM down JOIN pg_auth_members m ON m.roleid = down.oid
    ), up(oid) AS (
        SELECT oid FROM unnest(%(above)s::oid[]) oid
        UNION
        SELECT m.roleid FROM up JOIN pg_auth_members m ON m.member = up.oid
    )
    SELECT m.roleid AS role, {name} AS name, m.member, {who} AS who,
           bool_or(m.admin_option) AS admin, bool_or({holds}) AS holds,
           string_agg(DISTINCT {by}, ', ') AS by
    FROM pg_auth_members m
    WHERE (m.roleid IN (SELECT oid FROM down) OR m.member IN (SELECT oid FROM up)) AND m.member <> {me}
    GROUP BY m.roleid, m.member LIMIT {most}"""

_ATTRIBUTES: LiteralString = """
    SELECT r.oid AS role, {who} AS who, a.what
    FROM pg_roles r, LATERAL (VALUES ('SUPERUSER', r.rolsuper), ('CREATEROLE', r.rolcreaterole),
        ('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls),
        ('LOGIN', r.rolcanlogin AND r.oid = ANY(%(ours)s::oid[]))) a(what, has)
    WHERE a.has AND r.oid <> 10 AND r.oid <> {me}
      AND (r.rolsuper AND a.what = 'SUPERUSER' OR NOT r.rolsuper AND r.oid = ANY(%(watched)s::oid[]))"""

_OWNED: LiteralString = """
    WITH here(oid) AS (SELECT oid FROM pg_database WHERE datname = current_database()), named AS MATERIALIZED (
        SELECT DISTINCT d.dbid, d.classid, d.objid FROM pg_shdepend d
        WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = ANY(%(watched)s::oid[])
    ), relation AS MATERIALIZED (
        SELECT c.*, n.nspname, CASE c.relkind WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialized views'
            WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'foreign tables' ELSE 'tables' END AS kinds
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_(temp|toast)'
    ), routine AS MATERIALIZED (
        SELECT f.*, n.nspname, CASE WHEN f.prosecdef THEN 'SECURITY DEFINER functions' ELSE 'functions' END AS kinds
        FROM named JOIN pg_proc f ON f.oid = named.objid JOIN pg_namespace n ON n.oid = f.pronamespace
        WHERE named.classid = 'pg_proc'::regclass AND named.dbid = (SELECT oid FROM here)
          AND n.nspname !~ '^pg_temp'
    ), mine AS MATERIALIZED (
        SELECT r.* FROM relation r JOIN named ON named.objid = r.oid AND named.classid = 'pg_class'::regclass
          AND named.dbid = (SELECT oid FROM here)
    ), found(role, how, kinds, place, name) AS (
        SELECT relowner, 'owner', kinds, 'schema ' || nspname, relname FROM mine
        UNION ALL SELECT proowner, 'owner', kinds, 'schema ' || nspname, proname FROM routine
        UNION ALL SELECT nspowner, 'owner', 'schemas', '', nspname FROM pg_namespace WHERE nspname !~ '^pg_'
        UNION ALL SELECT datdba, 'owner', 'databases', '', datname FROM pg_database
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, kinds, 'schema ' || nspname, relname
            FROM mine, aclexplode(relacl) a WHERE a.grantee <> relowner
        UNION ALL SELECT 0, a.privilege_type, kinds, 'schema ' || nspname, relname
            FROM relation, aclexplode(relacl) a
            WHERE a.grantee = 0 AND relacl IS NOT NULL AND nspname NOT IN ('pg_catalog', 'information_schema')
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, 'columns', 'schema ' || nspname, relname
            FROM mine JOIN pg_attribute t ON t.attrelid = mine.oid, aclexplode(t.attacl) a
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, kinds, 'schema ' || nspname, proname
            FROM routine, aclexplode(proacl) a WHERE a.grantee <> proowner
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, 'schemas', '', nspname
            FROM pg_namespace, aclexplode(nspacl) a WHERE a.grantee <> nspowner
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, 'databases', '', datname
            FROM pg_database, aclexplode(datacl) a WHERE a.grantee <> datdba
        UNION ALL SELECT a.grantee, 'default ' || a.privilege_type || {option}, 'whatever '
                || pg_get_userbyid(x.defaclrole) || ' makes',
                CASE WHEN x.defaclnamespace = 0 THEN '' ELSE 'schema ' || x.defaclnamespace::regnamespace::text END,
                CASE x.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                     WHEN 'T' THEN 'types' ELSE 'schemas' END
            FROM pg_default_acl x, aclexplode(x.defaclacl) a WHERE a.grantee <> x.defaclrole
        UNION ALL SELECT d.refobjid, CASE d.deptype WHEN 'o' THEN 'owner' ELSE 'named' END,
                'objects of ' || d.classid::regclass::text, '', {described}
            FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = ANY(%(watched)s::oid[])
              AND d.dbid IN (0, (SELECT oid FROM here)) AND d.deptype IN ('o', 'a', 'r')
              AND d.classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass,
                  'pg_database'::regclass, 'pg_default_acl'::regclass, 'pg_type'::regclass,
                  'pg_auth_members'::regclass, 'pg_authid'::regclass)
        UNION ALL SELECT d.refobjid, CASE d.deptype WHEN 'o' THEN 'owner' ELSE 'named' END, 'something', '',
                'database ' || b.datname
            FROM pg_shdepend d JOIN pg_database b ON b.oid = d.dbid
            WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = ANY(%(watched)s::oid[])
              AND d.dbid NOT IN (0, (SELECT oid FROM here)) AND d.deptype IN ('o', 'a', 'r')
    )
    SELECT role, CASE role WHEN 0 THEN 'PUBLIC' ELSE {who} END AS who, how, {what} AS what, count(*) AS many,
           (array_agg({name} ORDER BY name))[1:3] AS names
    FROM found WHERE role = ANY(%(watched)s::oid[]) OR role = 0 AND kinds NOT IN ('schemas', 'databases')
    GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4 LIMIT {most}"""


@dataclass(frozen=True, slots=True)
class Edge:
    """``who`` is a member of the role ``name``, given ``by`` these; ``holds`` where that gives it."""

    role: int
    name: str
    member: int
    who: str
    admin: bool
    holds: bool
    by: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What the questions are about: the oids of what can be given and of the people, by their names, and our grants by
    the oids of their roles, with the request of each.
    """

    permissions: dict[str, int]
    people: dict[str, int]
    ours: dict[int, tuple[JitRole, str]]
    others: frozenset[int]
    """The roles of grants of another target in the same server."""

    def principal_of(self, role: int) -> int | None:
        """The oid of the login that this grant was given to, by its own note."""
        note = self.ours[role][0].own_note
        return note.before.holder if note and note.before else None


def scene(
    conn: psycopg.Connection[Any],
    permissions: Collection[str],
    people: Collection[str],
    ours: dict[int, tuple[JitRole, str]],
    others: frozenset[int],
) -> Scene:
    """Names that are nobody's are left out."""
    query = "SELECT rolname, oid FROM pg_roles WHERE rolname = ANY(%s::text[])"
    found = dict(conn.execute(query, [[*permissions, *people]]).fetchall())
    given, known = ({name: found[name] for name in names if name in found} for names in (permissions, people))
    return Scene(given, known, ours, others)


def rights(conn: psycopg.Connection[Any], about: Scene) -> list[Right]:
    """Everything but the grants themselves, as they were given."""
    edges = [edge for edge in _edges(conn, about) if not about.others & {edge.role, edge.member}]
    holders = {holder for role in about.ours if (holder := about.principal_of(role)) is not None}
    members = {edge.member for edge in edges if edge.holds}
    watched = {*about.permissions.values(), *about.people.values(), *about.ours, *holders, *members} - about.others
    found = [*_of_members(about, edges), *_of_attributes(conn, about, watched)]
    return [*found, *_of_objects(conn, about, watched), *_of_notes(about)]


def _role(oid: LiteralString) -> LiteralString:
    return readable(f"pg_get_userbyid({oid})::text")


def _edges(conn: psycopg.Connection[Any], about: Scene) -> list[Edge]:
    query = _EDGES.replace("{holds}", holds(conn)).replace("{me}", ME).replace("{most}", MOST)
    query = query.replace("{name}", _role("m.roleid")).replace("{who}", _role("m.member"))
    query = query.replace("{by}", _role("m.grantor"))
    given = [*about.permissions.values(), *about.ours]
    above = [*about.permissions.values(), *about.people.values(), *about.ours]
    with conn.cursor(row_factory=class_row(Edge)) as cur:
        return cur.execute(query, {"given": given, "above": above}).fetchall()


def _of_members(about: Scene, edges: Iterable[Edge]) -> Iterator[Right]:
    """But what each grant is given by: the permissions of its role, which are compared, and its one member."""
    for edge in edges:
        how = ADMIN if edge.admin else "member" if edge.holds else "member that may not use it"
        by = f"given by {edge.by}"
        if edge.role in about.ours:
            if edge.member != about.principal_of(edge.role) or edge.admin:
                yield Right(edge.who, edge.name, how, about.ours[edge.role][1], lasting=edge.admin, detail=by)
        elif edge.member in about.ours:
            if edge.admin:
                yield Right(edge.who, edge.name, how, about.ours[edge.member][1], lasting=True, detail=by)
        else:
            made = edge.admin and not edge.holds and edge.role not in about.permissions.values()
            yield Right(edge.who, edge.name, how, lasting=made, detail=by, removable=not made)


def _of_attributes(conn: psycopg.Connection[Any], about: Scene, watched: Collection[int]) -> Iterator[Right]:
    query = _ATTRIBUTES.replace("{me}", ME).replace("{who}", _role("r.oid"))
    rows = conn.execute(query, {"ours": [*about.ours], "watched": [*watched]}).fetchall()
    for role, who, what in rows:
        ours = about.ours.get(role)
        yield Right(who, what, "attribute", ours and ours[1], lasting=ours is not None)


def _of_objects(conn: psycopg.Connection[Any], about: Scene, watched: Collection[int]) -> Iterator[Right]:
    """What is owned, and default privileges, act on after an end; a privilege by name is access by itself."""
    option: LiteralString = "CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"
    described = in_short("pg_describe_object(d.classid, d.objid, d.objsubid)")
    query = _OWNED.replace("{option}", option).replace("{described}", described).replace("{most}", MOST)
    query = query.replace("{who}", _role("role")).replace("{name}", readable("left(name, 63)"))
    query = query.replace("{what}", readable("concat_ws(' in ', kinds, nullif(place, ''))"))
    for role, who, how, what, many, names in conn.execute(query, {"watched": [*watched]}).fetchall():
        ours = about.ours.get(role)
        more = f" and {many - len(names)} more" if many > len(names) else ""
        lasting = how == "owner" or how.startswith("default ") or how.endswith("GRANT OPTION") or ours is not None
        yield Right(who, what, how, ours and ours[1], lasting=lasting, detail=", ".join(names) + more)


def _of_notes(about: Scene) -> Iterator[Right]:
    """Roles that are not as the worker made them."""
    for role, request in about.ours.values():
        if role.own_note is None:
            detail = "it carries no note of ours: it was made anew by somebody, or its comment was changed"
            yield Right(role.name, "its note", "changed", request, changed=True, detail=detail)
        elif not role.name.endswith(request.lower().replace("-", "_")):
            yield Right(role.name, "its name", "changed", request, changed=True, detail="its role was renamed")


def remove_member(conn: psycopg.Connection[Any], target: str, right: Right) -> None:
    """In the name of each who gave it, and what was given on with it. Before 16 anybody with ADMIN takes anybody's.

    Raises:
        TargetRefused: it is still there, with the SQL for a superuser.
    """
    names = right.permission, right.principal
    query = """SELECT pg_get_userbyid(grantor)::text FROM pg_auth_members
               WHERE roleid = to_regrole(quote_ident(%s::text)) AND member = to_regrole(quote_ident(%s::text))"""
    for (grantor,) in conn.execute(query, names).fetchall():
        by = "GRANTED BY {}" if conn.info.server_version >= 160000 else ""
        with suppress(psycopg.Error):
            revoke = sql.SQL("REVOKE {} FROM {} " + by + " CASCADE")
            conn.execute(revoke.format(*map(sql.Identifier, (*names, *([grantor] if by else [])))))
    if left := conn.execute(query, names).fetchall():
        identifiers = [sql.Identifier(name).as_string(conn) for name in names]
        givers = [sql.Identifier(grantor).as_string(conn) for (grantor,) in left]
        how = "; ".join(f"REVOKE {identifiers[0]} FROM {identifiers[1]} GRANTED BY {by} CASCADE" for by in givers)
        raise TargetRefused(f"{target}: another than the worker gave it; as a superuser, {how};")
