"""Giving and ending grants in PostgreSQL, in the order in which the rest of this package is used."""

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from threading import Lock
from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, LockNotAvailable
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from jit.ports import (
    Capabilities,
    Finding,
    Grant,
    Held,
    Holder,
    Inventory,
    RevokeResult,
    Right,
    TargetError,
    TargetRefused,
    TargetUnreachable,
)
from jit.requests.lifecycle import REQUEST_ID
from workers.targets.postgres import catalog
from workers.targets.postgres.catalog import JitRole
from workers.targets.postgres.check import findings, obstacles
from workers.targets.postgres.connection import ANSWER_SECONDS, Link
from workers.targets.postgres.giving import create, keep, read_back
from workers.targets.postgres.grantable import NEVER, unfit_permission, unfit_principal
from workers.targets.postgres.inherited_roles import InheritedRole, inherited_roles
from workers.targets.postgres.inventory import ONE_MOMENT, Scene, oids_of, remove_member, rights
from workers.targets.postgres.known_grants import KnownGrant, known_grants
from workers.targets.postgres.left_behind import Scope, left_behind, snapshot
from workers.targets.postgres.lock import lock, push_aside, who_holds
from workers.targets.postgres.ownership import disown, disown_all
from workers.targets.postgres.principals import look_up
from workers.targets.postgres.rehearsal import not_to_be_seen, rehearse, standby
from workers.targets.postgres.replicas import replicas_of, unnamed
from workers.targets.postgres.revoke import Progress, drop, end
from workers.targets.postgres.sessions import Sessions, goes_on_nameless, held_by_somebody
from workers.targets.postgres.through import sessions_in, through
from workers.targets.postgres.together import End, finish_many, may_be_finished, take_many

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
    capabilities = Capabilities(cuts_sessions=True)

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
        self._taking_many = Lock()

    def __repr__(self) -> str:
        return f"PostgresTarget({self.name!r})"

    def close(self) -> None:
        """End the connections that are kept for the next call."""
        self._link.close()
        for replica in self._replicas:
            replica.close()

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        self._role_name(grant.request_id)
        self._refuse_bad_names(grant.principal, *grant.permissions)
        if not grant.permissions:
            raise TargetRefused(f"{self.name}: nothing to give")
        with self._link.open() as conn:
            for last in (False, True):
                try:
                    self._give_under_lock(conn, grant, still_due)
                    break
                except LockNotAvailable:
                    if not last and push_aside(conn, grant.principal):
                        continue
                    if holder := who_holds(conn, grant.principal):
                        raise TargetUnreachable(f"{self.name}: busy, {holder}") from None
                    raise
            with _committed(self.name):
                return self._read_back(conn, grant, TargetUnreachable)

    def _give_under_lock(self, conn: psycopg.Connection[Any], grant: Grant, still_due: Callable[[], None]) -> None:
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

    def revoke(self, request_id: str, principal: str) -> RevokeResult:
        name = self._role_name(request_id)
        self._refuse_bad_names(principal)
        with self._link.open() as conn:
            for _ in range(ROUNDS):
                progress = self._take(conn, name, request_id, principal)
                grants = self._known_grants(progress.roles)
                self._reach_copies(conn, progress, grants)
                progress.is_ours |= bool(catalog.there(conn, {role.oid for role in progress.roles}))
                emptied = [word for role in progress.rounds[-1].roles for word in drop(conn, role)]
                if not any(role.acts for role in catalog.jit_roles_of(conn, name, request_id)):
                    more = left_behind(conn, progress, grants, principal, self._ours)
                    left = [*progress.words(principal), *emptied, *unnamed(conn, len(self._replicas)), *more]
                    self._progress.pop(request_id, None)
                    return RevokeResult(progress.existed, progress.sessions, tuple(left))
            if refused := progress.rounds[-1].refused:
                raise refused
        raise TargetRefused(f"{self.name}: {name} still gives access, or is given again and again")

    def take_rights_of_many(self, principals: Mapping[str, str]) -> frozenset[str]:
        """One call after the other, unless one hangs: in PostgreSQL each waits for a lock on what is given."""
        ends = self._ends(principals)
        alone = self._taking_many.acquire(timeout=ANSWER_SECONDS)
        try:
            with self._link.open() as conn:
                taken = take_many(conn, ends)
        finally:
            if alone:
                self._taking_many.release()
        for request_id, ended in taken.items():
            progress = self._progress.setdefault(request_id, Progress())
            progress.add(ended)
            progress.taken_just_now = True
        return frozenset(taken)

    def revoke_many(self, principals: Mapping[str, str]) -> dict[str, RevokeResult]:
        """Where there are replicas, each is ended by itself."""
        progress = {end: self._progress.get(end.request_id) for end in self._ends(principals)}
        begun = {end: one for end, one in progress.items() if one and may_be_finished(one)}
        if self._replicas or not begun:
            return {}
        with self._link.open() as conn:
            done = finish_many(conn, begun, self._sessions, allow_owners=self._allow_owners, ours=self._ours)
        for request_id in done:
            self._progress.pop(request_id, None)
        return done

    def _ends(self, principals: Mapping[str, str]) -> list[End]:
        self._refuse_bad_names(*principals.values())
        return [End(request_id, self._role_name(request_id), whose) for request_id, whose in principals.items()]

    def _take(self, conn: psycopg.Connection[Any], name: str, request_id: str, principal: str) -> Progress:
        progress = self._progress.setdefault(request_id, Progress())
        if not progress.taken_just_now:
            progress.add(end(conn, name, request_id, principal))
        progress.taken_just_now = False
        return progress

    def _forget_done(self, conn: psycopg.Connection[Any]) -> None:
        """Ends that others finished: their roles are gone."""
        begun = {
            request_id: {role.oid for role in progress.roles}
            for request_id, progress in self._progress.copy().items()
            if progress.rounds
        }
        there = catalog.there(conn, {oid for oids in begun.values() for oid in oids})
        for request_id, oids in begun.items():
            if not oids & there:
                self._progress.pop(request_id, None)

    def _known_grants(self, roles: Iterable[JitRole]) -> list[KnownGrant]:
        return known_grants(roles, allow_owners=self._allow_owners)

    def _reach_copies(self, conn: psycopg.Connection[Any], progress: Progress, grants: Sequence[KnownGrant]) -> None:
        """Whatever holds a copy of the right. What stands in the way of one step is in the way of no other."""
        wrong: list[str] = []
        for step in (self._cut, self._cut_others, self._cut_on_replicas, self._disown, self._miss_none):
            try:
                step(conn, progress, grants)
            except TargetRefused as refused:
                wrong.append(str(refused).removeprefix(f"{self.name}: "))
        if wrong:
            raise TargetRefused(f"{self.name}: {'; '.join(wrong)}")

    def _cut(self, conn: psycopg.Connection[Any], progress: Progress, _: Sequence[KnownGrant]) -> None:
        self._sessions.cut_all_of(conn, progress.holders, progress.cut)

    def _cut_others(self, conn: psycopg.Connection[Any], progress: Progress, grants: Sequence[KnownGrant]) -> None:
        """Who goes on through what the holders made."""
        found = through(conn, grants, progress.holders)
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

    def _disown(self, conn: psycopg.Connection[Any], _: Progress, grants: Sequence[KnownGrant]) -> None:
        if owning := [word for grant in grants for word in disown(conn, grant)]:
            raise TargetRefused(f"{self.name}: access remains: {'; '.join(owning)}")

    def _miss_none(self, conn: psycopg.Connection[Any], progress: Progress, grants: Sequence[KnownGrant]) -> None:
        """That nothing is found is none that has ended, as long as something of ours is there that nothing names."""
        if not grants and (lost := catalog.given_namelessly(conn, progress.holders, self._ours)):
            what = ", ".join(sql.Identifier(name).as_string(conn) for name in lost)
            raise TargetRefused(
                f"{self.name}: access remains: somebody renamed the role of a grant and took its note from it, so that "
                f"nothing tells which grant this is; as a superuser, DROP ROLE {what}"
            )

    def _cut_on_replicas(self, conn: psycopg.Connection[Any], progress: Progress, grants: Sequence[KnownGrant]) -> None:
        if self._replicas:
            (lsn,) = conn.execute("SELECT pg_current_wal_lsn()::text").fetchone() or ("0/0",)
            for replica in self._replicas:
                replica.cut(progress, grants, lsn)

    def held(self, request_id: str) -> Held | None:
        name = self._role_name(request_id)
        with self._link.open() as conn:
            there = catalog.jit_roles_of(conn, name, request_id)
            return next((self._held(role) for role in there if held_by_somebody(conn, role)), None)

    def list_grants(self) -> list[Held]:
        """Roles of another target in the same cluster are left out: their note names it.

        What a permission was made to own is taken from it here, at once; and a role whose end could take its rights and
        not itself is dropped here, as soon as nothing names it. One that has members or rights is still being ended.
        """
        with self._link.open() as conn:
            ours = [role for role in catalog.jit_roles(conn, self._ours) if self._is_ours(role)]
            self._forget_done(conn)
            owing = disown_all(conn, self._known_grants(ours))
            empty = [role for role in ours if role.administered and not role.members and not role.permissions]
            over = [role for role in empty if role.comment and role.oid not in owing]
            for role in catalog.unnamed(conn, over):
                if not goes_on_nameless(conn, role):
                    drop(conn, role)
            return [self._held(role) for role in ours if held_by_somebody(conn, role)]

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
        def give(grant: Grant) -> None:
            create(conn, self._named(grant.request_id), self.name, grant, None)

        return rehearse(conn, self.name, permissions, self._named, give)

    @property
    def _ours(self) -> str:
        """A regular expression for the names of roles of ours."""
        return f"^{self._prefix}{ROLE_REST}$"

    def holders(self, permission: str) -> list[Holder]:
        self._refuse_bad_names(permission)
        with self._link.open() as conn:
            found = catalog.who_has(conn, permission, self._ours)
            given = any(one.through for one in found)
            ids = {role.oid: self._request_id(role) for role in catalog.jit_roles(conn, self._ours)} if given else {}
        return [Holder(one.login, ids.get(one.through) if one.through else None) for one in found]

    def inventory(self, permissions: Collection[str], principals: Collection[str]) -> Inventory:
        """All that anybody was given, at one moment; of roles of another target in the server, nothing."""
        with self._link.open() as conn, conn.transaction():
            conn.execute(ONE_MOMENT)
            roles = catalog.jit_roles(conn, self._ours)
            others = {role.oid for role in roles if role.own_note and role.own_note.target != self.name}
            ours = {role.oid: (role, self._request_id(role)) for role in roles if role.oid not in others}
            about = Scene(ours, oids_of(conn, permissions), oids_of(conn, principals), frozenset(others))
            found = rights(conn, about)
        given = [self._held(role) for role, _ in ours.values() if role.gives]
        return Inventory(tuple(given), tuple(found), len(given) + len(found))

    def remove(self, right: Right) -> None:
        with self._link.open() as conn:
            remove_member(conn, self.name, right)

    def how_to_connect(self, principal: str) -> str:
        return f"{shlex.join(['psql', self._link.of_whom(principal)])}\nOpen sessions have it too."

    def description_of(self, request_id: str) -> str:
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
        if (note := role.own_note) and REQUEST_ID.fullmatch(note.request):
            return note.request
        return role.name.removeprefix(self._prefix).upper().replace("_", "-")

    def _give(self, conn: psycopg.Connection[Any], grant: Grant) -> None:
        name = self._role_name(grant.request_id)
        there = catalog.jit_roles_of(conn, name, grant.request_id)
        holder, reached = self._inherited(conn, grant)
        if there:
            keep(conn, name, self.name, grant, there)
            return
        scope = Scope(grant.principal, grant.permissions, holder, [step.oid for step in reached], self._ours)
        create(conn, name, self.name, grant, snapshot(conn, scope, makes=any(step.makes for step in reached)))

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

    def _inherited(self, conn: psycopg.Connection[Any], grant: Grant) -> tuple[int, Sequence[InheritedRole]]:
        """Whose login it is, and all that comes with this grant. Raises TargetRefused if it must not be given."""
        account = catalog.account(conn, grant.principal, NEVER)
        reasons = [unfit_principal(account, grant.principal, self._prefix)]
        reached = inherited_roles(conn, grant.permissions)
        if any(step.owns for step in reached):  # who holds it already may have made it own something
            disown_all(conn, self._known_grants(filter(self._is_ours, catalog.jit_roles(conn, self._ours))))
            reached = inherited_roles(conn, grant.permissions)
        for permission in grant.permissions:
            steps = [step for step in reached if step.permission == permission]
            unfit = unfit_permission(permission, steps, self._prefix, self._allow_owners)
            reasons.append(unfit.reason if unfit else None)
        for reason in filter(None, reasons):
            raise TargetRefused(f"{self.name}: {reason}")
        return (account.oid if account else 0), reached

    def _read_back(self, conn: psycopg.Connection[Any], grant: Grant, error: type[TargetError]) -> Held:
        role = read_back(conn, self._role_name(grant.request_id), grant)
        if role is None:
            raise error(f"{self.name}: {grant.principal} does not have what was given; is the login NOINHERIT?")
        return self._held(role)

    def _held(self, role: JitRole) -> Held:
        """A role of an earlier worker's login has a note that is right, if it is about the request of that name."""
        request_id, note = self._request_id(role), role.note
        if note and note.request != request_id:
            note = None
        told = note.principal if note else role.name
        principal = told if told in role.members else next(iter(role.members), told)
        ends_at = note.ends_at.astimezone(UTC) if note else None
        return Held(request_id, principal, role.permissions, ends_at)

    def _is_ours(self, role: JitRole) -> bool:
        return role.note is None or role.note.target == self.name


@contextmanager
def _committed(target: str) -> Iterator[None]:
    """After the commit a failure no longer means that nothing was given."""
    try:
        yield
    except psycopg.Error:
        raise TargetUnreachable(f"{target}: given, but it could not be read back") from None
