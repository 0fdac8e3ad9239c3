"""What nobody granted, from a DBA's hand to the alerts channel, and ended there with one press."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import yaml

from jit.facts import Reconciled
from jit.requests.lifecycle import State
from playground.sample import ALERTS
from tests.world.product import POLICIES, READ, product, role_of

pytestmark = [pytest.mark.scenario, pytest.mark.real]

EVERY = timedelta(minutes=10)


def test_what_is_given_on_by_hand_is_told_within_one_interval_and_revoked_from_the_alert(tmp_path: Path):
    rules = yaml.safe_load((POLICIES / "orders.policy.yml").read_text())
    rules["targets"]["orders-db"]["reconcile"] = {"every": "10m"}
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "orders.policy.yml").write_text(yaml.safe_dump(rules))
    with product(tmp_path / "house", policies=policies) as it:
        carol = it.stage.carol
        it.until(lambda: it.facts(Reconciled))
        request = it.reaches(it.granted(it.stage.alice, READ, it.stage.bob), State.ACTIVE)
        with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as dba:
            dba.execute(f"GRANT {role_of(request)} TO eve")
        it.pass_time(EVERY)
        alert = carol.finds(f"eve has {role_of(request)} on orders-db", channel=ALERTS)
        assert "by means of" in alert.text
        assert "Revoke" in alert.buttons
        carol.press(alert, "Revoke", confirm=True)
        it.reaches(request, State.ENDED)
        assert not it.holds("eve", "orders_read")
        assert [fact.outcome for fact in it.facts(Reconciled)] == ["new", "new"]
