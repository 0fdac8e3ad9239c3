"""What `jit doctor` says about a PostgreSQL target: whether the worker's login can do what it must,
and no more. Most remedies are SQL to run as a superuser.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from jit.clock import SKEW_LIMIT
from jit.ports import Finding
from workers.targets.postgres.catalog import ME
from workers.targets.postgres.grantable import revoke_sql, unfit_permission
from workers.targets.postgres.inherited_roles import InheritedRole, inherited_roles

OLDEST = 150000
EVERY_DATABASE = ("pg_read_all_data", "pg_write_all_data")
CALLED = ("pg_terminate_backend", "pg_advisory_xact_lock")
READ = ("pg_auth_members", "pg_database", "pg_locks", "pg_roles", "pg_shdepend", "pg_shdescription", "pg_stat_activity")
"""What an end calls and reads."""
EQUALS_SUPERUSER = ("pg_execute_server_program", "pg_write_server_files", "pg_read_server_files")


def findings(
    conn: psycopg.Connection[Any],
    prefix: str,
    permissions: Sequence[str],
    allow_owners: bool,  # noqa: FBT001
) -> list[Finding]:
    return [
        *_login(conn),
        *_permissions(conn, prefix, permissions, allow_owners),
        _old_grants(conn, prefix),
        _reserved(conn),
        _clock(conn),
    ]


def obstacles(conn: psycopg.Connection[Any], prefix: str, permissions: Sequence[str]) -> list[Finding]:
    """What is in the way of an end. Only looks, and briefly: it is asked again and again."""
    if closed := _closed(conn):
        return closed
    rights = _may(conn, _me(conn))
    there = conn.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(permissions)]).fetchall()
    gives = [_administers(conn, permission) for (permission,) in there]
    return [found for found in (*rights, *gives, _old_grants(conn, prefix)) if not found.ok]


def skew(theirs: datetime, before: datetime, after: datetime) -> timedelta:
    """How far their clock is from ours at least, given our time before asking and after the answer."""
    return max(before - theirs, theirs - after, timedelta())


def _login(conn: psycopg.Connection[Any]) -> Iterator[Finding]:
    me, version = _me(conn), conn.info.server_version
    login = sql.Identifier(me["name"]).as_string(conn)
    yield Finding(
        ok=version >= OLDEST,
        what=f"the server is PostgreSQL {conn.info.parameter_status('server_version')}",
        remedy="" if version >= OLDEST else "upgrade to PostgreSQL 15 or later, better 16",
    )
    yield Finding(
        ok=not me["superuser"],
        what=f"{me['name']} is {'a' if me['superuser'] else 'no'} superuser",
        remedy=f"ALTER ROLE {login} NOSUPERUSER;" if me["superuser"] else "",
        is_sql=True,
    )
    yield from _may(conn, me)
    if me["createrole"] and version < 160000:
        yield Finding(
            ok=True,
            what=f"before PostgreSQL 16 CREATEROLE lets {me['name']} give itself what equals a superuser",
            remedy="upgrade to PostgreSQL 16 or later: there it reaches only roles it administers",
        )
    for role in me["dangerous"]:
        yield Finding(
            ok=False,
            what=f"{me['name']} has {role}, which equals a superuser",
            remedy=f"REVOKE {role} FROM {login};",
            is_sql=True,
        )
    for attribute in me["needless"]:
        yield Finding(
            ok=True,
            what=f"{me['name']} has {attribute}, which it does not need",
            remedy=f"ALTER ROLE {login} NO{attribute};",
            is_sql=True,
        )


def _may(conn: psycopg.Connection[Any], me: dict[str, Any]) -> Iterator[Finding]:
    login = sql.Identifier(me["name"]).as_string(conn)
    yield Finding(
        ok=me["createrole"],
        what=f"{me['name']} {'may' if me['createrole'] else 'may not'} create roles",
        remedy="" if me["createrole"] else f"ALTER ROLE {login} CREATEROLE;",
        is_sql=True,
    )
    yield Finding(
        ok=me["signals"],
        what=f"{me['name']} {'may' if me['signals'] else 'may not'} end other people's sessions",
        remedy="" if me["signals"] else f"GRANT pg_signal_backend TO {login};",
        is_sql=True,
    )


def _closed(conn: psycopg.Connection[Any]) -> list[Finding]:
    """What everybody may call and read until somebody hardens the server."""
    rows = conn.execute(
        """SELECT session_user, 'EXECUTE ON FUNCTION pg_catalog.' || oid::regprocedure FROM pg_proc
           WHERE proname = ANY(%s) AND pronamespace = 'pg_catalog'::regnamespace
             AND NOT has_function_privilege(session_user, oid, 'EXECUTE')
           UNION ALL
           SELECT session_user, 'SELECT ON pg_catalog.' || relname FROM pg_class
           WHERE relname = ANY(%s) AND relnamespace = 'pg_catalog'::regnamespace
             AND NOT has_table_privilege(session_user, oid, 'SELECT')
           ORDER BY 2""",
        [list(CALLED), list(READ)],
    ).fetchall()
    return [
        Finding(
            ok=False,
            what=f"{login} lacks {right}",
            remedy=f"GRANT {right} TO {sql.Identifier(login).as_string(conn)};",
            is_sql=True,
        )
        for login, right in rows
    ]


def _me(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    with conn.cursor(row_factory=dict_row) as cur:
        row = cur.execute(
            """SELECT rolname AS name, rolsuper AS superuser, rolcreaterole OR rolsuper AS createrole,
                      pg_has_role(oid, 'pg_signal_backend', 'USAGE') AS signals,
                      ARRAY(SELECT r FROM unnest(%s::text[]) r
                            WHERE NOT rolsuper AND pg_has_role(oid, r::name, 'MEMBER')) AS dangerous,
                      array_remove(ARRAY[CASE WHEN rolcreatedb THEN 'CREATEDB' END,
                                         CASE WHEN rolreplication THEN 'REPLICATION' END,
                                         CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL) AS needless
               FROM pg_roles WHERE rolname = session_user""",
            [list(EQUALS_SUPERUSER)],
        ).fetchone()
    return row or {}


def _permissions(
    conn: psycopg.Connection[Any],
    prefix: str,
    permissions: Sequence[str],
    allow_owners: bool,  # noqa: FBT001
) -> Iterator[Finding]:
    reached = inherited_roles(conn, permissions)
    for permission in sorted(set(permissions)):
        steps = [step for step in reached if step.permission == permission]
        name = sql.Identifier(permission).as_string(conn)
        if unfit := unfit_permission(permission, steps, prefix, allow_owners):
            remedy = f"CREATE ROLE {name} NOLOGIN;" if not steps else unfit.remedy or f"give another role than {name}"
            yield Finding(ok=False, what=unfit.reason, remedy=remedy, is_sql=not steps or bool(unfit.remedy))
        else:
            yield _administers(conn, permission)
            yield from _uses(conn, permission)
        yield from _piled(steps)
        if permission in EVERY_DATABASE:
            yield Finding(
                ok=True,
                what=f"{permission} reaches every database of the server, not this one alone",
                remedy="give a role with rights in this database only",
            )


def _piled(steps: Sequence[InheritedRole]) -> Iterator[Finding]:
    """Whoever has a login may do so: it refuses nobody, and a person should see it."""
    for step in steps:
        for right in step.piled:
            yield Finding(
                ok=True,
                what=f"{right.owner} gave {step.name} {', '.join(right.privileges)} on {right.kind} {right.identity}, "
                "which refuses nobody: any login can give what is its own",
                remedy=revoke_sql(right, step.name),
                is_sql=True,
            )


def _administers(conn: psycopg.Connection[Any], permission: str) -> Finding:
    """Before 16 CREATEROLE is enough for any role that is no superuser."""
    modern = conn.info.server_version >= 160000
    right = "MEMBER WITH ADMIN OPTION" if modern else "MEMBER"
    row = conn.execute(
        """SELECT session_user, pg_has_role(session_user, %s::name, %s)
                  OR (NOT %s AND (SELECT rolcreaterole FROM pg_roles WHERE rolname = session_user))""",
        [permission, right, modern],
    ).fetchone()
    login, may = row or ("", False)
    names = [sql.Identifier(name).as_string(conn) for name in (permission, login)]
    how = "ADMIN TRUE, INHERIT FALSE, SET FALSE" if modern else "ADMIN OPTION"
    return Finding(
        ok=may,
        what=f"{login} {'may' if may else 'may not'} give {permission}",
        remedy="" if may else f"GRANT {names[0]} TO {names[1]} WITH {how};",
        is_sql=True,
    )


def _uses(conn: psycopg.Connection[Any], permission: str) -> Iterator[Finding]:
    """Whether the login was given more than the right to give this on: from 16 on that is a choice."""
    if conn.info.server_version < 160000:
        return
    rows = conn.execute(
        """SELECT session_user, grantor::regrole::text FROM pg_auth_members
           WHERE roleid = %s::regrole AND member = session_user::regrole AND (inherit_option OR set_option)
           ORDER BY 2""",
        [sql.Identifier(permission).as_string(conn)],
    ).fetchall()
    if rows:
        names = [sql.Identifier(name).as_string(conn) for name in (permission, rows[0][0])]
        yield Finding(
            ok=True,
            what=f"{rows[0][0]} may use {permission} itself, and need only give it",
            remedy="\n".join(
                f"GRANT {names[0]} TO {names[1]} WITH INHERIT FALSE, SET FALSE GRANTED BY {grantor};"
                for _, grantor in rows
            ),
            is_sql=True,
        )


def _old_grants(conn: psycopg.Connection[Any], prefix: str) -> Finding:
    """Grants of an earlier worker login, which from 16 on a new one cannot drop. What this one may drop is asked once,
    and not of each: PostgreSQL goes through all that it made each time.
    """
    row = conn.execute(
        f"""WITH RECURSIVE mine(oid) AS (
                SELECT {ME}
                UNION
                SELECT m.roleid FROM mine JOIN pg_auth_members m ON m.member = mine.oid
            )
            SELECT session_user, coalesce(array_agg(rolname::text ORDER BY rolname), '{{}}')
            FROM pg_roles WHERE rolname ~ %s AND oid NOT IN (
                SELECT m.roleid FROM mine JOIN pg_auth_members m ON m.member = mine.oid WHERE m.admin_option)
              AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = {ME})
              AND current_setting('server_version_num')::int >= 160000""",  # noqa: S608 - constants of this package alone
        [f"^{prefix}r_[0-9a-z]{{4,12}}$"],
    ).fetchone()
    login, roles = row or ("", [])
    names = [sql.Identifier(name).as_string(conn) for name in roles]
    return Finding(
        ok=not roles,
        what=f"{len(roles)} grants are there that {login} cannot end" if roles else "every grant can be ended",
        remedy=f"GRANT {', '.join(names)} TO {sql.Identifier(login).as_string(conn)} WITH ADMIN OPTION;"
        if roles
        else "",
        is_sql=True,
    )


def _reserved(conn: psycopg.Connection[Any]) -> Finding:
    """People who open every connection the server has would keep a worker out that starts just then.

    No fault: a worker that runs keeps a connection, and the setting takes a restart of the server.
    """
    login, few = conn.info.user, "for each person's login\nALTER ROLE … CONNECTION LIMIT 20;"
    if conn.info.server_version < 160000:
        return Finding(
            ok=True,
            what="no connection can be kept free for a worker that starts before PostgreSQL 16",
            remedy=f"upgrade to PostgreSQL 16 or later; until then {few}",
            is_sql=True,
        )
    row = conn.execute(
        """SELECT current_setting('reserved_connections')::int,
                  pg_has_role(session_user, 'pg_use_reserved_connections', 'USAGE')"""
    ).fetchone()
    reserved, may = row or (0, False)
    steps = [] if reserved else ["ALTER SYSTEM SET reserved_connections = 5; -- then restart the server"]
    if not may:
        steps.append(f"GRANT pg_use_reserved_connections TO {sql.Identifier(login).as_string(conn)};")
    return Finding(
        ok=True,
        what=f"{reserved} connections are kept free, and {login} {'may' if may else 'may not'} use them",
        remedy="\n".join(steps),
        is_sql=True,
    )


def _clock(conn: psycopg.Connection[Any]) -> Finding:
    before = datetime.now(UTC)
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    apart = skew(row[0] if row else before, before, datetime.now(UTC))
    ok = apart <= SKEW_LIMIT
    return Finding(
        ok=ok,
        what=f"its clock and ours are {apart.total_seconds():.1f} s apart",
        remedy="" if ok else "let both hosts keep time by NTP",
    )
