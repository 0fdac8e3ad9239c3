"""All that a server holds that somebody was given, for a comparison with the ledger: by few questions, whatever the
number of its roles. Superusers hold everything, and are told by that alone; the worker's login is left out.

1. The roles of our grants, with their notes.
2. Who is a member of what.
3. Attributes that let a role do more than it was given.
4. What roles own or may do by name, by schemas; and what everybody may.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from jit.ports import Right, TargetRefused
from workers.targets.postgres.catalog import ME, JitRole, holds, in_short, readable

MOST, ONE_MORE = 100_000, "100001"
"""Rows that one question answers: where there are more, what is beyond would not be seen."""
ADMIN = "member WITH ADMIN OPTION"
FIRST: LiteralString = "16384"
"""Of oids that are not the server's own."""
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""What is read in one transaction after this was so at one moment."""

_EDGES: LiteralString = """
    SELECT m.roleid AS role, {name} AS name, m.member, {who} AS who, bool_or(m.admin_option) AS admin,
           bool_or({holds}) AS holds, bool_or({sets}) AS sets, string_agg(DISTINCT {by}, ', ') AS by
    FROM pg_auth_members m WHERE m.member <> {me} GROUP BY m.roleid, m.member LIMIT {most}"""

_ATTRIBUTES: LiteralString = """
    SELECT r.oid AS role, {who} AS who, a.what
    FROM pg_roles r, LATERAL (VALUES ('SUPERUSER', r.rolsuper), ('CREATEROLE', r.rolcreaterole),
        ('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls),
        ('LOGIN', r.rolcanlogin AND r.oid = ANY(%(no_logins)s::oid[]))) a(what, has)
    WHERE a.has AND r.oid <> 10 AND r.oid <> {me} AND (a.what = 'SUPERUSER' OR NOT r.rolsuper) LIMIT {most}"""

_OWNED: LiteralString = """
    WITH here(oid) AS (
        SELECT oid FROM pg_database WHERE datname = current_database()
    ), watched AS MATERIALIZED (
        SELECT oid FROM pg_roles WHERE oid >= {first} AND NOT rolsuper AND oid <> {me}
    ), named AS MATERIALIZED (
        SELECT d.* FROM pg_shdepend d JOIN watched ON watched.oid = d.refobjid
        WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype IN ('o', 'a', 'r')
    ), relation AS MATERIALIZED (
        SELECT c.*, 'schema ' || n.nspname AS place, CASE c.relkind WHEN 'v' THEN 'views'
            WHEN 'm' THEN 'materialized views' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'foreign tables'
            ELSE 'tables' END AS kinds
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_(temp|toast)'
    ), routine AS MATERIALIZED (
        SELECT f.*, 'schema ' || n.nspname AS place, n.nspname = 'pg_catalog' AS servers,
               CASE WHEN f.prosecdef THEN 'SECURITY DEFINER function ' || f.proname ELSE 'functions' END AS kinds
        FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
        WHERE n.nspname !~ '^pg_temp' AND (f.proacl IS NOT NULL OR f.prosecdef OR f.proowner >= {first})
    ), found(role, how, kinds, place, name) AS (
        SELECT relowner, 'owner', kinds, place, relname FROM relation
        UNION ALL SELECT proowner, 'owner', kinds, place, proname FROM routine
        UNION ALL SELECT nspowner, 'owner', 'schemas', '', nspname FROM pg_namespace WHERE nspname !~ '^pg_'
        UNION ALL SELECT datdba, 'owner', 'databases', '', datname FROM pg_database
        UNION ALL SELECT r.oid, 'prepared', 'transactions', 'database ' || p.database, p.gid
            FROM pg_prepared_xacts p JOIN pg_roles r ON r.rolname = p.owner
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, kinds, place, relname
            FROM relation r, aclexplode(relacl) a
            WHERE a.grantee <> relowner AND {relation_given}
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, 'columns', place, relname
            FROM relation r JOIN pg_attribute t ON t.attrelid = r.oid, aclexplode(t.attacl) a
            WHERE t.attacl IS NOT NULL AND {column_given}
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, kinds, place, proname
            FROM routine r, aclexplode(CASE WHEN prosecdef THEN coalesce(proacl, acldefault('f', proowner))
                                       ELSE proacl END) a
            WHERE a.grantee <> proowner AND (a.grantee >= {first} OR prosecdef OR servers)
              AND (prosecdef OR {routine_given})
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, 'schemas', '', nspname
            FROM pg_namespace, aclexplode(nspacl) a
            WHERE a.grantee <> nspowner AND (a.grantee >= {first} OR a.privilege_type <> 'USAGE')
        UNION ALL SELECT a.grantee, a.privilege_type || {option}, 'databases', '', datname
            FROM pg_database, aclexplode(datacl) a
            WHERE a.grantee <> datdba AND (a.grantee >= {first} OR a.privilege_type = 'CREATE')
        UNION ALL SELECT a.grantee, 'default ' || a.privilege_type || {option},
                'whatever ' || pg_get_userbyid(x.defaclrole) || ' makes',
                CASE WHEN x.defaclnamespace = 0 THEN '' ELSE 'schema ' || x.defaclnamespace::regnamespace::text END,
                CASE x.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                     WHEN 'T' THEN 'types' ELSE 'schemas' END
            FROM pg_default_acl x, aclexplode(x.defaclacl) a WHERE a.grantee <> x.defaclrole
        UNION ALL SELECT d.refobjid, CASE d.deptype WHEN 'o' THEN 'owner' ELSE 'named' END,
                'objects of ' || d.classid::regclass::text, '', {described}
            FROM named d WHERE d.dbid IN (0, (SELECT oid FROM here))
              AND d.classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass,
                  'pg_database'::regclass, 'pg_default_acl'::regclass, 'pg_type'::regclass,
                  'pg_auth_members'::regclass, 'pg_authid'::regclass)
        UNION ALL SELECT d.refobjid, CASE d.deptype WHEN 'o' THEN 'owner' ELSE 'named' END, 'something', '',
                'database ' || b.datname
            FROM named d JOIN pg_database b ON b.oid = d.dbid WHERE d.dbid <> (SELECT oid FROM here)
    )
    SELECT role, CASE role WHEN 0 THEN 'PUBLIC' ELSE {who} END AS who, how, {what} AS what, count(*) AS many,
           (array_agg({name} ORDER BY name))[1:3] AS names
    FROM found
    WHERE role IN (SELECT oid FROM watched) OR role < {first} AND role <> 10 AND how <> 'owner'
    GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4 LIMIT {most}"""

_NOT_FROM_THE_FIRST: LiteralString = """(a.grantee >= {first} OR NOT EXISTS (
        SELECT FROM aclexplode(coalesce((SELECT initprivs FROM pg_init_privs i WHERE i.objoid = r.oid
            AND i.classoid = '{catalog}'::regclass AND i.objsubid = {part}), {default})) b
        WHERE (b.grantee, b.privilege_type) = (a.grantee, a.privilege_type)))"""
"""The condition under which everybody, or a role of the server's own, was given `a` after whoever made the server."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``who`` is a member of the role ``name``, given ``by`` these; ``holds`` where that gives it, ``sets`` where
    they can put it on.
    """

    role: int
    name: str
    member: int
    who: str
    admin: bool
    holds: bool
    sets: bool
    by: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What the answers are held against: our grants by the oids of their roles, with the request of each; the oids of
    what can be ``given`` and of the ``people`` of the rules, and the roles of grants of ``others``, which are targets
    in the same server.
    """

    ours: dict[int, tuple[JitRole, str]]
    given: frozenset[int]
    people: frozenset[int]
    others: frozenset[int]

    def principal_of(self, role: int) -> int | None:
        """The oid of the login that this grant was given to, by its own note."""
        note = self.ours[role][0].own_note
        return note.before.holder if note and note.before else None

    @property
    def holders(self) -> frozenset[int]:
        """Those who may do something by means of a grant, and our roles."""
        holders = {holder for role in self.ours if (holder := self.principal_of(role)) is not None}
        return self.people | holders | self.ours.keys()


