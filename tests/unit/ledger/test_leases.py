"""Who may follow: one at a time, whatever happens to the clock."""

from datetime import timedelta

import pytest

from jit.ledger import Leases
from jit.testing import InMemoryLedger, ManualClock

LASTS = timedelta(seconds=5)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def leases(tmp_path, clock):
    return Leases(InMemoryLedger().engine, clock, LASTS)


def test_a_lease_is_held_until_it_runs_out(leases, clock):
    assert leases.hold("follow", "one")
    clock.move(seconds=4)
    assert not leases.hold("follow", "two")
    clock.move(seconds=1)
    assert leases.hold("follow", "two")


def test_a_lease_from_before_the_clock_was_set_back_blocks_nobody(leases, clock):
    assert leases.hold("follow", "killed")
    clock.time -= timedelta(hours=1)
    assert leases.hold("follow", "two")
    assert not leases.hold("follow", "three")
