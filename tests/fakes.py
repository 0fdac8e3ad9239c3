"""Stand-ins for what the core needs from outside, and a house of hands around them, for unit tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any

from jit.access import Request
from jit.decision import needs_of
from jit.facts import Approval, Approved, Counted, Requested, Source
from jit.ledger import Leases, Ledger, LedgerUnavailable, Spool, StoredDirectory, connect, create_tables
from jit.people import Groups, Person
from jit.policy import PolicyFolder
from jit.ports import DirectoryUnavailable, Finding, Grant, Held, QueueUnavailable, Taken, TargetError
from workers.fleet import Fleet
from workers.grants import Granter
from workers.jobs import Jobs
from workers.known_targets import KnownTargets
from workers.revocations import Revoker
from workers.scribe import Scribe
from workers.timekeeper import Timekeeper

T0 = datetime(2026, 11, 21, 14, tzinfo=UTC)
KEY = b"k" * 32
WORKSPACE = "T0TEST001"
ALICE, BOB, CAROL = "U01ALICE0", "U02BOB000", "U03CAROL0"

POLICY = """
channels: {audit: C0AUDIT01}
security: [U03CAROL0]
people:
  U01ALICE0: {fake: alice}
targets:
  orders-db: {kind: fake}
  ledger-db: {kind: fake}