def oids_of(conn: psycopg.Connection[Any], names: Collection[str]) -> frozenset[int]:
    """Of the roles of these names. Names that are nobody's, or that none can have, are left out."""
    query = "SELECT oid FROM pg_roles WHERE rolname = ANY(%s::text[])"
    return frozenset(oid for (oid,) in conn.execute(query, [[*filter(str.isprintable, names)]]).fetchall())


def rights(conn: psycopg.Connection[Any], about: Scene) -> list[Right]:
    """Everything but the grants themselves, as they were given.

    Raises:
        TargetRefused: there is more than can be looked at.
    """
    looks = (_of_members, _of_attributes, _of_objects)
    return [*(right for look in looks for right in look(conn, about)), *_of_notes(about)]


def _role(oid: LiteralString) -> LiteralString:
    return readable(f"pg_get_userbyid({oid})::text")


def _answers(conn: psycopg.Connection[Any], query: LiteralString, **parameters: Any) -> list[Any]:
    """Raises TargetRefused."""
    query = query.replace("{me}", ME).replace("{first}", FIRST).replace("{most}", ONE_MORE)
    rows = conn.execute(query, parameters).fetchall()
    if len(rows) > MOST:
        raise TargetRefused(f"it lists more than {MOST:,} entries of one kind, which are not all looked at")
    return rows


