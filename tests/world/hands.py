"""What a worker and a timekeeper are made of, with targets in memory."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from jit.facts import Source
from jit.ledger import Leases, Spool, StoredDirectory
from jit.ledger.lockdown_orders import LockdownOrders
from jit.people.person import Groups, Person
from jit.requests.lifecycle import Request
from jit.testing import ALICE, BOB, CAROL, T0, WORKSPACE, InMemoryQueue, InMemoryTarget, Story
from tests.world.base import World
from workers.end_orders.queue import EndOrderQueue
from workers.provision.grant import Granter
from workers.provision.lockdowns import ObeyedLockdowns
from workers.provision.recorder import Recorder
from workers.provision.revoke import Revoker
from workers.queue.jobs import Jobs
from workers.reconcile.kept import KeptIds
from workers.reconcile.reconciler import Reconciler
from workers.targets.known import KnownTargets
from workers.targets.registry import TargetRegistry
from workers.timekeeper.timekeeper import Timekeeper

KEY = b"k" * 32
TEST = "R-TEST"
"""The request where a test has only one."""


RULES = """
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


class Hands(World):
    """The directory is as the bot keeps it for the workers, beside the ledger."""

    def __init__(self, folder: Path, **how: Any) -> None:
        super().__init__(folder, **{"rules": RULES} | how)
        self.directory = StoredDirectory(self.engine)
        self.directory.keep_workspace(WORKSPACE, T0)
        self.directory.keep_groups(Groups(as_of=T0))
        for person in (ALICE, BOB, CAROL):
            self.keep(Person(id=person, team=WORKSPACE, name=person))
        self.targets = {name: InMemoryTarget(name) for name in ("orders-db", "ledger-db")}
        self.target = self.targets["orders-db"]
        self.registry = TargetRegistry(self.policies, KnownTargets(folder), lambda config: self.targets[config.name])
        self.spool = Spool(folder / "spool")
        self.lockdowns = ObeyedLockdowns(self.ledger, LockdownOrders(folder))
        self.revoker = self.make_revoker(Source.WORKER)
        self.orders = EndOrderQueue(queue=self.queue, ledger=self.ledger, key=KEY, clock=self.clock)
        self.granter = self.make_granter(self.registry)
        self.jobs = Jobs(
            ledger=self.ledger,
            granter=self.granter,
            revoker=self.revoker,
            orders=self.orders,
            clock=self.clock,
            actor="worker@test",
        )
        self.timekeeper = self.make_timekeeper()

    def make_granter(self, registry: TargetRegistry) -> Granter:
        return Granter(
            ledger=self.ledger,
            policies=self.policies,
            directory=self.directory,
            orders=self.orders,
            registry=registry,
            revoker=self.revoker,
            clock=self.clock,
            actor="worker@test",
            lockdowns=self.lockdowns,
        )

    def make_revoker(self, source: Source) -> Revoker:
        return Revoker(
            ledger=self.ledger,
            registry=self.registry,
            clock=self.clock,
            recorder=self.make_recorder(source),
        )

    def make_recorder(self, source: Source) -> Recorder:
        return Recorder(ledger=self.ledger, spool=self.spool, clock=self.clock, actor=f"{source}@test", source=source)

    def make_timekeeper(
        self, holder: str = "one", queue: InMemoryQueue | None = None, reconciler: Reconciler | None = None
    ) -> Timekeeper:
        recorder = self.make_recorder(Source.TIMEKEEPER)
        return Timekeeper(
            ledger=self.ledger,
            leases=Leases(self.engine, self.clock),
            recorder=recorder,
            registry=self.registry,
            revoker=Revoker(ledger=self.ledger, registry=self.registry, clock=self.clock, recorder=recorder),
            queue=queue or self.queue,
            clock=self.clock,
            actor="timekeeper@test",
            holder=holder,
            lockdowns=self.lockdowns,
            reconciler=reconciler,
        )

    def make_reconciler(self, source: Source = Source.TIMEKEEPER) -> Reconciler:
        return Reconciler(
            ledger=self.ledger,
            recorder=self.make_recorder(source),
            registry=self.registry,
            policies=self.policies,
            clock=self.clock,
            kept=KeptIds(self.folder),
        )

    def request(self, request_id: str = TEST) -> Request:
        return super().request(request_id)

    def kinds(self, request_id: str = TEST) -> list[str]:
        return super().kinds(request_id)

    def keep(self, person: Person) -> None:
        self.directory.keep_person(person, T0)

    def asked(
        self, request_id: str = TEST, *, access: str = "orders-db/read", minutes: float = 30, **asked: Any
    ) -> Request:
        return self._asked(request_id, access, minutes, **asked).request

    def approved(
        self, request_id: str = TEST, *, access: str = "orders-db/read", minutes: float = 30, **asked: Any
    ) -> Request:
        story = self._asked(request_id, access, minutes, **asked)
        story.approval()
        story.approved()
        return story.request

    def active(self, request_id: str = TEST, **how: Any) -> Request:
        self.approved(request_id, **how)
        self.granter.grant(request_id)
        return self.request(request_id)

    def _asked(self, request_id: str, access: str, minutes: float, **asked: Any) -> Story:
        rules = self.policies.current()
        config = rules.accesses[access]
        story = self.story(
            request_id,
            access=access,
            target=config.target,
            permissions=config.grants,
            why="INC-1: free text of a person",
            incident=None,
            policy_version=rules.version,
            duration=timedelta(minutes=minutes),
            needs=config.rules[0].quorums,
            **asked,
        )
        story.asked()
        return story
