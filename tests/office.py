"""A desk with everything it needs, on a SQLite ledger and real policy files, for unit tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jit.access import Request
from jit.asking import Asked
from jit.desk import Desk, Presser, Turned
from jit.facts import AnyFact, Refusal, Refused, Source, write_fact
from jit.ledger import connect, create_tables
from jit.policy import PolicyFolder
from tests.fakes import WORKSPACE, CuttableLedger, FakeDirectory, FakeQueue, SetClock
from tests.life import Story

ALICE, BOB, CAROL, EVE, SAM = "U01ALICE0", "U02BOB000", "U03CAROL0", "U04EVE000", "U05SAM000"
ENGINEERS, ON_CALL = "S0ENGIN01", "S0ONCALL1"
READ, ADMIN, LONE, NIGHT = "orders-db/read", "orders-db/admin", "orders-db/lone", "orders-db/night"
WHY = "db down: need a look at stuck orders"

POLICY = """
channels: {audit: C0AUDIT01}
security: [group:security]
groups:
  dba: [U02BOB000, U03CAROL0]
  security: [U03CAROL0, U05SAM000]
people:
  U01ALICE0: {fake: alice}
targets:
  orders-db: {kind: fake}
access:
  orders-db/read:
    describe: Read orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [U01ALICE0, "slack:S0ENGIN01"]
    approve:
      - all_of: [{from: [group:dba]}]
  orders-db/admin:
    describe: Own orders
    grants: [orders_admin]
    max_duration: 1h
    incident: 'INC-[0-9]+'
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of:
          - {from: [group:dba]}
          - {from: [group:security]}
  orders-db/lone:
    describe: Only Alice decides on this
    grants: [orders_read]
    max_duration: 1h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of: [{from: [U01ALICE0]}]
  orders-db/night:
    describe: The on-call decide on this
    grants: [orders_read]
    max_duration: 1h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of: [{from: ["slack:S0ONCALL1", U02BOB000]}]
"""


def presser(person: str, team: str | None = WORKSPACE, source: Source = Source.SLACK) -> Presser:
    return Presser(person, team, source)


ASK = Asked(READ, "30m", WHY)
TERMINAL = presser("cli:root@host", None, Source.CLI)


class Office:
    def __init__(self, folder: Path) -> None:
        self.clock = SetClock()
        self.folder = folder
        self.policy_file = folder / "policies" / "test.policy.yml"
        self.policy_file.parent.mkdir(exist_ok=True)
        self.policy_file.write_text(POLICY)
        self.engine = connect(f"sqlite:///{folder / 'ledger.db'}")
        create_tables(self.engine)
        self.ledger = CuttableLedger(self.engine, self.clock)
        self.directory = FakeDirectory(self.clock, ALICE, BOB, CAROL, EVE, SAM)
        self.directory.members = {ENGINEERS: frozenset({ALICE, EVE}), ON_CALL: frozenset({SAM})}
        self.policies = PolicyFolder(self.policy_file.parent, self.clock)
        self.queue = FakeQueue()
        self.desk = self.another_desk()

    def another_desk(self) -> Desk:
        return Desk(
            ledger=self.ledger,
            policies=self.policies,
            directory=self.directory,
            queue=self.queue,
            clock=self.clock,
        )

    def rules(self, *changes: tuple[str, str], text: str = POLICY) -> None:
        """New policy files, in force at once."""
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.policy_file.write_text(text)
        self.clock.move(seconds=1)

    def asked(self, access: str = READ) -> Request:
        return self.desk.request(presser(ALICE), Asked(access, "30m", WHY, "INC-42"))

    def approve(self, request: Request, by: str, digest: str | None = None) -> Request:
        return self.desk.approve(presser(by), request.id, digest or request.digest).request

    def approved(self, access: str = READ) -> Request:
        return self.approve(self.asked(access), BOB)

    def acts(self, request: Any, by: Presser) -> dict[str, Callable[[], object]]:
        """Every way to act on a request."""
        return {
            "approve": lambda: self.desk.approve(by, request.id, request.digest),
            "deny": lambda: self.desk.deny(by, request.id, request.digest, "no, as it is too late"),
            "withdraw": lambda: self.desk.withdraw(by, request.id),
            "release": lambda: self.desk.release(by, request.id),
            "revoke": lambda: self.desk.revoke(by, request.id, "no, as it is too late"),
        }

    def give(self, request: Request) -> None:
        """As a worker does."""
        story = Story(self.ledger, self.clock, id=request.id)
        story.intent()
        story.granted()

    def now(self, request: Request) -> Request:
        found = self.ledger.request(request.id)
        assert found is not None
        return found

    @property
    def facts(self) -> list[AnyFact]:
        return [entry.fact for entry in self.ledger.read(limit=10_000)]

    @property
    def kinds(self) -> list[str]:
        return [fact.kind for fact in self.facts]

    def refused(self, reason: Refusal, attempt: Any, *typed: str, about: Request | None = None) -> Turned:
        """The attempt is refused for this reason; the record gains that one fact, holding nothing typed."""
        before = self.facts
        with pytest.raises(Turned) as caught:
            attempt()
        facts = self.facts
        assert facts[:-1] == before
        fact = facts[-1]
        assert isinstance(fact, Refused)
        assert fact.reason is caught.value.reason is reason
        assert fact.request_id == (about.id if about else None)
        written = write_fact(fact).decode()
        assert not any(text in written for text in (*typed, WHY) if text)
        assert caught.value.says
        return caught.value
