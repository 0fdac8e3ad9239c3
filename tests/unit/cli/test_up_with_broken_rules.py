"""`jit up` after a crash, with policy files that are broken: what was given has to end all the same."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jit.cli import up
from jit.cli.main import cli
from jit.ledger import connect, create_tables
from jit.policy import PolicyError, PolicyFolder, TargetConfig
from jit.proof.audit.policy_texts import PolicyTexts
from jit.runtime.settings import CannotStart
from jit.runtime.supervisor import Child
from jit.testing import ManualClock
from workers.rules import FILE, LastRules
from workers.targets.known import KnownTargets

RULES = """
channels: {audit: C0AUDIT01}
security: [U03CAROL0]
people: {U01ALICE0: {postgres: alice}}
targets:
  orders-db: {kind: postgres, dsn: "env:ORDERS_DSN"}
schedules:
  orders: {kind: pagerduty, schedule: PI7DH85, token: "env:PAGER_TOKEN"}
access:
  orders-db/read:
    describe: Read orders
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - all_of: [{from: [U03CAROL0]}]
"""


class Began(CannotStart):
    """As far as the test goes."""


class Place:
    """A folder with rules and data, and what `jit up` begins there."""

    def __init__(self, folder: Path) -> None:
        self.data, self.rules = folder / "var", folder / "policies" / "a.policy.yml"
        self.rules.parent.mkdir()
        self.data.mkdir()
        self.children: dict[str, Child] = {}

    def begin(self, children: list[Child]) -> None:
        self.children = {child.name: child for child in children}
        raise Began("far enough")

    def run_before(self) -> str:
        """As workers did. Returns the version of the rules."""
        engine = connect(f"sqlite:///{self.data / 'ledger.db'}")
        create_tables(engine)
        policies, texts = PolicyFolder(self.rules.parent, ManualClock()), PolicyTexts(engine)
        LastRules(policies, texts, self.data).look()
        texts.keep_what_was_read(policies)
        KnownTargets(self.data).keep(policies.current().targets)
        return policies.current().version

    def up(self) -> Result:
        secrets = {"ORDERS_DSN": "postgresql://orders", "PAGER_TOKEN": "token", "REDIS_URL": "redis://localhost:1"}
        slack = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
        here = {"JIT_DATA": str(self.data), "JIT_POLICIES": str(self.rules.parent)}
        return CliRunner().invoke(cli, ["up"], env=here | slack | secrets)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(tmp_path)
    place.rules.write_text(RULES)
    monkeypatch.setattr(up, "look_first", lambda *_: [])
    monkeypatch.setattr(up, "Supervisor", place.begin)
    yield place
    assert "JIT_LIFELINE" not in os.environ


def test_goes_by_the_rules_of_before_and_hands_each_process_what_they_name(place: Place) -> None:
    version = place.run_before()
    place.rules.write_text("access: [")
    told = place.up()
    assert isinstance(told.exception, Began), told.output
    assert place.children["timekeeper"].env["ORDERS_DSN"] == "postgresql://orders"
    assert place.children["bot"].env["PAGER_TOKEN"] == "token"
    assert "policy.broken" in told.output
    assert version in told.output


def test_starts_for_the_ends_alone_where_no_rules_of_before_can_be_trusted(place: Place) -> None:
    place.run_before()
    (place.data / FILE).unlink()
    place.rules.write_text("access: [")
    told = place.up()
    assert isinstance(told.exception, Began), told.output
    assert place.children["timekeeper"].env["ORDERS_DSN"] == "postgresql://orders"
    assert {"bot", "worker-1", "worker-2", "signer"} <= place.children.keys()
    assert "policy.not_recalled" in told.output


def test_starts_where_a_target_of_before_needs_no_secret(place: Place) -> None:
    KnownTargets(place.data).keep({"files": TargetConfig("files", "folder", {"path": "/srv"})})
    place.rules.write_text("access: [")
    assert isinstance(place.up().exception, Began)


def test_a_first_start_says_every_mistake_and_starts_nothing(place: Place) -> None:
    place.rules.write_text(RULES.replace("8h", "8 parsecs"))
    told = place.up()
    assert isinstance(told.exception, PolicyError)
    assert "Write a duration" in str(told.exception)
    assert place.children == {}
