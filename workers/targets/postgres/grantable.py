"""Who may be given something in PostgreSQL, and which roles may be given."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.targets.postgres.catalog import Account
from workers.targets.postgres.inherited_roles import InheritedRole, Right

NEVER = {
    "pg_execute_server_program": "equals a superuser: it runs or changes what it likes on the server",
    "pg_write_server_files": "equals a superuser: it runs or changes what it likes on the server",
    "pg_read_server_files": "equals a superuser: it reads every file of the server, keys and hashes included",
    "pg_signal_backend": "ends the sessions of the worker, and so puts off its own end",
    "pg_maintain": "can lock the catalogs, and so puts off its own end",
    "pg_use_reserved_connections": "takes the connections that the worker needs to end it",
}
"""Roles of the server that no access may include, and nobody have who is given one: who holds one can keep it."""

FAR = {
    "pg_read_all_data": "reads every table of every database, the logins' password hashes included",
    "pg_write_all_data": "writes to every table of every database",
    "pg_read_all_settings": "reads every setting of the server, passwords in them included",
    "pg_read_all_stats": "reads what everybody asks the server, what stands in their statements included",
    "pg_create_subscription": "makes subscriptions, which go on after its end",
}
NEAR = {"pg_monitor", "pg_checkpoint", "pg_stat_scan_tables", "pg_signal_autovacuum_worker"}
"""What the other roles of the server reach, and those that reach no data by themselves. `pg_` is the server's own:
a role of that name that is in neither came with a later version, and nobody has looked at it here.
"""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a role must not be given, and SQL that mends it; empty where another role must be given."""

    reason: str
    remedy: str = ""


def unfit_principal(found: Account | None, name: str, prefix: str) -> str | None:
    """Why nothing must be given to this login, or None."""
    if found is None:
        return f"{name}: no such login"
    if found.superuser:
        return f"{name} is a superuser, who needs no access and cannot lose it"
    if found.worker or name.startswith(prefix):
        return f"{name} is jit's own"
    if not found.login:
        return f"{name} cannot log in, so it is nobody's login"
    return _stands_in_the_way(found)


def _stands_in_the_way(found: Account) -> str | None:
    if found.maker:
        how = "" if found.maker == found.name else f" as {found.maker}"
        return f"{found.name} may create roles{how}: who may can stand in the way of an end; give it to another login"
    if found.among:
        return f"{found.name} has {found.among}, which {NEVER[found.among]}; give it to another login"
    return None


def unfit_permission(
    permission: str,
    steps: Sequence[InheritedRole],
    prefix: str,
    allow_owners: bool,  # noqa: FBT001 - a setting
) -> Unfit | None:
    """None if this role may be given. ``steps`` are all roles that come with it."""
    if not steps:
        return Unfit(f"{permission}: no such role")
    found = (_never(step, prefix) or (None if allow_owners else _leaves_behind(step)) for step in steps)
    for step, unfit in zip(steps, found, strict=True):
        if unfit:
            via = "" if step.name == permission else f" through {step.name}"
            head, colon, rest = unfit.reason.partition(":")
            return Unfit(f"{permission} {head}{via}{colon}{rest}", unfit.remedy)
    return None


def _never(step: InheritedRole, prefix: str) -> Unfit | None:
    if step.superuser:
        return Unfit("is a superuser")
    if step.createrole:
        return Unfit("may create roles")
    if step.name.startswith(prefix):
        return Unfit("is a grant of jit's own")
    if step.name in NEVER:
        return Unfit(NEVER[step.name])
    return _keeps(step)


def _keeps(step: InheritedRole) -> Unfit | None:
    if step.login:
        return Unfit(
            "may log in: before PostgreSQL 16 who holds it can set its password and keep that",
            f"ALTER ROLE {_quoted(step.name)} NOLOGIN;",
        )
    if step.administers:
        return Unfit(
            f"may give {step.administers} on: who holds it can keep that",
            f"REVOKE ADMIN OPTION FOR {step.administers} FROM {_quoted(step.name)};",
        )
    return None


def _leaves_behind(step: InheritedRole) -> Unfit | None:
    if step.name.startswith("pg_") and step.name not in NEAR:
        return Unfit(f"{FAR.get(step.name, 'is a role of the server that jit does not know')} (allow_owners)")
    if step.owns:
        return Unfit("owns objects: who holds it can leave things behind (allow_owners)")
    if step.passes_on:
        what = f"{step.passes_on[0].kind} {step.passes_on[0].identity}"
        return Unfit(
            f"may give rights on {what} on: who holds it can keep them (allow_owners)",
            "\n".join(filter(None, (revoke_sql(right, step.name, only_option=True) for right in step.passes_on))),
        )
    if made_once := _is_asked_once(step):
        return made_once
    if step.creates_in:
        return Unfit(
            f"may create in {step.creates_in}: before PostgreSQL 16 who holds it can leave things behind that act "
            "with its rights (allow_owners)",
            f"REVOKE CREATE ON {step.creates_in} FROM PUBLIC;",
        )
    return None


def _is_asked_once(step: InheritedRole) -> Unfit | None:
    if step.lasting:
        first = step.lasting[0]
        more = f", and the like on {len(step.lasting) - 1} more" if len(step.lasting) > 1 else ""
        return Unfit(
            f"has {', '.join(first.privileges)} on {first.kind} {first.identity}{more}: that is asked only when "
            "something is made, and what its holder makes stays and acts on after its end (allow_owners)",
            "\n".join(filter(None, (revoke_sql(right, step.name) for right in step.lasting))),
        )
    if step.opens:
        first = step.opens[0]
        more = f", and the like on {len(step.opens) - 1} more" if len(step.opens) > 1 else ""
        return Unfit(
            f"opens a schema in which everybody has {', '.join(first.privileges)} on {first.kind} {first.identity}"
            f"{more}: what its holder makes of that stays after its end, as only who makes it is asked (allow_owners)",
            "\n".join(revoke_sql(right, "") for right in step.opens),
        )
    return None


_KINDS = {
    "aggregate": "FUNCTION",
    "foreign table": "TABLE",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "materialized view": "TABLE",
    "parameter ACL": "PARAMETER",
    "server": "FOREIGN SERVER",
    "view": "TABLE",
}
"""What GRANT calls a kind of object, where it is not its own name."""


def revoke_sql(right: Right, role: str, *, only_option: bool = False) -> str:
    """What takes a right away from a role, or from everybody, or only that it may give it on; on its columns, too, if
    it is a table's.
    """
    whose_it_is = _quoted(role) if role else "PUBLIC"
    option = "GRANT OPTION FOR " if only_option else ""
    what = ", ".join(right.privileges)
    if right.kind == "default acl":
        whose, _, kind = right.identity.rpartition(" on ")
        whose = whose.replace("for role", "FOR ROLE", 1).replace(" in schema ", " IN SCHEMA ", 1)
        return f"ALTER DEFAULT PRIVILEGES {whose} REVOKE {option}{what} ON {kind.upper()} FROM {whose_it_is} CASCADE;"
    on = _KINDS.get(right.kind, right.kind.upper())
    return f"REVOKE {option}{what} ON {on} {right.identity} FROM {whose_it_is} CASCADE;"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
