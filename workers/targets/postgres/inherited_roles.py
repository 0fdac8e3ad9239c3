"""What comes with a permission: the roles that are reached through it, and how each could outlive its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg.rows import class_row

from workers.targets.postgres.catalog import ME, OWNS, readable
from workers.targets.postgres.note import NOTES_ITSELF

MOST_NAMED = 20
"""Objects that are named of one role."""
MOST_LOOKED_AT = 20_000
"""Objects that are looked at of one role, the oldest first: others can give it rights on any number of theirs."""


class Right(NamedTuple):
    """Rights that a role was given on an object: ``kind`` and ``identity`` as `pg_identify_object` writes them."""

    kind: str
    identity: str
    owner: str
    privileges: Sequence[str]


@dataclass(frozen=True, slots=True)
class InheritedRole:
    """One role that comes with a permission: itself, or one it is a member of, directly or not.

    ``administers`` is a role it may give on. ``passes_on`` are rights it may give on, ``lasting`` those that are asked
    only when something is made, which then stays. Both in this database: the privileges of others cannot be read from
    here. ``piled`` is either of them on what belongs to a login that anybody may have, or to a role that such a one is
    in, and counts for nothing: all can give rights on what is theirs. Whoever owns the oldest table that the permission
    reaches is none of those.

    ``opens`` are rights of everybody's in a schema that it opens: whether one may look into a schema is asked only when
    something is made.

    ``creates_in`` is where everybody may make objects that are then its own. That and ``login`` are looked at before 16
    alone, where membership is enough for SET ROLE.
    """

    permission: str
    oid: int
    name: str
    superuser: bool
    createrole: bool
    login: bool
    owns: bool
    administers: str | None
    passes_on: Sequence[Right]
    lasting: Sequence[Right]
    piled: Sequence[Right]
    opens: Sequence[Right]
    creates_in: str | None

    def __post_init__(self) -> None:
        for name in ("passes_on", "lasting", "piled", "opens"):
            object.__setattr__(self, name, tuple(Right(*found) for found in getattr(self, name) or ()))

    @property
    def makes(self) -> bool:
        """Whether something can be made by means of it that stays."""
        return bool(self.owns or self.passes_on or self.lasting or self.piled or self.opens or self.creates_in)


_OBJECT: LiteralString = """
    SELECT relowner AS owner, relacl AS acl, relpersistence <> 't' AS stays FROM pg_class
    WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND oid = d.objid
    UNION ALL
    SELECT c.relowner, a.attacl, c.relpersistence <> 't' FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objsubid <> 0 AND c.oid = d.objid
    UNION ALL
    SELECT proowner, proacl, true FROM pg_proc WHERE d.classid = 'pg_proc'::regclass AND oid = d.objid
    UNION ALL
    SELECT nspowner, nspacl, false FROM pg_namespace WHERE d.classid = 'pg_namespace'::regclass AND oid = d.objid
    UNION ALL
    SELECT datdba, datacl, false FROM pg_database WHERE d.classid = 'pg_database'::regclass AND oid = d.objid
    UNION ALL
    SELECT typowner, typacl, true FROM pg_type WHERE d.classid = 'pg_type'::regclass AND oid = d.objid
    UNION ALL
    SELECT lanowner, lanacl, true FROM pg_language WHERE d.classid = 'pg_language'::regclass AND oid = d.objid
    UNION ALL
    SELECT spcowner, spcacl, false FROM pg_tablespace WHERE d.classid = 'pg_tablespace'::regclass AND oid = d.objid
    UNION ALL
    SELECT srvowner, srvacl, true FROM pg_foreign_server
    WHERE d.classid = 'pg_foreign_server'::regclass AND oid = d.objid
    UNION ALL
    SELECT fdwowner, fdwacl, true FROM pg_foreign_data_wrapper
    WHERE d.classid = 'pg_foreign_data_wrapper'::regclass AND oid = d.objid
    UNION ALL
    SELECT lomowner, lomacl, false FROM pg_largeobject_metadata
    WHERE d.classid = 'pg_largeobject'::regclass AND oid = d.objid
    UNION ALL
    SELECT 10, paracl, false FROM pg_parameter_acl WHERE d.classid = 'pg_parameter_acl'::regclass AND oid = d.objid
    UNION ALL
    SELECT defaclrole, defaclacl, false FROM pg_default_acl
    WHERE d.classid = 'pg_default_acl'::regclass AND oid = d.objid"""
"""Of row `d` of pg_shdepend: who owns the object, its rights, and whether it tells what the permission is for."""

_LASTS: LiteralString = """(
    a.privilege_type IN ('TRIGGER', 'REFERENCES', 'CREATE', 'SET', 'ALTER SYSTEM')
    OR a.privilege_type = 'USAGE'
       AND d.classid IN ('pg_foreign_server'::regclass, 'pg_foreign_data_wrapper'::regclass)
    OR a.privilege_type = 'EXECUTE' AND d.classid = 'pg_proc'::regclass
       AND (SELECT prosecdef AND prorettype = 'trigger'::regtype FROM pg_proc WHERE oid = d.objid))"""
"""A key finds out what it points at; a foreign table reads on; a setting of a role is not asked about again; a function
in a schema is taken for another by whoever calls that; a trigger on a table of one's own calls its function.
"""

_ANYBODYS: LiteralString = f"""(
    (w.oid IN (SELECT oid FROM common) OR {NOTES_ITSELF.replace("r.oid", "w.oid")})
    AND NOT w.rolsuper AND w.oid <> {ME}
    AND w.oid <> (SELECT datdba FROM pg_database WHERE datname = current_database()))"""  # noqa: S608 - constants of this package alone
"""The condition under which `w` of pg_roles is a login that anybody may have, or a role that such a one is or was in,
like a grant's own. Not the database's owner, for example.
"""

_IDLE: LiteralString = f"""(g.classid = 'pg_default_acl'::regclass AND NOT EXISTS (
    SELECT FROM pg_shdepend d WHERE d.refobjid = g.owner AND {OWNS}))"""
"""The condition under which default rights `g` are for what a role makes that has made nothing. Who holds a permission
can write them in its name, and they stay.
"""

_PUBLIC: LiteralString = """
    SELECT 'pg_class'::regclass AS classid, c.oid AS objid, c.relowner AS owner, a.privilege_type
    FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = o.schema AND a.grantee = 0
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, c.relowner, a.privilege_type
    FROM pg_class c, LATERAL (SELECT attacl FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL OFFSET 0) t,
         aclexplode(t.attacl) a
    WHERE c.relnamespace = o.schema AND a.grantee = 0
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.proowner, 'EXECUTE' FROM pg_proc p
    WHERE p.pronamespace = o.schema AND p.prosecdef
      AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))"""
"""What everybody may do in the schema of `o` who knows of it; a function that acts with its caller's rights gives
nothing.
"""

_INHERITED: LiteralString = f"""
    WITH RECURSIVE up(permission, oid) AS (
        SELECT p, to_regrole(quote_ident(p))::oid FROM unnest(%(permissions)s::text[]) p
        UNION
        SELECT up.permission, m.roleid FROM up JOIN pg_auth_members m ON m.member = up.oid
    ), common(oid) AS (
        SELECT oid FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND oid <> {ME}
           AND oid <> (SELECT datdba FROM pg_database WHERE datname = current_database())
        UNION
        SELECT m.roleid FROM common JOIN pg_auth_members m ON m.member = common.oid
    ), given AS (
        SELECT up.permission, up.oid AS role, d.classid, d.objid, o.owner, o.stays,
               a.privilege_type, a.is_grantable, {_LASTS} AS lasts
        FROM up, LATERAL (
            (SELECT * FROM pg_shdepend
             WHERE refclassid = 'pg_authid'::regclass AND refobjid = up.oid AND deptype = 'a'
               AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
               AND classid <> 'pg_largeobject'::regclass ORDER BY objid LIMIT {MOST_LOOKED_AT})
            UNION ALL
            (SELECT * FROM pg_shdepend
             WHERE refclassid = 'pg_authid'::regclass AND refobjid = up.oid AND deptype = 'a'
               AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND classid = 'pg_largeobject'::regclass LIMIT {MOST_LOOKED_AT} / 20)
        ) d, LATERAL ({_OBJECT}) o, LATERAL aclexplode(o.acl) a WHERE a.grantee = up.oid
    ), proper AS (
        SELECT DISTINCT ON (permission) permission, owner FROM given
        WHERE stays ORDER BY permission, classid <> 'pg_class'::regclass, objid
    ), counted AS (
        SELECT g.permission, role, classid, objid, w.rolname AS owner, privilege_type,
               CASE WHEN ({_ANYBODYS} OR {_IDLE}) AND w.oid IS DISTINCT FROM p.owner THEN 'piled'
                    WHEN is_grantable THEN 'passes_on' ELSE 'lasting' END AS how
        FROM given g JOIN pg_roles w ON w.oid = g.owner LEFT JOIN proper p ON p.permission = g.permission
        WHERE is_grantable OR lasts
    ), named AS (
        SELECT permission, role, classid, objid, owner, how,
               array_agg(DISTINCT privilege_type ORDER BY privilege_type) AS privileges,
               row_number() OVER (PARTITION BY permission, role, how ORDER BY classid, objid) AS place
        FROM counted GROUP BY 1, 2, 3, 4, 5, 6
    ), rights AS (
        SELECT permission, role, how,
               jsonb_agg(jsonb_build_array(i.type, {readable("i.identity")}, owner, privileges) ORDER BY place) AS found
        FROM named, pg_identify_object(classid, objid, 0) i WHERE place <= {MOST_NAMED} GROUP BY 1, 2, 3
    ), opened AS (
        SELECT DISTINCT up.permission, up.oid AS role, n.oid AS schema, w.oid AS owner
        FROM up JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = up.oid
            AND d.classid = 'pg_namespace'::regclass
            AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        JOIN pg_namespace n ON n.oid = d.objid JOIN pg_roles w ON w.oid = n.nspowner
        LEFT JOIN proper p ON p.permission = up.permission, aclexplode(n.nspacl) a
        WHERE a.grantee = up.oid AND a.privilege_type = 'USAGE' AND (NOT {_ANYBODYS} OR w.oid = p.owner)
          AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) e WHERE e.grantee = 0 AND e.privilege_type = 'USAGE')
    ), public AS (
        SELECT o.permission, o.role, classid, objid, w.rolname AS owner,
               array_agg(DISTINCT privilege_type ORDER BY privilege_type) AS privileges,
               row_number() OVER (PARTITION BY o.permission, o.role ORDER BY classid, objid) AS place
        FROM opened o JOIN LATERAL ({_PUBLIC}) x ON true JOIN pg_roles w ON w.oid = x.owner
        WHERE x.owner = o.owner OR NOT {_ANYBODYS} GROUP BY 1, 2, 3, 4, 5
    )
    SELECT up.permission, r.oid, r.rolname AS name, r.rolsuper AS superuser, r.rolcreaterole AS createrole,
           r.rolcanlogin AND current_setting('server_version_num')::int < 160000 AS login,
           EXISTS (SELECT FROM pg_shdepend d WHERE d.refobjid = r.oid AND {OWNS}) AS owns,
           (SELECT m.roleid::regrole::text FROM pg_auth_members m
            WHERE m.member = r.oid AND m.admin_option LIMIT 1) AS administers,
           (SELECT found FROM rights g WHERE g.permission = up.permission AND g.role = r.oid AND how = 'passes_on')
               AS passes_on,
           (SELECT found FROM rights g WHERE g.permission = up.permission AND g.role = r.oid AND how = 'lasting')
               AS lasting,
           (SELECT found FROM rights g WHERE g.permission = up.permission AND g.role = r.oid AND how = 'piled')
               AS piled,
           (SELECT jsonb_agg(jsonb_build_array(i.type, {readable("i.identity")}, owner, privileges) ORDER BY place)
            FROM public p, pg_identify_object(classid, objid, 0) i
            WHERE p.permission = up.permission AND p.role = r.oid AND place <= {MOST_NAMED}) AS opens,
           (SELECT p.place
            FROM (SELECT 'SCHEMA ' || quote_ident(nspname) AS place, nspacl AS acl, nspowner AS owner FROM pg_namespace
                  UNION ALL
                  SELECT 'DATABASE ' || quote_ident(datname), datacl, datdba FROM pg_database
                  WHERE datname = current_database()) p JOIN pg_roles w ON w.oid = p.owner, aclexplode(p.acl) a
            WHERE current_setting('server_version_num')::int < 160000
              AND a.privilege_type = 'CREATE' AND a.grantee = 0 AND NOT {_ANYBODYS} LIMIT 1) AS creates_in
    FROM up JOIN pg_roles r ON r.oid = up.oid
    ORDER BY up.permission, r.rolname"""  # noqa: S608 - constants of this package alone


def inherited_roles(conn: psycopg.Connection[Any], permissions: Sequence[str]) -> list[InheritedRole]:
    """Every role that comes with the permissions; a permission that does not exist has no row."""
    with conn.cursor(row_factory=class_row(InheritedRole)) as cur:
        return cur.execute(_INHERITED, {"permissions": list(permissions)}, prepare=True).fetchall()
