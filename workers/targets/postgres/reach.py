"""What comes with a permission: the roles that are reached through it, and how each could outlive its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from workers.targets.postgres.catalog import OWNS


@dataclass(frozen=True, slots=True)
class Reach:
    """One role that comes with a permission: itself, or one it is a member of, directly or not.

    ``administers`` is a role it may give on, ``passes_on`` an object it may give rights on (in this
    database: the privileges of others cannot be read from here), ``creates_in`` where it may make
    objects that are its own, and ``creates_as`` to whom that right was given: names as SQL writes them, or
    None. These two and ``login`` are looked at before 16 alone, where membership is enough for SET ROLE.
    """

    permission: str
    name: str
    superuser: bool
    createrole: bool
    login: bool
    owns: bool
    administers: str | None
    passes_on: str | None
    creates_in: str | None
    creates_as: str | None


_ACL: LiteralString = """CASE d.classid
    WHEN 'pg_class'::regclass THEN CASE d.objsubid
        WHEN 0 THEN (SELECT relacl FROM pg_class WHERE oid = d.objid)
        ELSE (SELECT attacl FROM pg_attribute WHERE attrelid = d.objid AND attnum = d.objsubid) END
    WHEN 'pg_proc'::regclass THEN (SELECT proacl FROM pg_proc WHERE oid = d.objid)
    WHEN 'pg_namespace'::regclass THEN (SELECT nspacl FROM pg_namespace WHERE oid = d.objid)
    WHEN 'pg_database'::regclass THEN (SELECT datacl FROM pg_database WHERE oid = d.objid)
    WHEN 'pg_type'::regclass THEN (SELECT typacl FROM pg_type WHERE oid = d.objid)
    WHEN 'pg_language'::regclass THEN (SELECT lanacl FROM pg_language WHERE oid = d.objid)
    WHEN 'pg_tablespace'::regclass THEN (SELECT spcacl FROM pg_tablespace WHERE oid = d.objid)
    WHEN 'pg_foreign_server'::regclass THEN (SELECT srvacl FROM pg_foreign_server WHERE oid = d.objid)
    WHEN 'pg_foreign_data_wrapper'::regclass
        THEN (SELECT fdwacl FROM pg_foreign_data_wrapper WHERE oid = d.objid)
    WHEN 'pg_largeobject'::regclass THEN (SELECT lomacl FROM pg_largeobject_metadata WHERE oid = d.objid)
    WHEN 'pg_parameter_acl'::regclass THEN (SELECT paracl FROM pg_parameter_acl WHERE oid = d.objid)
    WHEN 'pg_default_acl'::regclass THEN (SELECT defaclacl FROM pg_default_acl WHERE oid = d.objid) END"""

_REACH: LiteralString = f"""
    WITH RECURSIVE up(permission, oid) AS (
        SELECT p, to_regrole(quote_ident(p))::oid FROM unnest(%(permissions)s::text[]) p
        UNION
        SELECT up.permission, m.roleid FROM up JOIN pg_auth_members m ON m.member = up.oid
    )
    SELECT up.permission, r.rolname AS name, r.rolsuper AS superuser, r.rolcreaterole AS createrole,
           r.rolcanlogin AND current_setting('server_version_num')::int < 160000 AS login,
           EXISTS (SELECT FROM pg_shdepend d WHERE d.refobjid = r.oid AND {OWNS}) AS owns,
           (SELECT m.roleid::regrole::text FROM pg_auth_members m
            WHERE m.member = r.oid AND m.admin_option LIMIT 1) AS administers,
           (SELECT i.type || ' ' || i.identity
            FROM pg_shdepend d, aclexplode({_ACL}) a,
                 pg_identify_object(d.classid, d.objid, 0) i
            WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'a'
              AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
              AND a.grantee = r.oid AND a.is_grantable LIMIT 1) AS passes_on,
           made.place AS creates_in, made.grantee AS creates_as
    FROM up JOIN pg_roles r ON r.oid = up.oid
    LEFT JOIN LATERAL (
        SELECT p.place, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
        FROM (SELECT 'SCHEMA ' || quote_ident(nspname) AS place, nspacl AS acl FROM pg_namespace
              UNION ALL
              SELECT 'DATABASE ' || quote_ident(datname), datacl FROM pg_database
              WHERE datname = current_database()) p, aclexplode(p.acl) a
        WHERE current_setting('server_version_num')::int < 160000
          AND a.privilege_type = 'CREATE' AND a.grantee IN (0, r.oid) LIMIT 1) made ON true
    ORDER BY 1, 2"""  # noqa: S608 - constants of this file alone


def reach(conn: psycopg.Connection[Any], permissions: Sequence[str]) -> list[Reach]:
    """Every role that comes with the permissions; a permission that does not exist has no row."""
    with conn.cursor(row_factory=class_row(Reach)) as cur:
        return cur.execute(_REACH, {"permissions": list(permissions)}, prepare=True).fetchall()
