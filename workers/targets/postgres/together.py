"""Many ends with few statements: of grants that are as the worker left them, and that nobody is in the way of.

Whatever is not is left out, and ended by itself: nothing here asks less than the end of one does.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from jit.ports import RevokeResult
from workers.targets.postgres import catalog
from workers.targets.postgres.catalog import JitRole
from workers.targets.postgres.connection import keeping_plans
from workers.targets.postgres.known_grants import KnownGrant, known_grants
from workers.targets.postgres.left_behind import leaving_nothing, left_behind
from workers.targets.postgres.lock import BRIEFLY, lock_those_free
from workers.targets.postgres.ownership import disown_all
from workers.targets.postgres.replicas import unnamed
from workers.targets.postgres.revoke import Ended, Progress, names_in_sql, revoke_from
from workers.targets.postgres.sessions import Sessions
from workers.targets.postgres.through import through


class End(NamedTuple):
    """``role`` is the name of the grant's role."""

    request_id: str
    role: str
    principal: str


def take_many(conn: psycopg.Connection[Any], ends: Sequence[End]) -> dict[str, Ended]:
    """Take the rights of these in one transaction; by request id those of which they are gone.

    No lock is waited for: who is in the way of one grant shall be in the way of no other.
    """
    with conn.transaction():
        free = lock_those_free(conn, {end.principal for end in ends})
        found = catalog.jit_roles_of_many(conn, {end.role: end.request_id for end in ends if end.principal in free})
        given = {request_id: roles[0] for request_id, roles in found.items() if _is_as_given(request_id, roles)}
        holders = catalog.holders_of_many(conn, [*given.values()])
        taken = {role.oid for roles in _by_permissions(given.values()) if _empty(conn, roles) for role in roles}
    return {
        request_id: Ended([role], holders[role.oid], refused=None, existed=True)
        for request_id, role in given.items()
        if role.oid in taken
    }


def finish_many(
    conn: psycopg.Connection[Any],
    begun: Mapping[End, Progress],
    sessions: Sessions,
    *,
    allow_owners: bool,
    ours: str,
) -> dict[str, RevokeResult]:
    """Cut sessions, drop the roles, read back; by request id those that are proven.

    1. Every session of the holders is ended. Whose does not end in a moment is left out.
    2. Nobody else goes on through what they made, and no permission was made to own anything.
    3. The roles that nothing names are dropped.
    4. What stands then is read back, and what was left behind is told.
    """
    going = _cut(conn, begun, sessions)  # 1.
    grants = known_grants((progress.roles[0] for progress in going.values()), allow_owners=allow_owners)
    if any(_goes_on(conn, grants, going, owned_nothing=either) for either in (True, False)):  # 2.
        return {}
    owning = disown_all(conn, grants)
    there = catalog.there(conn, {grant.role.oid for grant in grants})
    for progress in going.values():
        progress.is_ours |= progress.roles[0].oid in there
    droppable = [grant.role for grant in grants if grant.role.oid in there - owning]  # 3.
    dropped = _drop(conn, catalog.unnamed(conn, droppable))
    still = catalog.jit_roles_of_many(conn, {end.role: end.request_id for end in going})  # 4.
    standbys, by_role = [*unnamed(conn, 0)], {grant.role.oid: grant for grant in grants}
    gone = {
        end: progress
        for end, progress in going.items()
        if progress.roles[0].oid in dropped and not any(role.acts for role in still[end.request_id])
    }
    clean = leaving_nothing(conn, [(one, by_role[one.roles[0].oid]) for one in gone.values()], ours)
    proven: dict[str, RevokeResult] = {}
    for end, progress in gone.items():
        grant = by_role[progress.roles[0].oid]
        more = [] if grant.role.oid in clean else left_behind(conn, progress, [grant], end.principal, ours)
        left = (*progress.words(end.principal), *standbys, *more)
        proven[end.request_id] = RevokeResult(progress.existed, progress.sessions, left)
    return proven


def may_be_finished(progress: Progress) -> bool:
    """Whether its rights are gone, and its one role was as the worker left it."""
    taken = progress.taken_just_now and len(progress.rounds) == 1 and progress.rounds[0].refused is None
    return taken and len(progress.roles) == 1 and _is_well_noted(progress.roles[0])


def _is_as_given(request_id: str, roles: Sequence[JitRole]) -> bool:
    if len(roles) != 1 or not (roles[0].gives and roles[0].administered and _is_well_noted(roles[0])):
        return False
    note = roles[0].own_note
    return note is not None and note.request == request_id


def _is_well_noted(role: JitRole) -> bool:
    note = role.own_note
    return note is not None and note.before is not None


def _by_permissions(roles: Iterable[JitRole]) -> list[list[JitRole]]:
    def permissions(role: JitRole) -> tuple[str, ...]:
        return role.permissions

    return [[*same] for _, same in groupby(sorted(roles, key=permissions), key=permissions)]


def _empty(conn: psycopg.Connection[Any], roles: Sequence[JitRole]) -> bool:
    """Of all these, which give the same, in one statement: PostgreSQL goes through all who have a role for each."""
    what = names_in_sql(roles[0].permissions)
    return revoke_from(conn, what, [role.name for role in roles], briefly=True) is None


def _cut(conn: psycopg.Connection[Any], begun: Mapping[End, Progress], sessions: Sessions) -> dict[End, Progress]:
    """Those of which no session is left. One of somebody of whom several end is counted to the first."""
    cut, staying = sessions.cut_of_many(conn, [holder for one in begun.values() for holder in one.holders])
    counted: dict[int, Progress] = {}
    for progress in begun.values():
        for holder in progress.holders:
            counted.setdefault(holder.oid, progress)
    for pid, login in cut.items():
        counted[login].cut.add(pid)
    return {end: one for end, one in begun.items() if not any(holder.oid in staying for holder in one.holders)}


def _goes_on(
    conn: psycopg.Connection[Any], grants: Sequence[KnownGrant], going: Mapping[End, Progress], *, owned_nothing: bool
) -> bool:
    """Whether anybody does, of all who might by any of those grants of which this is the same."""
    some = [grant for grant in grants if grant.owned_nothing is owned_nothing]
    roles = {grant.role.oid for grant in some}
    holders = [holder for one in going.values() if one.roles[0].oid in roles for holder in one.holders]
    return bool(some) and bool(through(conn, some, holders))


def _drop(conn: psycopg.Connection[Any], roles: Sequence[JitRole]) -> frozenset[int]:
    """The oids of those that are gone: all, or none. One that somebody else drops meanwhile keeps no other."""
    left = roles
    while left:
        try:
            with keeping_plans(conn), conn.transaction():
                conn.execute(sql.SQL(f"{BRIEFLY}DROP ROLE {{}}").format(names_in_sql([role.name for role in left])))
            break
        except psycopg.Error:
            if conn.broken:
                raise
            before, there = left, catalog.there(conn, {role.oid for role in left})
            left = [role for role in before if role.oid in there]
            if len(left) == len(before):
                return frozenset()
    return frozenset(role.oid for role in roles)
