"""A crowd with access: real roles in PostgreSQL, real orders to end in the queue, real facts, put there in bulk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from pathlib import Path

import psycopg
from psycopg import sql
from pydantic import SecretStr

from demo.sample import DATABASE, WORKER
from jit.facts import Approval, Approved, Counted, Granted, GrantIntent, Life, Quorum, Requested, Source
from jit.ports import Grant
from jit.requests.lifecycle import Request, apply
from jit.runtime.queue import RqQueue
from playground.sample import BOB, account
from tests.world.product import POLICIES, Product, product
from workers.end_orders.queue import EndOrderQueue
from workers.end_orders.signed import load_key
from workers.targets.postgres import PostgresTarget

PEOPLE = 100
ACCESSES = 101
AT_A_TIME = 5
ON_RECORD_AT_A_TIME = 500

ACCESS = """\
  orders-db/read-{number}:
    describe: Read every table of orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [group:crowd]
    approve:
      - all_of: [{{from: [group:dba]}}]
"""


@dataclass
class Crowd:
    """A house with many people in it. ``given`` counts the accesses."""

    house: Product
    given: int = 0

    def give(self, ends: Sequence[datetime]) -> list[Request]:
        """One active access for each end. A few at a time: nobody shall find one that seems to be stuck."""
        target = PostgresTarget("orders-db", SecretStr(self.house.stage.postgres.dsn(WORKER, DATABASE)))
        try:
            few = [ends[start : start + AT_A_TIME] for start in range(0, len(ends), AT_A_TIME)]
            return [request for some in few for request in self._give(target, some)]
        finally:
            target.close()

    def put_on_record(self, number: int, ends_at: datetime) -> None:
        """So many active accesses by the ledger alone: PostgreSQL does not hold them, and no rule knows them."""
        now = self.house.clock.now()
        for start in range(0, number, ON_RECORD_AT_A_TIME):
            numbers = range(self.given, self.given + min(ON_RECORD_AT_A_TIME, number - start))
            self.given += len(numbers)
            lives = [_begun(*divmod(n, PEOPLE), ends_at, now) for n in numbers]
            self._recorded([[*life, _granted(reduce(apply, life, None), now)] for life in lives])

    def _give(self, target: PostgresTarget, ends: Sequence[datetime]) -> list[Request]:
        now = self.house.clock.now()
        numbers = range(self.given, self.given + len(ends))
        self.given += len(ends)
        begun = self._recorded([_begun(*divmod(n, PEOPLE), at, now) for n, at in zip(numbers, ends, strict=True)])
        self._scheduled(begun)
        for request in begun:
            assert request.ends_at
            grant = Grant(request.id, request.principal, request.permissions, request.ends_at)
            target.grant(grant, lambda: None)
        return self._recorded([[_granted(request, now)] for request in begun], begun)

    def _recorded(self, lives: Sequence[Sequence[Life]], before: Sequence[Request] = ()) -> list[Request]:
        """In one append. The requests as they are then."""
        self.house.stage.ledger.append([fact for life in lives for fact in life])
        requests: list[Request | None] = [*before] or [None] * len(lives)
        return [reduce(apply, life, request) for request, life in zip(requests, lives, strict=True)]

    def _scheduled(self, requests: Sequence[Request]) -> None:
        stage = self.house.stage
        orders = EndOrderQueue(
            queue=RqQueue(stage.valkey.url),
            ledger=stage.ledger,
            key=load_key(None, stage.folder),
            clock=self.house.clock,
        )
        for request in requests:
            orders.settle(request)


@contextmanager
def crowd(folder: Path) -> Iterator[Crowd]:
    with product(folder / "house", policies=_policies(folder)) as it:
        with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as admin:
            for number in range(PEOPLE):
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(_login(number))))
        for number in range(PEOPLE):
            it.stage.stage.slack.world.add_user(account(_slack_id(number), _login(number)))
        yield Crowd(it)


def _begun(access: int, person: int, ends_at: datetime, now: datetime) -> list[Life]:
    """From the question to the intent."""
    need = Quorum(label="dba", who=("group:dba",), count=1)
    asked = Requested(
        at=now,
        actor=_slack_id(person),
        source=Source.SLACK,
        request_id=f"R-{access:02}{person:03}",
        requester=_slack_id(person),
        access=f"orders-db/read-{access}",
        target="orders-db",
        permissions=("orders_read",),
        principal=_login(person),
        why="as one of many",
        incident=None,
        policy_version="bench",
        duration=ends_at - now,
        channel="C0ACCESS1",
        risk="medium",
        needs=(need,),
        pending_until=now + timedelta(hours=1),
    )
    request = apply(None, asked)
    by = {"at": now, "actor": BOB, "source": Source.SLACK, "digest": request.digest}
    approval = Approval.about(request, approver=BOB, quorums=(need.label,), groups_as_of=now, **by)
    counted = (Counted(approval=approval.id, approver=BOB, quorum=need.label),)
    approved = Approved.about(request, counted=counted, begin_by=now + timedelta(minutes=15), **by)
    intent = GrantIntent.about(
        request, at=now, actor="worker@bench", source=Source.WORKER, ends_at=ends_at, held_before=()
    )
    return [asked, approval, approved, intent]


def _granted(request: Request, now: datetime) -> Granted:
    return Granted.about(
        request,
        at=now,
        actor="worker@bench",
        source=Source.WORKER,
        ends_at=request.ends_at,
        read_back=request.permissions,
    )


def _policies(folder: Path) -> Path:
    """The sample's people, and a file more."""
    policies = folder / "policies"
    policies.mkdir()
    for file in POLICIES.glob("*.policy.yml"):
        (policies / file.name).write_text(file.read_text())
    members = "\n".join(f"    - {_slack_id(number)}" for number in range(PEOPLE))
    people = "\n".join(f"  {_slack_id(number)}: {{postgres: {_login(number)}}}" for number in range(PEOPLE))
    accesses = "".join(ACCESS.format(number=number) for number in range(ACCESSES))
    text = f"groups:\n  crowd:\n{members}\npeople:\n{people}\naccess:\n{accesses}"
    (policies / "crowd.policy.yml").write_text(text)
    return policies


def _slack_id(number: int) -> str:
    return f"U9CROWD{number:03}"


def _login(number: int) -> str:
    return f"crowd{number:03}"
