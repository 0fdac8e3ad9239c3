"""Taking one grant away: its role emptied, so that nothing the role is tangled in holds up the end; then dropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import DependentObjectsStillExist, LockNotAvailable

from workers.targets.postgres import catalog
from workers.targets.postgres.catalog import Account, JitRole
from workers.targets.postgres.connection import keeping_plans
from workers.targets.postgres.lock import BRIEFLY, FIRST_WAIT, NEXT_WAIT, TURNS, Busy, break_off, lock_briefly
from workers.targets.postgres.sessions import held_by_somebody


@dataclass(frozen=True, slots=True)
class Ended:
    """``roles`` are those of the grant as they were; ``existed`` if somebody had something of them, or had until an end
    that was not finished took it. ``holders`` may still have sessions. ``refused`` is what the server said where a
    right could not be taken away; the read-back tells whether another way ended it.
    """

    roles: Sequence[JitRole]
    holders: Sequence[Account]
    refused: psycopg.Error | None
    existed: bool

    def words(self, principal: str) -> Iterator[str]:
        holders = {note.before.holder for role in self.roles if (note := role.own_note) and note.before}
        names = {holder.name for holder in self.holders if holder.oid in holders} or {principal}
        for role in self.roles:
            for member in role.members:
                if member not in names:
                    yield f"{role.name} had also been given to {member}, who lost it too"
        for holder in self.holders:
            if holder.superuser:
                yield f"{holder.name} is a superuser; sessions were not cut"


@dataclass(slots=True)
class Progress:
    """Of one end, over all of its tries: what its roles were, which sessions are gone, whose went on through what.

    ``taken_just_now`` says that the next step need not take the rights again; the read-back sees it if it must.
    ``is_ours``: the roles stood when all but dropping them was done, so nobody else has finished this end.
    """

    rounds: list[Ended] = field(default_factory=list)
    cut: set[int] = field(default_factory=set)
    cut_elsewhere: dict[str, set[int]] = field(default_factory=dict)
    through: list[str] = field(default_factory=list)
    taken_just_now: bool = False
    is_ours: bool = False

    def add(self, ended: Ended) -> None:
        """A try that finds nothing tells nothing that the first one does not."""
        if ended.roles or not self.rounds:
            self.rounds.append(ended)

    @property
    def existed(self) -> bool:
        return self.is_ours and any(ended.existed for ended in self.rounds)

    @property
    def sessions(self) -> int:
        """How many are gone, on the server and on its replicas."""
        return len(self.cut) + sum(map(len, self.cut_elsewhere.values()))

    @property
    def roles(self) -> list[JitRole]:
        """As they were when they were first seen."""
        return [*{role.oid: role for ended in reversed(self.rounds) for role in ended.roles}.values()]

    @property
    def holders(self) -> list[Account]:
        return [*{holder.oid: holder for ended in self.rounds for holder in ended.holders}.values()]

    def words(self, principal: str) -> list[str]:
        said = [word for ended in self.rounds for word in ended.words(principal)]
        return [*dict.fromkeys([*said, *self.through])]


def end(conn: psycopg.Connection[Any], name: str, request_id: str, principal: str) -> Ended:
    """The lock keeps order; it never keeps an access alive: who is in the way is broken off, and if that
    is not to be done, the end goes ahead without it.
    """
    for turn in range(TURNS):
        try:
            with conn.transaction():
                lock_briefly(conn, principal, FIRST_WAIT if turn == 0 else NEXT_WAIT)
                ended = _take(conn, name, request_id, principal)
            return _take_the_rest(conn, ended)
        except Busy:
            lively = break_off(conn, principal)
            if turn and not lively:
                break
    with conn.transaction():
        ended = _take(conn, name, request_id, principal)
    return _take_the_rest(conn, ended)


def drop(conn: psycopg.Connection[Any], role: JitRole) -> list[str]:
    """Once its rights and its sessions are gone the role may go too, unless it owns something or is named in a
    privilege that others gave: then it stays, harmless and nobody's, and this says why.

    That is asked first: a server that has a million such privileges takes longer to refuse than a statement may take.
    """
    try:
        if not (why := _named_by(conn, role)):
            with keeping_plans(conn), conn.transaction():
                conn.execute(sql.SQL(f"{BRIEFLY}DROP ROLE {{}}").format(sql.Identifier(role.name)))
            return []
    except psycopg.Error as exc:
        if conn.broken:
            raise
        if catalog.is_gone(conn, role.oid):
            return []
        why = exc.diag.message_primary or "no reason given"
        if isinstance(exc, LockNotAvailable):
            why = "named by an open transaction"
        elif isinstance(exc, DependentObjectsStillExist):
            why = _named_by(conn, role)
    if role.permissions:  # where that was held up; as long as it is, what the role owns acts with them
        revoke_from(conn, names_in_sql(role.permissions), [role.name], briefly=True)
    refused = revoke_from(conn, sql.Identifier(role.name), role.members) if role.members else None
    more = f"; it is still given to {', '.join(role.members)}" if refused else ""
    return [f"{role.name} stays, without any right: {why}{more}"]


def _named_by(conn: psycopg.Connection[Any], role: JitRole) -> str:
    found = catalog.dependencies(conn, role.oid)
    if owned := [dependency.what for dependency in found if dependency.owned]:
        return f"it owns {', '.join(owned)}"
    return f"named by {', '.join(dependency.what for dependency in found)}" if found else ""


def _take(conn: psycopg.Connection[Any], name: str, request_id: str, principal: str) -> Ended:
    """The first role alone, which is the real one."""
    roles = catalog.jit_roles_of(conn, name, request_id)
    holders = catalog.holders(conn, roles, principal)
    existed = any(held_by_somebody(conn, role) or (role.own_note and role.members) for role in roles)
    return Ended(roles, holders, _empty(conn, roles[0]) if roles else None, existed)


def _take_the_rest(conn: psycopg.Connection[Any], ended: Ended) -> Ended:
    """What else bears the grant's name or note, each committed by itself: it keeps nobody's access alive."""
    refused = [ended.refused, *(_empty(conn, role) for role in ended.roles[1:])]
    return replace(ended, refused=next(filter(None, refused), None))


def _empty(conn: psycopg.Connection[Any], role: JitRole) -> psycopg.Error | None:
    """Take from it what it gives. Its members keep it, empty, until nobody goes on: it tells whoever finishes the end
    whose sessions to cut. Where what it gives cannot be taken it is taken from them: each is enough.

    A transaction of whoever else may give one of the permissions holds a lock on it, for as long as it is open.
    """
    name = sql.Identifier(role.name)
    refused = revoke_from(conn, names_in_sql(role.permissions), [role.name], briefly=True) if role.permissions else None
    if refused and role.members:
        return revoke_from(conn, name, role.members) or refused
    return refused


def revoke_from(
    conn: psycopg.Connection[Any], what: sql.Composable, whose: Sequence[str], *, briefly: bool = False
) -> psycopg.Error | None:
    """What the server said against it."""
    bound = sql.SQL(BRIEFLY if briefly else "")
    try:
        with conn.transaction():
            conn.execute(sql.SQL("{}REVOKE {} FROM {} CASCADE").format(bound, what, names_in_sql(whose)))
    except psycopg.Error as exc:
        if conn.broken:
            raise
        return exc
    return None


def names_in_sql(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
