"""What is not over yet, in memory: taken in some at a time, and found when its moment has come."""

from datetime import timedelta
from pathlib import Path

import pytest

from jit.requests.lifecycle import State
from tests.unit.workers.test_rights_first import MORE
from tests.world.base import in_a_file
from tests.world.hands import RULES, Hands
from workers.provision import watchlist
from workers.provision.watchlist import Watchlist

MANY = 7
IDS = [f"R-AA{number:02}" for number in range(MANY)]


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    rules = RULES + "".join(MORE.format(number=number) for number in range(MANY))
    made = Hands(tmp_path, rules=rules, ledger=in_a_file(tmp_path))
    for number, request_id in enumerate(IDS):
        made.active(request_id, access=f"orders-db/read{number}", minutes=30 + number)
    return made


def test_what_was_open_before_is_taken_in_some_at_a_time(house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlist, "FROM_BEFORE", 3)
    watch = Watchlist()
    assert not watch.complete
    known = []
    while not watch.complete:
        watch.refresh(house.ledger)
        known.append(len(watch.live_on("orders-db")))
    assert known == [3, 6, 7]


def test_what_is_new_is_taken_in_where_there_is_no_time_for_what_was_open_before(house: Hands) -> None:
    watch = Watchlist()
    watch.refresh(house.ledger, from_before=False)
    assert not watch.complete
    house.active("R-NEW2", access="orders-db/read")
    watch.refresh(house.ledger, from_before=False)
    assert [request.id for request in watch.live_on("orders-db")] == ["R-NEW2"]
    watch.refresh(house.ledger)
    assert watch.complete


def test_a_start_does_what_the_ledger_says_is_due_before_it_has_taken_in_all(
    house: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchlist, "FROM_BEFORE", 1)
    house.clock.move(minutes=31 + MANY)
    house.timekeeper.sweep()
    assert {house.request(request_id).state for request_id in IDS} == {State.ENDED}


def test_each_wants_attention_when_its_moment_has_come_and_still_does_when_the_clock_is_set_back(house: Hands) -> None:
    watch, now = Watchlist(), house.clock.now()
    watch.refresh(house.ledger)
    assert watch.waking(now) == []
    assert watch.next_moment() == house.request(IDS[0]).ends_at
    assert watch.waking(now + timedelta(minutes=31, seconds=1)) == IDS[:2]
    assert watch.waking(now) == []
    assert [request.id for request in watch.due(now + timedelta(hours=1))] == IDS


def test_what_has_ended_is_nobodys_any_more(house: Hands) -> None:
    watch = Watchlist()
    watch.refresh(house.ledger)
    house.revoker.end([house.request(request_id) for request_id in IDS])
    watch.refresh(house.ledger)
    assert not watch.any_live_on("orders-db")
    assert watch.waking(house.clock.now() + timedelta(days=1)) == []
    assert watch.get(IDS[0]) is None
