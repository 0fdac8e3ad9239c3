"""What the workers record when they start."""

from threading import Event

import pytest

from jit.facts import Started
from jit.ledger import Ledger, LedgerUnavailable
from jit.ports import Finding
from jit.runtime.settings import WorkerSettings
from tests.world.hands import Hands
from workers.main import run_timekeeper


@pytest.fixture
def house(tmp_path):
    return Hands(tmp_path)


def start(house):
    """Begin as a timekeeper, and stop at once."""
    settings = WorkerSettings(data=house.folder, policies=house.policy_file.parent, ledger_url=house.ledger.url)
    told = Event()
    told.set()
    run_timekeeper(settings, clock=house.clock, stop=told, open_target=lambda name, *_: house.targets[name])


def started(house):
    (fact,) = [entry.fact for entry in house.ledger.read() if isinstance(entry.fact, Started)]
    return fact


def test_a_ledger_that_does_not_answer_is_said_in_words_for_people(house, monkeypatch):
    def silent(_ledger):
        raise LedgerUnavailable("OperationalError: connection to server on socket /tmp/x failed")

    monkeypatch.setattr(Ledger, "require_clocks_agree", silent)
    start(house)

    (warning,) = started(house).warnings
    assert warning.startswith("The ledger's database does not answer")
    assert "OperationalError" not in warning


def test_a_target_out_of_reach_is_named_once_at_the_start(house):
    house.target.check = lambda *_: [Finding(ok=False, what="orders-db: cannot be reached")]
    start(house)

    assert started(house).warnings == ("orders-db: cannot be reached.",)


def test_a_permission_that_a_target_cannot_give_is_a_warning_at_the_start(house):
    house.targets["orders-db"].missing = frozenset({"orders_read", "books_read"})
    start(house)

    assert started(house).warnings == ("orders-db: gives orders_read.",)
