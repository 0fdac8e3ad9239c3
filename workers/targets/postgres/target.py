"""Giving and ending grants in PostgreSQL, in the order in which the rest of this package is used."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, LockNotAvailable, QueryCanceled
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from jit.ports import Finding, Grant, Held, Taken, TargetError, TargetRefused, TargetUnreachable
from jit.requests.lifecycle import REQUEST_ID
from workers.targets.postgres import catalog
from workers.targets.postgres.catalog import JitRole
from workers.targets.postgres.check import findings, obstacles
from workers.targets.postgres.connection import Link
from workers.targets.postgres.grantable import NEVER, unfit_permission, unfit_principal
from workers.targets.postgres.inherited_roles import Reach, reach
from workers.targets.postgres.left_behind import Scope, kept, made, prepared, snapshot
from workers.targets.postgres.lock import lock, push_aside, who_holds
from workers.targets.postgres.note import Before, Note, write_note
from workers.targets.postgres.ownership import disown, disown_all
from workers.targets.postgres.principals import look_up
from workers.targets.postgres.rehearsal import not_to_be_seen, rehearse, standby
from workers.targets.postgres.replicas import replicas_of, unnamed
from workers.targets.postgres.revoke import Progress, drop, end
from workers.targets.postgres.sessions import Sessions
from workers.targets.postgres.through import sessions_in, through

ROLE_REST = "r_[0-9a-z]{4,12}"
ROUNDS = 3
"""How often an end is begun again because a late grant came between it and its read-back."""

NAME_REPLICAS = "name where its standbys answer in the target's `replicas`, as a secret with an address for each"

PREFIX = r"[a-z][a-z0-9]{0,20}_"


class PostgresTarget:
    """One server. The login of the ``dsn`` needs CREATEROLE, ADMIN on what it gives, and
    pg_signal_backend; no superuser. `check` says what is missing, with the SQL that mends it.

    ``allow_owners`` lets roles be given that own objects, may give rights on, or, before 16, may make
    objects of their own: who holds one can leave things behind. ``replicas`` are the addresses of its hot standbys,
    with blanks between them: sessions are cut there, too.
    """

    kind = "postgres"

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid")

        dsn: SecretStr
        role_prefix: str = Field(default="jit_", pattern=f"^{PREFIX}$")
        allow_owners: bool = False
        replicas: SecretStr | None = None

    def __init__(
        self,
        name: str,
        dsn: SecretStr,
        *,
        role_prefix: str = "jit_",
        allow_owners: bool = False,
        replicas: SecretStr | None = None,
    ) -> None:
        if not re.fullmatch(PREFIX, role_prefix):
            raise ValueError(f"{name}: {role_prefix!r} is no prefix for roles")
        self.name = name
        self._link = Link(name, dsn)
        self._prefix = role_prefix
        self._allow_owners = allow_owners
        self._replicas = replicas_of(name, replicas)
        self._sessions = Sessions(name)
        self._progress: dict[str, Progress] = {}

    def __repr__(self) -> str:
        return f"PostgresTarget({self.name!r})"

    def close(self) -> None:
        """End the connections that are kept for the next call."""
        self._link.close()
        for replica in self._replicas:
            replica.close()

    def already(self, principal: str, permissions: tuple[str, ...]) -> tuple[str, ...]:
        self._refuse_bad_names(principal, *permissions)
        with self._link.open() as conn:
            there = catalog.held_otherwise(conn, principal, self._ours)
        return tuple(permission for permission in permissions if permission in there)

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        self._role_name(grant.request_id)
        self._refuse_bad_names(grant.principal, *grant.permissions)
        if not grant.permissions:
            raise TargetRefused(f"{self.name}: nothing to give")
        with self._link.open() as conn:
            for last in (False, True):
                try:
                    self._give_in_order(conn, grant, still_due)
                    break
                except LockNotAvailable:
                    if not last and push_aside(conn, grant.principal):
                        continue
                    if holder := who_holds(conn, grant.principal):
                        raise TargetUnreachable(f"{self.name}: busy, {holder}") from None
                    raise
            with _committed(self.name):
                return self._read_back(conn, grant, TargetUnreachable)

    def _give_in_order(self, conn: psycopg.Connection[Any], grant: Grant, still_due: Callable[[], None]) -> None:
        with conn.transaction():
            lock(conn, grant.principal)
            still_due()
            self._give(conn, grant)
            self._read_back(conn, grant, TargetRefused)

    def take_rights(self, request_id: str, principal: str) -> None:
        """The first step of `revoke` alone, which waits for nobody's session."""
        name = self._role_name(request_id)
        self._refuse_bad_names(principal)
        with self._link.open() as conn:
            self._take(conn, name, request_id, principal).taken_just_now = True

    def revoke(self, request_id: str, principal: str) -> Taken:
        name = self._role_name(request_id)
        self._refuse_bad_names(principal)
        with self._link.open() as conn:
            for _ in range(ROUNDS):
                progress = self._take(conn, name, request_id, principal)
                self._reach_copies(conn, progress)
                emptied = [word for role in progress.rounds[-1].roles for word in drop(conn, role)]
                if not any(role.gives for role in catalog.jit_roles_of(conn, name, request_id)):
                    left = [*progress.words(principal), *emptied, *self._told(conn, progress, principal)]
                    self._progress.pop(request_id, None)
                    return Taken(progress.existed, progress.sessions, tuple(left))
            if refused := progress.rounds[-1].refused:
                raise refused
        raise TargetRefused(f"{self.name}: {name} still gives access, or is given again and again")

    def _take(self, conn: psycopg.Connection[Any], name: str, request_id: str, principal: str) -> Progress:
        progress = self._progress.setdefault(request_id, Progress())
        if not progress.taken_just_now:
            progress.add(end(conn, name, request_id, principal))
        progress.taken_just_now = False
        return progress

    def _reach_copies(self, conn: psycopg.Connection[Any], progress: Progress) -> None:
        """Whatever holds a copy of the right. What stands in the way of one step is in the way of no other."""
        wrong: list[str] = []
        for step in (self._cut, self._cut_others, self._cut_on_replicas, self._disown):
            try:
                step(conn, progress)
            except TargetRefused as refused:
                wrong.append(str(refused).removeprefix(f"{self.name}: "))
        if wrong:
            raise TargetRefused(f"{self.name}: {'; '.join(wrong)}")

    def _cut(self, conn: psycopg.Connection[Any], progress: Progress) -> None:
        self._sessions.cut_all_of(conn, progress.holders, progress.cut)

    def _cut_others(self, conn: psycopg.Connection[Any], progress: Progress) -> None:
        """Who goes on through what the holders made."""
        found = through(conn, progress.roles, progress.holders)
        cut = sessions_in(found)
        progress.through += [
            f"{one.name} went on through {one.what}; that session was cut" for one in found if one.pid in cut
        ]
        self._sessions.cut(conn, cut, progress.cut)
        later = [
            f"a transaction through {one.what} is prepared and can still be committed: "
            f"ROLLBACK PREPARED {sql.Literal(one.gid).as_string(conn)}"
            for one in found
            if one.gid
        ]
        later += [
            f"{one.name} goes on through {one.what}: SELECT pg_terminate_backend({one.pid}) as a superuser"
            for one in found
            if one.pid and not one.login
        ]
        if later:
            raise TargetRefused(f"{self.name}: access remains: {'; '.join(later)}")

    def _disown(self, conn: psycopg.Connection[Any], progress: Progress) -> None:
        if owning := [word for role in progress.roles for word in disown(conn, role)]:
            raise TargetRefused(f"{self.name}: access remains: {'; '.join(owning)}")

    def _cut_on_replicas(self, conn: psycopg.Connection[Any], progress: Progress) -> None:
        if self._replicas:
            (lsn,) = conn.execute("SELECT pg_current_wal_lsn()::text").fetchone() or ("0/0",)
            for replica in self._replicas:
                replica.cut(progress, lsn)

    def held(self, request_id: str) -> Held | None:
        name = self._role_name(request_id)
        with self._link.open() as conn:
            there = catalog.jit_roles_of(conn, name, request_id)
        return next((self._held(role) for role in there if role.gives), None)

    def all_held(self) -> list[Held]:
        """Roles of another target in the same cluster are left out: their note names it.

        What a permission was made to own is taken from it here, at once; and a role whose end could take its rights and
        not itself is dropped here, as soon as nothing names it.
        """
        with self._link.open() as conn:
            roles = catalog.jit_roles(conn, self._ours)
            owing = disown_all(conn, [role for role in roles if self._is_ours(role)])
            for role in roles:
                over = role.droppable and not role.gives and role.oid not in owing
                if over and role.note and self._is_ours(role):
                    drop(conn, role)
        return [self._held(role) for role in roles if role.gives and self._is_ours(role)]

    def check(self, permissions: Sequence[str] = (), principals: Sequence[str] = ()) -> list[Finding]:
        """``permissions`` are the roles that policies give here, and ``principals`` the logins that they name, each
        looked at too.
        """
        named = {name: self.name_problem(name) for name in (*permissions, *principals)}
        bad = [Finding(ok=False, what=f"{name[:80]!r} {problem}") for name, problem in named.items() if problem]
        roles, logins = ([name for name in names if not named[name]] for names in (permissions, principals))
        try:
            with self._link.open() as conn:
                found = [*bad, *self._found(conn, roles, logins)]
                missing = [
                    Finding(ok=True, what=what, remedy=NAME_REPLICAS) for what in unnamed(conn, len(self._replicas))
                ]
            return [*found, *missing, *(replica.look() for replica in self._replicas)]
        except TargetError as exc:
            return [Finding(ok=False, what=str(exc))]

    def obstacles(self, permissions: Sequence[str]) -> list[Finding]:
        try:
            with self._link.open(anew=True) as conn:
                try:
                    return [*standby(conn), *obstacles(conn, self._prefix, permissions)]
                except InsufficientPrivilege as refused:
                    return [not_to_be_seen(conn, refused)]
        except TargetError as exc:
            return [Finding(ok=False, what=str(exc))]

    def _found(
        self, conn: psycopg.Connection[Any], permissions: Sequence[str], principals: Sequence[str]
    ) -> list[Finding]:
        try:
            logins = look_up(conn, principals, self._prefix)
            found = [*findings(conn, self._prefix, permissions, self._allow_owners), *standby(conn)]
            if permissions and all(finding.ok for finding in found):
                found.append(self._rehearsed(conn, permissions))
        except InsufficientPrivilege as refused:
            return [not_to_be_seen(conn, refused)]
        return [*found, *logins]

    def _rehearsed(self, conn: psycopg.Connection[Any], permissions: Sequence[str]) -> Finding:
        def create(grant: Grant) -> None:
            _create(conn, self._named(grant.request_id), self.name, grant, Before((), 0, None))

        return rehearse(conn, self.name, permissions, self._named, create)

    @property
    def _ours(self) -> str:
        """A regular expression for the names of roles of ours."""
        return f"^{self._prefix}{ROLE_REST}$"

    def called(self, request_id: str) -> str:
        return f"the role {self._named(request_id)}"

    def _named(self, request_id: str) -> str:
        return self._prefix + request_id.lower().replace("-", "_")

    def _role_name(self, request_id: str) -> str:
        """The only names this class ever creates."""
        if not REQUEST_ID.fullmatch(request_id):
            raise TargetRefused(f"{self.name}: {request_id!r} is no request id")
        return self._named(request_id)

    def _request_id(self, role: JitRole) -> str:
        """By its note, which a renamed role keeps, if that is the role's own."""
        if (note := role.noted) and REQUEST_ID.fullmatch(note.request):
            return note.request
        return role.name.removeprefix(self._prefix).upper().replace("_", "-")

    def _give(self, conn: psycopg.Connection[Any], grant: Grant) -> None:
        name = self._role_name(grant.request_id)
        there = catalog.jit_roles_of(conn, name, grant.request_id)
        reached = self._reach(conn, grant)
        match there:
            case []:
                before = snapshot(conn, self._scope(grant.principal, grant.permissions))
                if not any(step.makes for step in reached):
                    before = replace(before, since=None)
                _create(conn, name, self.name, grant, before)
            case [role] if role.name == name and _is(role, grant):
                before_it = role.noted.before if role.noted else None
                _comment(conn, name, write_note(role.oid, self.name, grant, before_it))
            case [role, *_]:
                raise TargetRefused(f"{self.name}: {role.name} is there already and gives something else")

    def _told(self, conn: psycopg.Connection[Any], progress: Progress, principal: str) -> list[str]:
        """What was left behind; that it cannot be found out keeps no end from being proven."""
        try:
            return self._left_behind(conn, progress, principal)
        except QueryCanceled:
            return ["what else it left behind takes too long to find out"]
        except psycopg.Error as exc:
            if conn.broken:
                raise
            return [f"what else it left behind cannot be found out: {exc.diag.message_primary}"]

    def _left_behind(self, conn: psycopg.Connection[Any], progress: Progress, principal: str) -> list[str]:
        roles = progress.roles
        permissions = {permission for role in roles for permission in role.permissions}
        logins = {holder.name for holder in progress.holders if not holder.superuser}
        left = [*unnamed(conn, len(self._replicas)), *prepared(conn, [*logins, *permissions])]
        for role in roles:
            if (note := role.noted) and note.before:
                scope = self._scope(principal, note.permissions)
                left += [*kept(conn, scope, note.before), *made(conn, scope, note.before)]
            elif role.gives:
                left.append(f"somebody changed the note on {role.name}: what was made by means of it is not known")
        return left

    def _scope(self, principal: str, permissions: Sequence[str]) -> Scope:
        return Scope(principal, permissions, self._ours)

    def _refuse_bad_names(self, *names: str) -> None:
        for name in names:
            if problem := self.name_problem(name):
                raise TargetRefused(f"{self.name}: {name[:80]!r} {problem}")

    @staticmethod
    def name_problem(name: str) -> str | None:
        """PostgreSQL cuts longer names off, which might then be somebody else's."""
        if not name or not name.isprintable() or len(name.encode(errors="replace")) > 63:
            return "is no name of a role: it takes printable text of 63 bytes at most"
        return None

    def _reach(self, conn: psycopg.Connection[Any], grant: Grant) -> Sequence[Reach]:
        """All that comes with this grant. Raises TargetRefused if it must not be given."""
        who = catalog.account(conn, grant.principal, NEVER)
        reasons = [unfit_principal(who, grant.principal, self._prefix)]
        reached = reach(conn, grant.permissions)
        if any(step.owns for step in reached):  # who holds it already may have made it own something
            disown_all(conn, [role for role in catalog.jit_roles(conn, self._ours) if self._is_ours(role)])
            reached = reach(conn, grant.permissions)
        for permission in grant.permissions:
            steps = [step for step in reached if step.permission == permission]
            unfit = unfit_permission(permission, steps, self._prefix, self._allow_owners)
            reasons.append(unfit.reason if unfit else None)
        for reason in filter(None, reasons):
            raise TargetRefused(f"{self.name}: {reason}")
        return reached

    def _read_back(self, conn: psycopg.Connection[Any], grant: Grant, error: type[TargetError]) -> Held:
        there = catalog.jit_roles_of(conn, self._role_name(grant.request_id), grant.request_id)
        if len(there) != 1 or not _is(there[0], grant) or not catalog.usable(conn, grant.principal, grant.permissions):
            raise error(f"{self.name}: {grant.principal} does not have what was given; is the login NOINHERIT?")
        return self._held(there[0])

    def _held(self, role: JitRole) -> Held:
        """A role of an earlier worker's login has a note that is right, if it is about the request of that name."""
        request_id, note = self._request_id(role), Note.read(role.note)
        if note and note.request != request_id:
            note = None
        principal = note.principal if note and note.principal in role.members else role.members[0]
        ends_at = note.ends_at.astimezone(UTC) if note else None
        return Held(request_id, principal, role.permissions, ends_at)

    def _is_ours(self, role: JitRole) -> bool:
        note = Note.read(role.note)
        return note is None or note.target == self.name


