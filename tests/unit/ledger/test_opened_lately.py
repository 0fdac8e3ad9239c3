"""What several followers read is opened once, and never told after it was changed or erased."""

import pytest
from sqlalchemy import text

from jit.ledger import lately
from jit.ledger.database import writing
from jit.ledger.keys import KNOWN_FOR
from tests.world.base import World
from tests.world.tamper import past_the_guards


@pytest.fixture
def house(tmp_path) -> World:
    house = World(tmp_path)
    house.story().asked()
    return house


@pytest.fixture
def opens(monkeypatch) -> list[int]:
    seen: list[int] = []
    really = lately.opened
    monkeypatch.setattr(lately, "opened", lambda index, *rest: seen.append(index) or really(index, *rest))
    return seen


def test_an_entry_that_many_read_is_opened_once_for_a_while(house, opens):
    assert [house.ledger.read() for _ in range(3)] == [house.ledger.read()] * 3
    assert opens == [1]
    house.clock.move(seconds=KNOWN_FOR)
    house.ledger.read()
    assert opens == [1, 1]


def test_what_was_changed_since_is_opened_as_it_is_now(house, opens):
    (before,) = house.ledger.read()
    with writing(house.engine) as connection, past_the_guards(connection):
        connection.execute(text("UPDATE entries SET hash = :other"), {"other": "f" * 64})
    (after,) = house.ledger.read()
    assert (before.hash == after.hash, after.hash, opens) == (False, "f" * 64, [1, 1])


def test_with_other_keys_it_is_opened_anew(house, opens):
    (entry,) = house.ledger.read()
    keys, known = house.ledger.ring.of(entry.body), lately.OpenedLately(house.clock)
    opened = known.open(entry.index, entry.body, entry.hash, keys)
    erased = known.open(entry.index, entry.body, entry.hash, dict.fromkeys(keys))
    assert opened == entry
    assert erased.fact.why != entry.fact.why


def test_no_more_than_the_newest_are_remembered(house, opens):
    for number in range(lately.MOST):
        house.story(f"R-{1000 + number}", access=f"orders-db/{number}").asked()
    house.ledger.read()
    house.ledger.read(after=1)
    assert len(opens) == lately.MOST + 1