def _of_members(conn: psycopg.Connection[Any], about: Scene) -> Iterator[Right]:
    """But what each grant is given by: the permissions of its role, which are compared, and its one member."""
    query = _EDGES.replace("{holds}", holds(conn)).replace("{name}", _role("m.roleid"))
    query = query.replace("{sets}", "m.set_option" if conn.info.server_version >= 160000 else "false")
    query = query.replace("{who}", _role("m.member")).replace("{by}", _role("m.grantor"))
    for edge in (Edge(*row) for row in _answers(conn, query)):
        if about.others & {edge.role, edge.member}:
            continue
        how = ADMIN if edge.admin else "member" if edge.holds else "member that may not use it"
        by = f"given by {edge.by}"
        if edge.role in about.ours:
            mine = edge.member == about.principal_of(edge.role)
            how = "member WITH SET TRUE" if mine and not edge.admin else how
            if not mine or edge.admin or edge.sets:
                yield Right(edge.who, edge.name, how, about.ours[edge.role][1], lasting=edge.admin, detail=by)
        elif edge.member in about.ours:
            if edge.admin:
                yield Right(edge.who, edge.name, how, about.ours[edge.member][1], lasting=True, detail=by)
        else:
            made = edge.admin and not edge.holds and edge.member in about.holders
            yield Right(edge.who, edge.name, how, lasting=made, detail=by, removable=not made)


def _of_attributes(conn: psycopg.Connection[Any], about: Scene) -> Iterator[Right]:
    query = _ATTRIBUTES.replace("{who}", _role("r.oid"))
    for role, who, what in _answers(conn, query, no_logins=[*about.ours, *about.given]):
        ours = about.ours.get(role)
        yield Right(who, what, "attribute", ours and ours[1], lasting=ours is not None)


def _of_objects(conn: psycopg.Connection[Any], about: Scene) -> Iterator[Right]:
    """What a holder owns, default privileges and what may be given on outlast an end; a privilege by name is access."""
    query = _OWNED.replace("{option}", "CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END")
    query = query.replace("{described}", in_short("pg_describe_object(d.classid, d.objid, d.objsubid)"))
    query = query.replace("{relation_given}", _not_from_the_first("pg_class"))
    query = query.replace("{column_given}", _not_from_the_first("pg_class", part="t.attnum"))
    query = query.replace("{routine_given}", _not_from_the_first("pg_proc", default="acldefault('f', proowner)"))
    query = query.replace("{who}", _role("role")).replace("{name}", readable("left(name, 63)"))
    query = query.replace("{what}", readable("concat_ws(' in ', kinds, nullif(place, ''))"))
    holders = about.holders
    for role, who, how, what, many, names in _answers(conn, query):
        if role in about.others or (how == "prepared" and role not in holders | about.given):
            continue
        ours = about.ours.get(role)
        more = f" and {many - len(names)} more" if many > len(names) else ""
        made = how == "prepared" or (how == "owner" and role in holders)
        lasting = made or how.startswith("default ") or how.endswith("GRANT OPTION") or ours is not None
        yield Right(who, what, how, ours and ours[1], lasting=lasting, detail=", ".join(names) + more)


def _not_from_the_first(
    catalog: LiteralString, *, part: LiteralString = "0", default: LiteralString = "NULL"
) -> LiteralString:
    query = _NOT_FROM_THE_FIRST.replace("{catalog}", catalog)
    return query.replace("{part}", part).replace("{default}", default)


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
    if not right.removable:
        raise TargetRefused(f"{target}: only memberships are taken away by themselves")
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
