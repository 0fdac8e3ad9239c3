"""`jit reconcile` where a worker runs, against PostgreSQL."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.facts import Reconciled, Source
from jit.ledger import Ledger, connect, create_tables
from tests.world.hands import RULES

pytestmark = pytest.mark.real


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    return engine


@pytest.fixture
def jit(tmp_path, engine, prepared, dba, monkeypatch):
    for module in ("jit.cli.reconcile", "workers.reconcile.reconciler"):
        monkeypatch.setattr(f"{module}.SETTLES", timedelta(0))
    rules = tmp_path / "policies" / "rules.policy.yml"
    rules.parent.mkdir()
    head, _, tail = RULES.partition("targets:\n")
    accesses = tail.partition("  ledger-db/read:")[0].partition("access:")[2]
    target = "targets:\n  orders-db: {kind: postgres, dsn: env:ORDERS_DSN}\naccess:"
    rules.write_text(head.replace("{fake: alice}", "{postgres: alice}") + target + accesses)
    given = {
        "JIT_DATA": str(tmp_path),
        "JIT_POLICIES": str(rules.parent),
        "JIT_LEDGER_URL": str(engine.url),
        "ORDERS_DSN": prepared.dsn("worker", "orders"),
    }

    return Command(given)


@dataclass
class Command:
    given: dict[str, str]

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["reconcile", *arguments], env=self.given)


def comparisons(engine: Engine) -> list[Reconciled]:
    facts = Ledger(engine, SystemClock()).newest(("reconciled",), 100)
    return [fact for fact in facts if isinstance(fact, Reconciled)]


def test_what_stands_is_proposed_filled_in_and_agrees_until_somebody_gives_more(jit, engine, tmp_path, dba):
    proposed = jit("--propose", "orders-db")
    assert proposed.exit_code == 0
    assert 'principal: "root2"' in proposed.output
    assert comparisons(engine) == []
    file = tmp_path / "policies" / "standing.policy.yml"
    file.write_text(proposed.output)
    assert "is still to be filled in" in str(jit("orders-db").exception)
    assert comparisons(engine) == []
    file.write_text(proposed.output.replace('owner: ""', "owner: Carol").replace('reason: ""', "reason: reports"))
    agrees = jit("orders-db")
    assert agrees.exit_code == 0, agrees.output
    assert "orders-db: all agree" in agrees.output
    (fact,) = comparisons(engine)
    assert (fact.outcome, fact.source, fact.actor.partition(":")[0]) == ("agree", Source.CLI, "cli")
    dba.execute("GRANT orders_read TO eve")
    try:
        differs = jit()
    finally:
        dba.execute("REVOKE orders_read FROM eve")
    assert differs.exit_code == 1
    assert "eve has orders_read on orders-db (member), and nobody granted it" in differs.output
    assert jit().exit_code == 0
    assert [fact.outcome for fact in comparisons(engine)] == ["agree", "new", "agree"]


def test_a_target_that_nobody_named_is_a_mistake_and_one_that_does_not_answer_is_said_and_recorded(jit, engine):
    assert jit("else").exit_code == 2
    assert "There is: orders-db" in jit("else").output
    jit.given["ORDERS_DSN"] = "host=127.0.0.1 port=1 user=worker dbname=orders"
    away = jit("orders-db")
    assert away.exit_code == 1
    assert "could not be compared" in away.output
    assert [fact.outcome for fact in comparisons(engine)] == ["not_compared"]


def test_what_is_named_by_its_id_is_taken_away_and_recorded(jit, engine, dba):
    jit("orders-db")
    with psycopg.connect(dba.info.dsn, user="worker", autocommit=True) as worker:
        worker.execute("GRANT orders_read TO eve")
    (line,) = [line for line in jit("orders-db").output.splitlines() if "eve has orders_read" in line]
    taken = jit("orders-db", "--remove", line.split()[0])
    assert taken.exit_code == 0
    assert "taken away" in taken.output
    assert dba.execute("SELECT pg_has_role('eve', 'orders_read', 'MEMBER')").fetchone() == (False,)
    kinds = [entry.fact.kind for entry in Ledger(engine, SystemClock()).read()]
    assert kinds[-2:] == ["removal.intent", "removed"]
    assert jit("orders-db", "--remove", line.split()[0]).exit_code == 1
    (attribute,) = [line for line in jit("orders-db").output.splitlines() if "root2 has SUPERUSER" in line]
    assert jit("orders-db", "--remove", attribute.split()[0]).exit_code == 1
