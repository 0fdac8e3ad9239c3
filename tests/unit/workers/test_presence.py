"""Workers say that they are at work, so that the doctor finds one missing."""

from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import select

from jit.ledger import Leases, connect, create_tables
from jit.ledger.schema import leases as table
from jit.testing import ManualClock
from tests.world.waiting import wait_until
from workers.queue.presence import FORGET_AFTER, LEASE, LEASE_LASTS, STUCK_AFTER, Presence


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def engine(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def worker(engine, clock):
    def of(token):
        leases = Leases(engine, clock, LEASE_LASTS)
        return Presence(leases=leases, clock=clock, token=token, holder=f"worker@here#{token}")

    return of


def held(engine):
    with engine.connect() as connection:
        return {row.name: row.until for row in connection.execute(select(table.c.name, table.c.until))}


def test_each_of_several_workers_holds_a_lease_of_its_own(engine, clock, worker):
    for token in ("one", "two"):
        worker(token).renew()
    assert held(engine) == {LEASE + token: clock.now() + LEASE_LASTS for token in ("one", "two")}


def test_a_worker_whose_loop_hangs_does_not_say_that_it_is_at_work(engine, clock, worker):
    hanging = worker("one")
    hanging.renew()
    before = held(engine)
    clock.move(seconds=STUCK_AFTER + 1)
    hanging.renew()
    assert held(engine) == before
    hanging.seen()
    hanging.renew()
    assert held(engine) != before


def test_what_killed_workers_left_is_cleared_away_by_the_living(engine, clock, worker):
    worker("killed").renew()
    clock.time += FORGET_AFTER + LEASE_LASTS + timedelta(seconds=1)
    worker("new").renew()
    assert list(held(engine)) == [LEASE + "new"]


def test_one_that_is_told_to_stop_gives_its_lease_back(engine, worker):
    stop, one = Event(), worker("one")
    thread = one.begin(stop)
    wait_until(lambda: held(engine))
    stop.set()
    thread.join()
    assert held(engine) == {}


def test_a_ledger_that_is_down_is_no_fault_of_a_worker(engine, worker):
    one = worker("one")
    table.drop(engine)
    one.renew()
    one.leave()
