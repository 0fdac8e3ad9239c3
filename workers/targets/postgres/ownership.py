"""What a holder made a permission own, so that it keeps the permission's rights: a view for everybody, for example.

REASSIGN OWNED asks for the rights of the new owner and for nothing else, so who inherits a role can make it own what is
theirs. It is undone: the role of the grant becomes the owner, which has no right any more once the grant has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from workers.targets.postgres.catalog import OWNS, SOMEBODYS, UP, in_short, names_of
from workers.targets.postgres.known_grants import KnownGrant
from workers.targets.postgres.lock import BRIEFLY

_OWNERS: LiteralString = f"""
    WITH RECURSIVE {UP}
    SELECT r.rolname AS role, bool_or(here) AS here, min(what) FILTER (WHERE here) AS what
    FROM up JOIN pg_roles r USING (oid) JOIN LATERAL (
        SELECT d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AS here,
               {in_short("pg_describe_object(d.classid, d.objid, d.objsubid)")} AS what
        FROM pg_shdepend d WHERE d.refobjid = up.oid AND {OWNS} LIMIT 10
    ) owned ON true
    WHERE r.oid = ANY(%(owned_nothing)s::oid[]) OR NOT EXISTS (
        SELECT FROM pg_shdepend d WHERE d.refobjid = r.oid AND {OWNS}
        AND age(d.xmin) > (SELECT max(age(x::xid)) FROM unnest(%(since)s::text[]) x))
    GROUP BY 1 ORDER BY 1"""  # noqa: S608 - constants of this package alone
"""Of what is ``reached``, but for roles that owned something before one of the grants: an application's, which a DBA
gave to a permission meanwhile. What it owns is not to be taken from it, and is told at the end. Those that are known to
have ``owned_nothing`` then are none of these, however old what they own looks: a transaction may go on for long.
"""


@dataclass(frozen=True, slots=True)
class _Owner:
    """A role that owns something; ``here`` in this database or none, ``what`` it is there."""

    role: str
    here: bool
    what: str | None


def disown_all(conn: psycopg.Connection[Any], grants: Sequence[KnownGrant]) -> frozenset[int]:
    """As `disown`, for many grants with one question. The oids of the roles of those where something is left."""
    if not _owners(conn, [grant for grant in grants if grant.owned_nothing]):
        return frozenset()
    return frozenset(grant.role.oid for grant in grants if disown(conn, grant))


def disown(conn: psycopg.Connection[Any], grant: KnownGrant) -> list[str]:
    """Take from the permissions of a grant what they own now and did not before: what could not be, in words.

    Nothing is touched where they owned something before, as `allow_owners` lets them, or may have.
    """
    if not grant.owned_nothing or not (owners := _owners(conn, [grant])):
        return []
    here = [owner.role for owner in owners if owner.here]
    maker = _maker(conn, grant)
    why = _reassign(conn, here, grant.role.name, maker)
    if why and _push_aside(conn, here, maker):
        why = _reassign(conn, here, grant.role.name, maker)
    return [_told(conn, owner, why) for owner in _owners(conn, [grant])]


def _maker(conn: psycopg.Connection[Any], grant: KnownGrant) -> str:
    """What its holder is called now; empty if nobody knows."""
    names = names_of(conn, [grant.before.holder]) if grant.before else grant.role.members
    return names[0] if names else ""


def _owners(conn: psycopg.Connection[Any], grants: Sequence[KnownGrant]) -> list[_Owner]:
    with conn.cursor(row_factory=class_row(_Owner)) as cur:
        parameters = {
            "reached": sorted({oid for grant in grants for oid in grant.reached}),
            "owned_nothing": sorted({oid for grant in grants if grant.before for oid in grant.before.reached}),
            "since": [str(grant.since) for grant in grants],
        }
        return cur.execute(_OWNERS, parameters, prepare=True).fetchall()


def _reassign(conn: psycopg.Connection[Any], roles: Sequence[str], to: str, maker: str) -> str:
    """Why it did not work; empty if it did. Whatever it takes, of what the ``maker`` has, too, is given in this
    transaction and taken back in it.
    """
    modern = conn.info.server_version >= 160000
    how, alone = ("WITH INHERIT TRUE, SET FALSE", "GRANTED BY SESSION_USER") if modern else ("", "")
    needed = [(role, conn.info.user) for role in (*roles, to)]
    if not modern:  # who gives a schema away, and who gets a function, has to be able to make one
        needed += [*((one, conn.info.user) for one in (maker,) if one), *((role, to) for role in roles)]
    try:
        with conn.transaction():
            conn.execute(BRIEFLY)
            lacking = [tuple(map(sql.Identifier, pair)) for pair in needed if not _has_rights_of(conn, *pair)]
            for role, whose in lacking:
                conn.execute(sql.SQL("GRANT {} TO {} {}").format(role, whose, sql.SQL(how)))
            if roles:
                owners = sql.SQL(", ").join(map(sql.Identifier, roles))
                conn.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(owners, sql.Identifier(to)))
            for role, whose in lacking:
                conn.execute(sql.SQL("REVOKE {} FROM {} {}").format(role, whose, sql.SQL(alone)))
    except psycopg.Error as exc:
        if conn.broken:
            raise
        return exc.diag.message_primary or "no reason given"
    return ""


def _push_aside(conn: psycopg.Connection[Any], roles: Sequence[str], maker: str) -> bool:
    """End the sessions that have locked what these roles were made to own, and those of who did it: a lock would keep
    it theirs, and keep everybody from getting these roles. Whether there was any.
    """
    found = conn.execute(
        f"""SELECT pg_terminate_backend(s.pid) FROM pg_stat_activity s LEFT JOIN pg_roles r ON r.oid = s.usesysid
           WHERE {SOMEBODYS} AND (r.rolname = %s::text OR s.pid IN (
               SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_roles o ON o.oid = c.relowner
               WHERE l.granted AND o.rolname = ANY(%s::text[])
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))""",  # noqa: S608 - constants of this package alone
        [maker, list(roles)],
    ).fetchall()
    return bool(found)


def _has_rights_of(conn: psycopg.Connection[Any], role: str, whose: str) -> bool:
    """Or one of the two is not there any more."""
    query = "SELECT pg_has_role(to_regrole(quote_ident(%s)), to_regrole(quote_ident(%s)), 'USAGE')"
    row = conn.execute(query, [whose, role]).fetchone()
    return row is None or row[0] is not False


def _told(conn: psycopg.Connection[Any], owner: _Owner, why: str) -> str:
    name = sql.Identifier(owner.role).as_string(conn)
    what = owner.what or "something in another database"
    because = f" ({why})" if why else ""
    return f"{owner.role} owns {what}, which acts with its rights{because}: REASSIGN OWNED BY {name} TO its owner"
