"""A clock, a ledger, rules, people and a queue: what everything else is made of."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jit.facts import Fact
from jit.ledger import connect, create_tables
from jit.policy import PolicyFolder
from jit.ports import Clock, Queue
from jit.requests.lifecycle import Request
from jit.testing import (
    ALICE,
    BOB,
    CAROL,
    EVE,
    InMemoryDirectory,
    InMemoryIncidents,
    InMemoryLedger,
    InMemoryQueue,
    InterruptibleLedger,
    ManualClock,
    Story,
    ledger_in,
)

SAM = "U05SAM000"
ENGINEERS, ON_CALL = "S0ENGIN01", "S0ONCALL1"
AUDIT, ALERTS, REQUESTS = "C0AUDIT01", "C0ALERT01", "C0ACCESS1"

RULES = """
channels: {audit: C0AUDIT01, alerts: C0ALERT01}
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
    describe: Read every table of orders
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


def in_a_file(folder: Path) -> Callable[[Clock], InterruptibleLedger]:
    """For a world whose ledger is read by its path, or copied: `ledger.db` in ``folder``."""
    return partial(ledger_in, folder / "ledger.db")


def ledger_at(url: str, clock: Clock) -> InterruptibleLedger:
    engine = connect(url)
    create_tables(engine)
    return InterruptibleLedger(engine, clock)


class World:
    """``folder`` is for what a test puts there. ``rules`` are a file's text, or a folder of files; ``ledger`` makes
    the ledger.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Any = None,
        rules: str | Path = RULES,
        ledger: Callable[[Clock], InterruptibleLedger] = InMemoryLedger,
        queue: Queue | None = None,
    ) -> None:
        self.folder = folder
        self.clock = clock or ManualClock()
        self.ledger = ledger(self.clock)
        self.engine = self.ledger.engine
        self.policy_file = folder / "policies" / "test.policy.yml"
        if isinstance(rules, str):
            self.policy_file.parent.mkdir(exist_ok=True)
            self.policy_file.write_text(rules)
        self.incidents = InMemoryIncidents(self.clock)
        self.policies = PolicyFolder(rules if isinstance(rules, Path) else self.policy_file.parent, self.clock)
        self.directory: Any = InMemoryDirectory(self.clock, ALICE, BOB, CAROL, EVE, SAM)
        self.directory.members = {ENGINEERS: frozenset({ALICE, EVE}), ON_CALL: frozenset({SAM})}
        self.queue: Any = queue or InMemoryQueue()

    def rules(self, *changes: tuple[str, str], text: str = RULES) -> None:
        """New policy files, in force at once."""
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.policy_file.write_text(text)
        self.clock.move(seconds=1)

    def story(self, request_id: str = "R-7F3K", **fields: Any) -> Story:
        return Story(self.ledger, self.clock, request_id, fields)

    def request(self, request_id: str) -> Request:
        """As it is now."""
        found = self.ledger.request(request_id)
        assert found is not None
        return found

    def facts(self, kind: str = "") -> list[Fact]:
        """Everything recorded, or all of one kind, oldest first; what cannot be read any more is passed over."""
        recorded = (entry.fact for entry in self.ledger.read(limit=10_000, skip_unreadable=True))
        return [fact for fact in recorded if kind in ("", fact.kind)]

    def kinds(self, request_id: str = "") -> list[str]:
        """What the ledger holds, or holds about one request, in order."""
        if request_id:
            return [entry.fact.kind for entry in self.ledger.history(request_id)]
        return [fact.kind for fact in self.facts()]

    def alerts(self) -> list[Any]:
        return self.facts("alert")
