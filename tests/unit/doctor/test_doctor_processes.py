"""What `jit doctor` says of the processes, by the leases they hold."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from jit.doctor import NotLookedAt
from jit.doctor.line import State
from jit.ledger import Leases, Ledger, connect, create_tables
from jit.ledger.doctor.processes import Wanted, look_at_processes
from jit.ledger.unavailable import Forbidden
from jit.testing import ManualClock, Story

TIMEKEEPER = Wanted("timekeeper", "clock", "nothing ends by the clock")
WORKER = Wanted("worker", "worker#", "nothing is given", one_each=True)
SIGNER = Wanted("signer", "sign", "nothing is signed", optional=True)


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


@pytest.fixture
def begun(leases, url, clock):
    """Something is recorded already."""
    engine = connect(url)
    Story(Ledger(engine, clock), clock).asked()
    engine.dispose()


def line(url, clock, wanted=TIMEKEEPER):
    (found,) = look_at_processes(SecretStr(url), clock, [wanted])
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


def test_one_that_runs_on_a_host_whose_clock_is_behind_is_not_only_to_be_started(url, clock, leases):
    """It goes on taking its lease until a moment that is over, here as there."""
    clock.move(seconds=-30)
    leases.hold("clock", "timekeeper@there")
    clock.move(seconds=30)
    assert line(url, clock).remedy == (
        "Start it: jit timekeeper, or jit up. If it runs, the clock of its host is behind: set it right (NTP)."
    )


def test_who_was_stopped_in_good_order_and_not_started_again_is_to_be_mended(url, clock, leases, begun):
    leases.hold("clock", "timekeeper@here")
    leases.let_go("clock", "timekeeper@here")
    found = line(url, clock)
    assert found.state is State.MEND
    assert "no timekeeper runs" in found.what


def test_before_the_first_start_nobody_is_missing(url, clock, leases):
    assert line(url, clock).state is State.NOTE


def test_a_signer_may_have_been_stopped_for_good(url, clock, begun):
    assert line(url, clock, SIGNER).state is State.NOTE


def test_of_several_workers_one_at_work_is_enough(url, clock, leases, begun):
    assert line(url, clock, WORKER).state is State.MEND
    leases.hold("worker#killed", "worker@here")
    clock.move(minutes=1)
    assert line(url, clock, WORKER).state is State.MEND
    leases.hold("worker#new", "worker@here")
    assert line(url, clock, WORKER).state is State.OK
    leases.hold("worker#third", "worker@there")
    assert "2 workers are at work" in line(url, clock, WORKER).what


def test_a_lease_that_would_last_for_years_is_nobodys(url, clock, leases):
    Leases(connect(url), clock, timedelta(days=900)).hold("clock", "mallory")
    assert line(url, clock).state is State.MEND


def test_without_a_ledger_nothing_is_looked_at(url, clock):
    with pytest.raises(NotLookedAt):
        line(url, clock)


def test_a_right_that_is_missing_is_said(url, clock, leases, monkeypatch):
    def refuse(_):
        raise Forbidden("permission denied for table leases")

    monkeypatch.setattr("jit.ledger.doctor.processes.reading", refuse)
    with pytest.raises(NotLookedAt, match="does not let this login"):
        line(url, clock)