access:
  orders-db/read:
    describe: Read orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of: [{from: [U02BOB000, U03CAROL0]}]
  ledger-db/read:
    describe: Read the books
    grants: [books_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of: [{from: [U02BOB000]}]
"""


class SetClock:
    """Stands still until it is moved; whoever sets ``time`` sets it as an administrator does."""

    def __init__(self, time: datetime = T0) -> None:
        self.time = time
        self._ticks = 0.0

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)
        self._ticks += timedelta(**by).total_seconds()

    def ticks(self) -> float:
        return self._ticks


class FakeTarget:
    """A target in memory. ``trouble`` is raised by every call; ``within_lock`` runs before the deadline is asked."""

    kind = "fake"

    def __init__(self, name: str) -> None:
        self.name = name
        self.gives: dict[str, Held] = {}
        self.trouble: TargetError | None = None
        self.grant_trouble: TargetError | None = None
        self.within_lock: Callable[[], None] = lambda: None
        self.after_effect: Callable[[], None] = lambda: None
        self.left_behind: tuple[str, ...] = ()
        self.holds_before: tuple[str, ...] = ()
        self.missing: frozenset[str] = frozenset()
        self.calls: list[tuple[str, str]] = []
        self._lock = RLock()

    def already(self, principal: str, permissions: tuple[str, ...]) -> tuple[str, ...]:
        self._ask("already", principal)
        return self.holds_before

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        with self._lock:
            self._ask("grant", grant.request_id)
            self.within_lock()
            still_due()
            if self.grant_trouble is not None:
                raise self.grant_trouble
            held = Held(grant.request_id, grant.principal, grant.permissions, grant.ends_at)
            self.gives[grant.request_id] = held
            self.after_effect()
            return held

    def revoke(self, request_id: str, principal: str) -> Taken:
        with self._lock:
            self._ask("revoke", request_id)
            existed = self.gives.pop(request_id, None) is not None
            return Taken(existed, 1 if existed else 0, self.left_behind if existed else ())

    def held(self, request_id: str) -> Held | None:
        self._ask("held", request_id)
        return self.gives.get(request_id)

    def all_held(self) -> list[Held]:
        self._ask("all_held", "")
        return list(self.gives.values())

    def called(self, request_id: str) -> str:
        return f"fake {request_id}"

    def check(self, permissions: Sequence[str] = ()) -> list[Finding]:
        return [Finding(ok=permission not in self.missing, what=f"gives {permission}") for permission in permissions]

    def _ask(self, call: str, about: str) -> None:
        self.calls.append((call, about))
        if self.trouble is not None:
            raise self.trouble


@dataclass
class FakeQueue:
    """Remembers what was announced."""

    grants: list[str] = field(default_factory=list)
    revokes: list[str] = field(default_factory=list)
    ends: list[tuple[datetime, str]] = field(default_factory=list)
    gone: bool = False

    def grant(self, request_id: str) -> None:
        self._take(self.grants, request_id)

    def revoke(self, request_id: str) -> None:
        self._take(self.revokes, request_id)

    def end_at(self, when: datetime, ticket: str) -> None:
        self._take(self.ends, (when, ticket))

    def _take(self, pile: list[Any], what: object) -> None:
        if self.gone:
            raise QueueUnavailable("gone")
        pile.append(what)


class FakeDirectory:
    """People and groups in memory. ``gone`` answers nobody; ``meanwhile`` runs after each look-up."""

    def __init__(self, clock: SetClock, *people: str, workspace: str = WORKSPACE) -> None:
        self.workspace = workspace
        self.people = {person: Person(id=person, team=workspace, name=person) for person in people}
        self.members: dict[str, frozenset[str]] = {}
        self.groups_age = timedelta(0)
        self.gone = False
        self.meanwhile: Callable[[str], None] = lambda _person: None
        self._clock = clock

    def look_up(self, person: str) -> Person:
        if self.gone or person not in self.people:
            raise DirectoryUnavailable(person)
        found = self.people[person]
        self.meanwhile(person)
        return found

    def recall(self, person: str, within: timedelta) -> Person:
        return self.look_up(person)

    def groups(self) -> Groups:
        return Groups(as_of=self._clock.now() - self.groups_age, members=dict(self.members))

    def change(self, person: str, **how: Any) -> None:
        self.people[person] = replace(self.people[person], **how)


class CuttableLedger(Ledger):
    """A real ledger that can be cut off. ``cut_before`` names kinds of facts whose append is when it goes."""

    cut = False
    cut_before: frozenset[str] = frozenset()

    def append(self, facts: Any, *, expect: Any = None) -> Any:
        if self.cut_before & {fact.kind for fact in facts}:
            self.cut = True
        self._answer()
        return super().append(facts, expect=expect)

    def _answer(self) -> None:
        if self.cut:
            raise LedgerUnavailable("cut")

    def request(self, request_id: str) -> Request | None:
        self._answer()
        return super().request(request_id)

    def request_as_written(self, request_id: str) -> Request | None:
        self._answer()
        return super().request_as_written(request_id)

    def read(self, after: int = 0, limit: int = 500, *, legible: bool = False) -> Any:
        self._answer()
        return super().read(after, limit, legible=legible)

    def last_index(self) -> int:
        self._answer()
        return super().last_index()

    def history(self, request_id: str, *, legible: bool = False) -> Any:
        self._answer()
        return super().history(request_id, legible=legible)


class House:
    """Everything a worker and a timekeeper are made of, on a SQLite ledger in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SetClock()
        self.engine = connect(f"sqlite:///{folder / 'ledger.db'}")
        create_tables(self.engine)
        self.ledger = CuttableLedger(self.engine, self.clock)
        policies = folder / "policies"
        policies.mkdir(exist_ok=True)
        self.policy_file = policies / "test.policy.yml"
        self.policy_file.write_text(POLICY)
        self.policies = PolicyFolder(policies, self.clock)
        self.directory = StoredDirectory(self.engine)
        self.directory.keep_workspace(WORKSPACE, T0)
        self.directory.keep_groups(Groups(as_of=T0))
        for person in (ALICE, BOB, CAROL):
            self.keep(Person(id=person, team=WORKSPACE, name=person))
        self.targets = {name: FakeTarget(name) for name in ("orders-db", "ledger-db")}
        self.target = self.targets["orders-db"]
        self.fleet = Fleet(self.policies, KnownTargets(folder), lambda config: self.targets[config.name])
        self.queue = FakeQueue()
        self.spool = Spool(folder / "spool")
        self.revoker = self.make_revoker(Source.WORKER)
        self.granter = Granter(
            ledger=self.ledger,
            policies=self.policies,
            directory=self.directory,
            queue=self.queue,
            fleet=self.fleet,
            revoker=self.revoker,
            key=KEY,
            clock=self.clock,
            actor="worker@test",
        )
        self.jobs = Jobs(
            ledger=self.ledger,
            granter=self.granter,
            revoker=self.revoker,
            key=KEY,
            clock=self.clock,
            actor="worker@test",
        )
        self.timekeeper = self.make_timekeeper()

    def make_revoker(self, source: Source) -> Revoker:
        return Revoker(
            ledger=self.ledger,
            fleet=self.fleet,
            clock=self.clock,
            spool=self.spool,
            actor=f"{source}@test",
            source=source,
        )

    def make_timekeeper(self, holder: str = "one", queue: FakeQueue | None = None) -> Timekeeper:
        return Timekeeper(
            ledger=self.ledger,
            leases=Leases(self.engine, self.clock),
            scribe=Scribe(
                ledger=self.ledger,
                spool=self.spool,
                clock=self.clock,
                actor="timekeeper@test",
                source=Source.TIMEKEEPER,
            ),
            fleet=self.fleet,
            revoker=self.make_revoker(Source.TIMEKEEPER),
            queue=queue or self.queue,
            clock=self.clock,
            actor="timekeeper@test",
            holder=holder,
        )

    def keep(self, person: Person) -> None:
        self.directory.keep_person(person, T0)

    def asked(
        self, request_id: str = "R-TEST", *, access: str = "orders-db/read", minutes: float = 30, requester: str = ALICE
    ) -> Request:
        config = self.policies.current().accesses[access]
        now = self.clock.now()
        self.ledger.append(
            [
                Requested(
                    at=now,
                    actor=requester,
                    source=Source.SLACK,
                    request_id=request_id,
                    requester=requester,
                    access=access,
                    target=config.target,
                    permissions=config.grants,
                    principal="alice",
                    why="INC-1: free text of a person",
                    incident=None,
                    policy_version=self.policies.current().version,
                    duration=timedelta(minutes=minutes),
                    channel="C0ACCESS1",
                    risk="medium",
                    needs=needs_of(self.policies.current().rule(config)),
                    pending_until=now + timedelta(hours=8),
                )
            ],
            expect={request_id: 0},
        )
        return self.request(request_id)

    def approved(self, request_id: str = "R-TEST", **how: Any) -> Request:
        request = self.asked(request_id, **how)
        now = self.clock.now()
        about = {"at": now, "actor": BOB, "source": Source.SLACK}
        yes = Approval.about(request, approver=BOB, digest=request.digest, quorums=("dba",), groups_as_of=None, **about)
        decision = Approved.about(
            request,
            digest=request.digest,
            counted=(Counted(approval=yes.id, approver=BOB, quorum="dba"),),
            begin_by=now + timedelta(minutes=15),
            **about,
        )
        self.ledger.append([yes, decision])
        return self.request(request_id)

    def active(self, request_id: str = "R-TEST", **how: Any) -> Request:
        self.approved(request_id, **how)
        self.granter.grant(request_id)
        return self.request(request_id)

    def request(self, request_id: str = "R-TEST") -> Request:
        request = self.ledger.request(request_id)
        assert request is not None
        return request

    def kinds(self, request_id: str = "R-TEST") -> list[str]:
        return [entry.fact.kind for entry in self.ledger.history(request_id)]

    def alerts(self) -> list[Any]:
        return [entry.fact for entry in self.ledger.read(limit=10_000) if entry.fact.kind == "alert"]
