"""What was made with rights that are asked only when something is made, and that acts on without them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

from workers.targets.postgres.catalog import UP, in_short


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows ``x`` of ``catalog``, joined to what they are about; ``may`` makes one, asked of a role's oid {0}."""

    catalog: LiteralString
    about: LiteralString
    may: LiteralString


KINDS = (
    Kind("pg_trigger", "WHERE NOT x.tgisinternal", "has_table_privilege({0}, x.tgrelid, 'TRIGGER')"),
    Kind(
        "pg_trigger",
        "JOIN pg_proc f ON f.oid = x.tgfoid WHERE f.prosecdef",
        "has_function_privilege({0}, x.tgfoid, 'EXECUTE')",
    ),
    Kind(
        "pg_constraint",
        "JOIN pg_class c ON c.oid = x.conrelid JOIN makers ON makers.oid = c.relowner WHERE x.contype = 'f'",
        "has_any_column_privilege({0}, x.confrelid, 'REFERENCES')",
    ),
    Kind(
        "pg_class",
        "JOIN makers ON makers.oid = x.relowner JOIN pg_foreign_table t ON t.ftrelid = x.oid WHERE true",
        "has_server_privilege({0}, t.ftserver, 'USAGE')",
    ),
    Kind(
        "pg_class",
        "JOIN makers ON makers.oid = x.relowner WHERE x.relkind IN ('r', 'v', 'm', 'p', 'f')",
        "has_schema_privilege({0}, x.relnamespace, 'CREATE')",
    ),
    Kind(
        "pg_class",
        """JOIN makers ON makers.oid = x.relowner JOIN pg_rewrite w ON w.ev_class = x.oid
           JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
           JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid WHERE true""",
        "has_schema_privilege({0}, c.relnamespace, 'USAGE')",
    ),
    Kind(
        "pg_class",
        """JOIN makers ON makers.oid = x.relowner JOIN pg_rewrite w ON w.ev_class = x.oid
           JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
           JOIN pg_proc f ON d.refclassid = 'pg_proc'::regclass AND f.oid = d.refobjid WHERE true""",
        "has_schema_privilege({0}, f.pronamespace, 'USAGE')",
    ),
    Kind(
        "pg_proc",
        "JOIN makers ON makers.oid = x.proowner WHERE true",
        "has_schema_privilege({0}, x.pronamespace, 'CREATE')",
    ),
    Kind(
        "pg_operator",
        "JOIN makers ON makers.oid = x.oprowner WHERE true",
        "has_schema_privilege({0}, x.oprnamespace, 'CREATE')",
    ),
    Kind(
        "pg_namespace",
        "JOIN makers ON makers.oid = x.nspowner WHERE true",
        "has_database_privilege({0}, current_database(), 'CREATE')",
    ),
    Kind(
        "pg_extension",
        "JOIN makers ON makers.oid = x.extowner WHERE true",
        "has_database_privilege({0}, current_database(), 'CREATE')",
    ),
    Kind(
        "pg_publication",
        "JOIN makers ON makers.oid = x.pubowner WHERE true",
        "has_database_privilege({0}, current_database(), 'CREATE')",
    ),
    Kind(
        "pg_rewrite",
        "JOIN pg_class c ON c.oid = x.ev_class WHERE x.rulename <> '_RETURN'",
        "pg_has_role({0}, c.relowner, 'USAGE')",
    ),
    Kind("pg_default_acl", "JOIN up o ON o.oid = x.defaclrole WHERE true", "pg_has_role({0}, x.defaclrole, 'USAGE')"),
)


def _arms() -> Iterator[LiteralString]:
    for kind in KINDS:
        yield f"""
        SELECT {in_short(f"pg_describe_object('{kind.catalog}'::regclass, x.oid, 0)")}
        FROM {kind.catalog} x {kind.about}
        AND age(x.xmin) <= age(%(since)s::text::xid) AND NOT {kind.may.replace("{0}", "(SELECT oid FROM me)")}
        AND EXISTS (SELECT FROM up WHERE {kind.may.replace("{0}", "up.oid")})"""  # noqa: S608 - constants of this file alone


MADE: LiteralString = f"""
    WITH RECURSIVE {UP}, me(oid) AS (
        SELECT %(holder)s::oid
    ), makers(oid) AS (
        SELECT oid FROM up UNION SELECT oid FROM me
    )
    SELECT what FROM ({" UNION ".join(_arms())}
        UNION
        SELECT 'the settings of login ' || %(principal)s::text FROM pg_db_role_setting x
        WHERE x.setrole = (SELECT oid FROM me) AND age(x.xmin) <= age(%(since)s::text::xid)
          AND EXISTS (SELECT FROM pg_parameter_acl p, aclexplode(p.paracl) a JOIN up ON up.oid = a.grantee)
        UNION
        SELECT coalesce({in_short("pg_describe_object(x.classid, x.objid, 0)")}, 'a subscription') FROM pg_shdepend x
        JOIN makers ON makers.oid = x.refobjid AND x.refclassid = 'pg_authid'::regclass
        WHERE x.classid = 'pg_subscription'::regclass AND x.deptype = 'o' AND age(x.xmin) <= age(%(since)s::text::xid)
        UNION
        SELECT 'rights that were given on, on ' || {in_short("pg_describe_object('pg_class'::regclass, x.oid, 0)")}
        FROM pg_class x, aclexplode(x.relacl) a JOIN up ON up.oid = a.grantor
        WHERE age(x.xmin) <= age(%(since)s::text::xid) AND a.grantee <> a.grantor
          AND (%(too_many)s OR a.grantee <> (SELECT oid FROM me))
    ) found(what) ORDER BY 1 LIMIT 10"""  # noqa: S608 - constants of this file alone
"""In this database. Left out is what the ``principal`` may make without the grant, and what is older than ``since``.
What was given on to the principal by name is told elsewhere, unless there were ``too_many`` such rights to compare.
"""
