"""A request that is read again is folded from what came since, and never told as it was before it was changed."""

from threading import Thread

import pytest
from sqlalchemy import text

from jit.ledger import LedgerUnavailable, TamperedEntry, database, folded
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
    really = folded.opened
    monkeypatch.setattr(folded, "opened", lambda index, *rest: seen.append(index) or really(index, *rest))
    return seen


def test_a_request_is_folded_once_for_a_while(house, opens):
    first = house.ledger.request("R-7F3K")
    assert house.ledger.request("R-7F3K") == first
    assert opens == [1]
    house.clock.move(seconds=KNOWN_FOR)
    assert house.ledger.request("R-7F3K") == first
    assert opens == [1, 1]


def test_of_one_that_went_on_only_that_is_opened(tmp_path, opens):
    house = World(tmp_path)
    story = house.story()
    story.asked()
    assert house.ledger.request(story.request.id)
    story.withdrawn()
    opens.clear()
    request = house.ledger.request(story.request.id)
    assert request is not None
    assert (request.state, opens) == ("withdrawn", [2])


@pytest.mark.parametrize(
    "change", ["hash = :other", "body = CAST(REPLACE(CAST(body AS TEXT), 'orders-db/read', 'orders-db/rood') AS BLOB)"]
)
def test_one_that_was_changed_since_is_told_as_changed(house, change):
    assert house.ledger.request("R-7F3K")
    with writing(house.engine) as connection, past_the_guards(connection):
        connection.execute(text(f"UPDATE entries SET {change}"), {"other": "f" * 64})
    with pytest.raises(TamperedEntry):
        house.ledger.request("R-7F3K")


def test_one_whose_first_entry_was_taken_out_is_told_as_changed(tmp_path):
    house = World(tmp_path)
    story = house.story()
    story.asked()
    story.withdrawn()
    assert house.ledger.request(story.request.id)
    with writing(house.engine) as connection, past_the_guards(connection):
        connection.execute(text('DELETE FROM entries WHERE "index" = 1'))
    with pytest.raises(TamperedEntry):
        house.ledger.request(story.request.id)


def test_with_other_keys_it_is_folded_anew(house):
    (entry,) = house.ledger.read()
    keys, known = house.ledger.ring.of(entry.body), folded.FoldedLately(house.clock, KNOWN_FOR)
    life = [(entry.index, entry.body, entry.hash)]
    read, erased = known.fold("R-7F3K", life, keys), known.fold("R-7F3K", life, dict.fromkeys(keys))
    assert read is not None
    assert erased is not None
    assert erased.why != read.why


def test_no_more_than_the_newest_are_remembered(house, opens, monkeypatch):
    monkeypatch.setattr(folded, "MOST", 2)
    for number in range(2):
        house.story(f"R-{1000 + number}", access=f"orders-db/{number}").asked()
    for request_id in ("R-7F3K", "R-1000", "R-1001", "R-1000", "R-7F3K"):
        house.ledger.request(request_id)
    assert opens == [1, 2, 3, 1]


def test_a_thread_that_does_not_get_its_turn_finds_the_ledger_silent(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    house, said = World(tmp_path), list[str]()

    def write() -> None:
        try:
            house.ledger.require_writable()
        except LedgerUnavailable as silent:
            said.append(str(silent))

    with writing(house.engine):
        thread = Thread(target=write)
        thread.start()
        thread.join()
    house.ledger.require_writable()
    assert said == ["other threads of this process have been writing all the while"]