def _create(conn: psycopg.Connection[Any], name: str, target: str, grant: Grant, before: Before) -> None:
    """In more than one round trip: the note holds the role's oid."""
    role = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    made = conn.execute("SELECT to_regrole(quote_ident(%s::text))::oid", [name]).fetchone()
    how = "WITH INHERIT TRUE, SET FALSE" if conn.info.server_version >= 160000 else ""
    conn.execute(
        sql.SQL(
            "GRANT {permissions} TO {role} {how}; COMMENT ON ROLE {role} IS {note}; GRANT {role} TO {principal} {how}"
        ).format(
            role=role,
            permissions=sql.SQL(", ").join(map(sql.Identifier, grant.permissions)),
            how=sql.SQL(how),
            note=sql.Literal(write_note(made[0] if made else 0, target, grant, before)),
            principal=sql.Identifier(grant.principal),
        )
    )


def _comment(conn: psycopg.Connection[Any], role: str, note: str) -> None:
    conn.execute(sql.SQL("COMMENT ON ROLE {role} IS {note}").format(role=sql.Identifier(role), note=sql.Literal(note)))


def _is(role: JitRole, grant: Grant) -> bool:
    return role.members == (grant.principal,) and set(role.permissions) == set(grant.permissions)


@contextmanager
def _committed(target: str) -> Iterator[None]:
    """After the commit a failure no longer means that nothing was given."""
    try:
        yield
    except psycopg.Error:
        raise TargetUnreachable(f"{target}: given, but it could not be read back") from None
