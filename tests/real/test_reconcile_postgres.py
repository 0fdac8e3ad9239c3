"""What nobody granted in PostgreSQL, each kind made by hand, and found by one comparison."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from jit.detect.reconcile import SETTLES, Drift, Kind
from jit.facts import Alert, AlertName, Reconciled
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import T0
from tests.world.hands import RULES, Hands
from tests.world.orders import session
from tests.world.servers import both_versions
from workers.reconcile.reconciler import Comparison, Reconciler
from workers.targets.postgres import PostgresTarget

pytestmark = pytest.mark.real


class Office(Hands):
    def __init__(self, folder, target: PostgresTarget, rules: str = RULES) -> None:
        super().__init__(folder, rules=rules)
        self.targets["orders-db"] = target
        self.reconciler = self.make_reconciler()

    def compared(self) -> Comparison:
        """As a timekeeper does, with a second look where something differs."""
        found = self.reconciler.look("orders-db")
        if found is None:
            self.clock.move(seconds=SETTLES.total_seconds())
            found = self.reconciler.look("orders-db")
        assert found is not None
        return found

    def news(self) -> list[Drift]:
        known = {id for fact in self.ledger.newest(("reconciled",), 1) for id in fact.known}
        return [each for each in self.compared().differs if each.id not in known]

    def drift_alerts(self) -> list[Alert]:
        return [alert for alert in self.alerts() if alert.name is AlertName.DRIFT]


@pytest.fixture
def office(tmp_path, target: PostgresTarget) -> Iterator[Office]:
    """It has been compared once, with what was there before jit."""
    made = Office(tmp_path, target)
    made.compared()
    yield made


@pytest.fixture
def mallory(dba: psycopg.Connection) -> Iterator[str]:
    dba.execute("CREATE ROLE mallory LOGIN")
    yield "mallory"
    dba.execute("DROP OWNED BY mallory; DROP ROLE mallory")


@both_versions
def test_a_membership_given_by_hand_is_found_told_once_and_gone_when_it_is_taken_back(office, dba, mallory):
    before = len(office.drift_alerts())
    dba.execute("GRANT orders_read TO mallory")
    (drift,) = office.news()
    assert (drift.kind, drift.principal, drift.permission, drift.how) == (
        Kind.UNGRANTED,
        "mallory",
        "orders_read",
        "member",
    )
    (alert,) = office.drift_alerts()[before:]
    assert alert.says.startswith("mallory has orders_read on orders-db (member), and nobody granted it")
    assert office.news() == []
    assert len(office.drift_alerts()) == before + 1
    dba.execute("REVOKE orders_read FROM mallory")
    assert office.news() == []
    (fact,) = office.ledger.newest(("reconciled",), 1)
    assert isinstance(fact, Reconciled)
    assert fact.gone == (drift.id,)
