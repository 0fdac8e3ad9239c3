"""A lockdown ends what is there and lets nothing new be given."""

from pathlib import Path

import pytest

from jit.facts import LockdownBegun, Source
from jit.testing import CAROL
from tests.world.hands import Hands


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def lock(house: Hands, scope: str = "everything", **what: str) -> None:
    fact = LockdownBegun(
        at=house.clock.now(),
        actor=CAROL,
        source=Source.SLACK,
        lockdown_id="L-TEST",
        scope=scope,
        reason="stop it",
        **what,
    )
    house.ledger.append_lockdown(fact, house.ledger.lockdowns())


def test_what_is_active_ends_and_names_the_lockdown(house: Hands) -> None:
    house.active()
    lock(house)
    house.timekeeper.sweep()
    ended = house.request()
    assert (ended.state, ended.end_cause, ended.lockdown) == ("ended", "lockdown", "L-TEST")
    assert house.target.list_grants() == []
