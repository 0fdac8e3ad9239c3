"""Taking one grant away: its role emptied, so that nothing the role is tangled in holds up the end; then dropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import DependentObjectsStillExist, LockNotAvailable

from workers.targets.postgres import catalog
from workers.targets.postgres.catalog import Account, JitRole
from workers.targets.postgres.lock import FIRST_WAIT, NEXT_WAIT, TURNS, Busy, break_off, lock_briefly


@dataclass(frozen=True, slots=True)
class Ended:
    """``roles`` are those of the grant as they were. ``holders`` may still have sessions. ``refused`` is what the
    server said where a right could not be taken away; the read-back tells whether another way ended it.
    """

    roles: Sequence[JitRole]
    holders: Sequence[Account]
    refused: psycopg.Error | None

    @property
    def existed(self) -> bool:
        return any(role.gives for role in self.roles)

    def words(self, principal: str) -> Iterator[str]:
        for role in self.roles:
            for member in role.members:
                if member != principal:
                    yield f"{role.name} had also been given to {member}, who lost it too"
        for holder in self.holders:
            if holder.superuser:
                yield f"{holder.name} is a superuser; sessions were not cut"


@dataclass(slots=True)
class Progress:
    """Of one end, over all of its tries: what its roles were, which sessions are gone, whose went on through what.

    ``taken_just_now`` says that the next step need not take the rights again; the read-back sees it if it must.
    """

    rounds: list[Ended] = field(default_factory=list)
    cut: set[int] = field(default_factory=set)
    cut_elsewhere: dict[str, set[int]] = field(default_factory=dict)
    through: list[str] = field(default_factory=list)
    taken_just_now: bool = False

    def add(self, ended: Ended) -> None:
        """A try that finds nothing tells nothing that the first one does not."""
        if ended.roles or not self.rounds:
            self.rounds.append(ended)

    @property
    def existed(self) -> bool:
        return any(ended.existed for ended in self.rounds)

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
    privilege that others gave: then it stays, harmless, and this says why.

    That is asked first: a server that has a million such privileges takes longer to refuse than a statement may take.
    """
    try:
        if not (why := _named_by(conn, role)):
            with conn.transaction():
                conn.execute(
                    sql.SQL("SET LOCAL lock_timeout = '200ms'; DROP ROLE {}").format(sql.Identifier(role.name))
                )
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
    return [f"{role.name} stays, without any right: {why}"]


def _named_by(conn: psycopg.Connection[Any], role: JitRole) -> str:
    found = catalog.dependencies(conn, role.oid)
    if owned := [dependency.what for dependency in found if dependency.owned]:
        return f"it owns {', '.join(owned)}"
    return f"named by {', '.join(dependency.what for dependency in found)}" if found else ""


def _take(conn: psycopg.Connection[Any], name: str, request_id: str, principal: str) -> Ended:
    """The first role alone, which is the real one."""
    roles = catalog.jit_roles_of(conn, name, request_id)
    holders = catalog.holders(conn, [role.oid for role in roles], principal)
    return Ended(roles, holders, _empty(conn, roles[0]) if roles else None)


def _take_the_rest(conn: psycopg.Connection[Any], ended: Ended) -> Ended:
    """What else bears the grant's name or note, each committed by itself: it keeps nobody's access alive."""
    refused = [ended.refused, *(_empty(conn, role) for role in ended.roles[1:])]
    return replace(ended, refused=next(filter(None, refused), None))


def _empty(conn: psycopg.Connection[Any], role: JitRole) -> psycopg.Error | None:
    """Take it from its members, and from it what it gives: each is enough, and neither waits for the other.

    A transaction of whoever else may give one of the permissions holds a lock on it, for as long as it is open.
    """
    name = sql.Identifier(role.name)
    refused: psycopg.Error | None = None
    enough = sql.SQL("")
    pairs: list[tuple[sql.Composable, sql.Composable]] = [(name, _names(role.members))] if role.members else []
    pairs += [(_names(role.permissions), name)] if role.permissions else []
    for what, whose in pairs:
        try:
            with conn.transaction():
                conn.execute(sql.SQL("{}REVOKE {} FROM {} CASCADE").format(enough, what, whose))
            enough = sql.SQL("SET LOCAL lock_timeout = '200ms'; ")
        except psycopg.Error as exc:
            if conn.broken:
                raise
            refused = exc
    return refused


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
