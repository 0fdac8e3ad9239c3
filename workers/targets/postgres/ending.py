"""Taking one grant away: its role dropped, or emptied where it cannot be dropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import DependentObjectsStillExist, LockNotAvailable

from workers.targets.postgres import catalog
from workers.targets.postgres.catalog import Account, JitRole
from workers.targets.postgres.lock import FIRST_WAIT, NEXT_WAIT, TURNS, Busy, break_off, lock_briefly


@dataclass(frozen=True, slots=True)
class Ended:
    """``roles`` are those of the grant as they were; ``emptied`` those of them that could not be dropped:
    they are there, and give nothing. ``holders`` may still have sessions.
    """

    roles: Sequence[JitRole]
    holders: Sequence[Account]
    emptied: Sequence[JitRole]

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


def end(conn: psycopg.Connection[Any], name: str, request_id: str, principal: str) -> Ended:
    """The lock keeps order; it never keeps an access alive: who is in the way is broken off, and if that
    is not to be done, the end goes ahead without it.
    """
    for turn in range(TURNS):
        try:
            with conn.transaction():
                lock_briefly(conn, principal, FIRST_WAIT if turn == 0 else NEXT_WAIT)
                return _take(conn, name, request_id, principal)
        except Busy:
            lively = break_off(conn, principal)
            if turn and not lively:
                break
    with conn.transaction():
        return _take(conn, name, request_id, principal)


def drop_emptied(conn: psycopg.Connection[Any], role: JitRole) -> list[str]:
    """Once its sessions are gone, an emptied role may go too, unless it owns something or is named in a
    privilege that others gave: then it stays, harmless, and this says why.
    """
    try:
        conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role.name)))
    except (DependentObjectsStillExist, LockNotAvailable):
        found = catalog.dependencies(conn, role.oid)
        owned = [dependency.what for dependency in found if dependency.owned]
        named = [dependency.what for dependency in found] or ["an open transaction"]
        why = f"it owns {', '.join(owned)}" if owned else f"named by {', '.join(named)}"
        return [f"{role.name} stays, without any right: {why}"]
    return []


def _take(conn: psycopg.Connection[Any], name: str, request_id: str, principal: str) -> Ended:
    roles = catalog.jit_roles_of(conn, name, request_id)
    holders = catalog.holders(conn, [role.oid for role in roles], principal)
    return Ended(roles, holders, [role for role in roles if not _dropped(conn, role)])


def _dropped(conn: psycopg.Connection[Any], role: JitRole) -> bool:
    """False if it had to be emptied instead: somebody made it own something, or named it."""
    name = sql.Identifier(role.name)
    try:
        with conn.transaction():
            conn.execute(sql.SQL("SET LOCAL lock_timeout = '200ms'; DROP ROLE {}").format(name))
    except (DependentObjectsStillExist, LockNotAvailable):
        if role.permissions:
            conn.execute(sql.SQL("REVOKE {} FROM {}").format(_names(role.permissions), name))
        if role.members:
            conn.execute(sql.SQL("REVOKE {} FROM {}").format(name, _names(role.members)))
        return False
    return True


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
