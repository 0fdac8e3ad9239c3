"""Writing a grant down in the server: a role of its own, its rights, whose it is, and the note, in one transaction."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from jit.ports import Grant, TargetRefused
from workers.targets.postgres import catalog
from workers.targets.postgres.catalog import JitRole
from workers.targets.postgres.note import Before, write_note


def create(conn: psycopg.Connection[Any], name: str, target: str, grant: Grant, before: Before | None) -> None:
    """In more than one round trip: the note holds the role's oid."""
    role = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    made = conn.execute("SELECT to_regrole(quote_ident(%s::text))::oid", [name]).fetchone()
    conn.execute(
        sql.SQL(
            "GRANT {permissions} TO {role} {how}; COMMENT ON ROLE {role} IS {note}; GRANT {role} TO {principal} {how}"
        ).format(
            role=role,
            permissions=sql.SQL(", ").join(map(sql.Identifier, grant.permissions)),
            how=_how(conn),
            note=sql.Literal(write_note(made[0] if made else 0, target, grant, before)),
            principal=sql.Identifier(grant.principal),
        )
    )


def keep(conn: psycopg.Connection[Any], name: str, target: str, grant: Grant, there: Sequence[JitRole]) -> None:
    """What was given already, but for its end. How things stood before it is not looked at again: its holder has had
    time to change that. A note with another end is written together with the right, so that it counts, unless the one
    there does not: what that says of before is not the worker's.

    Raises TargetRefused: something else is there.
    """
    role = there[0]
    if len(there) != 1 or role.name != name or not gives_this(role, grant):
        raise TargetRefused(f"{target}: {role.name} is there already and gives something else")
    own = role.own_note
    note = write_note(role.oid, target, grant, own.before if own else None)
    if role.comment == note:
        return
    named, principal = sql.Identifier(name), sql.Identifier(grant.principal)
    conn.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(named, sql.Literal(note)))
    if own:
        conn.execute(sql.SQL("REVOKE {0} FROM {1}; GRANT {0} TO {1} {2}").format(named, principal, _how(conn)))


def _how(conn: psycopg.Connection[Any]) -> sql.SQL:
    return sql.SQL("WITH INHERIT TRUE, SET FALSE" if conn.info.server_version >= 160000 else "")


def gives_this(role: JitRole, grant: Grant) -> bool:
    return role.members == (grant.principal,) and set(role.permissions) == set(grant.permissions)


def read_back(conn: psycopg.Connection[Any], name: str, grant: Grant) -> JitRole | None:
    """None if it does not give exactly this."""
    there = catalog.jit_roles_of(conn, name, grant.request_id)
    whole = len(there) == 1 and gives_this(there[0], grant)
    return there[0] if whole and catalog.usable(conn, grant.principal, grant.permissions) else None
