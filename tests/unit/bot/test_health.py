"""The health names each part that a press needs, asks the ledger seldom, and writes nothing into it."""

import threading
from datetime import timedelta

import pytest

from bot.health import HOLDS_FOR, Health
from jit.ledger import Ledger, LedgerUnavailable, connect
from jit.policy import PolicyError
from tests.world.base import in_a_file
from tests.world.office import Office
from tests.world.raised import raised

ALL_WELL = {"slack": True, "ledger": True, "groups": True, "policies": True}


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path, ledger=in_a_file(tmp_path))


@pytest.fixture
def health(office):
    made = Health(ledger=office.ledger, directory=office.directory, policies=office.policies, clock=office.clock)
    made.connected = lambda: True
    return made


def test_all_is_well(health):
    assert health.ready() == ALL_WELL


def test_before_slack_is_reached_it_is_not_ready(office):
    health = Health(ledger=office.ledger, directory=office.directory, policies=office.policies, clock=office.clock)
    assert health.ready() == {**ALL_WELL, "slack": False}


def test_asking_leaves_no_entry_behind(office, health):
    before = office.ledger.last_index()
    assert health.ready()["ledger"]
    assert office.ledger.last_index() == before
    office.asked()
    assert [entry.index for entry in office.ledger.read()] == list(range(1, office.ledger.last_index() + 1))


def test_a_ledger_that_can_only_be_read_is_not_writable(office):
    office.asked()
    only_read = Ledger(connect(f"sqlite:///file:{office.folder / 'ledger.db'}?mode=ro&uri=true"), office.clock)
    assert only_read.last_index()
    with pytest.raises(LedgerUnavailable):
        only_read.require_writable()
    only_read.engine.dispose()


def test_a_table_of_entries_that_takes_none_is_seen(office, health):
    with office.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no'); END")
    assert health.ready() == {**ALL_WELL, "ledger": False}
    with office.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    office.clock.move(seconds=HOLDS_FOR)
    assert health.ready() == ALL_WELL


def test_stale_groups_are_named(office, health):
    office.directory.groups_age = timedelta(seconds=31)
    assert health.ready() == {**ALL_WELL, "groups": False}


def test_broken_policies_are_named(office, health):
    office.policy_file.write_text("acess: {}\n")
    assert health.ready() == {**ALL_WELL, "policies": False}


def test_a_broken_version_keeps_no_press_from_being_decided_by_the_one_before(office, health):
    office.policies.current()
    office.policy_file.write_text("acess: {}\n")
    office.clock.move(seconds=2)
    assert raised(PolicyError, office.policies.read)
    assert health.ready() == ALL_WELL


def test_an_answer_holds_for_a_while_whoever_asks(office, health, monkeypatch):
    asked = []
    monkeypatch.setattr(office.ledger, "require_writable", lambda: asked.append(1))
    for _ in range(100):
        health.ready()
    assert len(asked) == 1
    office.clock.move(seconds=HOLDS_FOR)
    health.ready()
    assert len(asked) == 2


def test_a_thread_that_died_is_named(health):
    go_on = threading.Event()
    health.watch(lives := threading.Thread(target=go_on.wait, name="cards"))
    health.watch(dies := threading.Thread(target=lambda: None, name="mirror"))
    lives.start()
    dies.start()
    dies.join()
    assert health.alive() == {"cards": True, "mirror": False}
    go_on.set()
    lives.join()
