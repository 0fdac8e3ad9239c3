"""What `jit doctor` says of the processes, by the leases they hold."""

import pytest
from pydantic import SecretStr

from jit.doctor import NotLookedAt
from jit.doctor.line import State
from jit.doctor.processes import look_at_processes
from jit.ledger import Leases, connect, create_tables
from jit.ledger.database import Forbidden
from jit.testing import ManualClock

WANTED = {"clock": ("timekeeper", "nothing ends by the clock")}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def leases(url, clock):
    engine = connect(url)
    create_tables(engine)
    yield Leases(engine, clock)
    engine.dispose()


def line(url, clock):
    (found,) = look_at_processes(SecretStr(url), clock, WANTED)
    return found


def test_who_holds_its_lease_is_at_work(url, clock, leases):
    leases.hold("clock", "timekeeper@here")
    assert line(url, clock).state is State.OK


def test_a_lease_that_ran_out_is_of_a_process_that_fell(url, clock, leases):
    leases.hold("clock", "timekeeper@here")
    clock.move(minutes=1)
    found = line(url, clock)
    assert found.state is State.MEND
    assert "nothing ends by the clock" in found.what
    assert "jit timekeeper" in found.remedy


def test_who_was_stopped_in_good_order_is_only_noted(url, clock, leases):
    leases.hold("clock", "timekeeper@here")
    leases.let_go("clock", "timekeeper@here")
    assert line(url, clock).state is State.NOTE


def test_without_a_ledger_nothing_is_looked_at(url, clock):
    with pytest.raises(NotLookedAt):
        line(url, clock)


def test_a_right_that_is_missing_is_said(url, clock, leases, monkeypatch):
    def refuse(_):
        raise Forbidden("permission denied for table leases")

    monkeypatch.setattr("jit.doctor.processes.reading", refuse)
    with pytest.raises(NotLookedAt, match="does not let this login"):
        line(url, clock)
