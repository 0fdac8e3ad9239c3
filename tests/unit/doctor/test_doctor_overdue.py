"""What `jit doctor` says of what should have happened by now."""

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from jit.doctor import NotLookedAt, State
from jit.ledger.doctor.overdue import MOST, look_at_overdue
from jit.ledger.schema import entries, requests
from jit.ledger.unavailable import Forbidden
from jit.ports import TargetUnreachable
from tests.world.base import World, in_a_file
from tests.world.hands import TEST, Hands
from tests.world.tamper import past_the_guards


@pytest.fixture
def house(tmp_path):
    return Hands(tmp_path, ledger=in_a_file(tmp_path))


def told(house):
    url = SecretStr(f"sqlite:///{house.folder / 'ledger.db'}")
    return [(line.state, line.what) for line in look_at_overdue(url, house.clock)]


def the_one(house):
    ((state, what),) = told(house)
    assert state is State.MEND, what
    return what


def test_access_40_s_overdue_while_worker_and_timekeeper_are_stopped_is_to_be_mended(house):
    house.active(minutes=30)
    house.clock.move(minutes=30, seconds=40)
    assert the_one(house) == "R-TEST, orders-db/read: access that is over and not taken away, 40 s late"


def test_an_order_to_end_that_nobody_carries_out_is_found_before_the_end(house):
    house.active(minutes=30)
    house.clock.move(minutes=1)
    house.story(TEST).released()
    house.clock.move(seconds=20)
    assert "access that is over and not taken away, 20 s late" in the_one(house)


def test_an_end_that_is_tried_and_fails_is_overdue_all_the_same(house):
    house.active(minutes=30)
    house.target.trouble = TargetUnreachable("no route")
    house.clock.move(minutes=30)
    house.timekeeper.sweep()
    house.clock.move(minutes=3)
    assert "access that is over and not taken away, 3 min late" in the_one(house)


def test_a_grant_that_waits_for_a_worker_is_to_be_mended(house):
    house.approved()
    house.clock.move(seconds=20)
    assert "approved and not given yet, 20 s late" in the_one(house)


def test_a_grant_left_undone_by_a_worker_that_fell_is_to_be_mended(house):
    house.approved(minutes=30)
    house.target.grant_trouble = TargetUnreachable("cut off")
    house.granter.grant(TEST)
    house.clock.move(seconds=40)
    assert "approved and not given yet, 10 s late" in the_one(house)


def test_a_request_that_nobody_lets_lapse_is_to_be_mended(house):
    house.asked()
    house.clock.move(hours=8, seconds=30)
    assert "unanswered and not lapsed, 30 s late" in the_one(house)


def test_what_is_in_time_and_what_is_over_is_fine(house):
    house.active("R-ENDED", minutes=30)
    house.clock.move(minutes=30)
    house.timekeeper.sweep()
    house.asked("R-WAITS")
    house.approved("R-BEGINS", access="ledger-db/read")
    assert told(house) == [(State.OK, "nothing is overdue")]


def test_a_read_model_that_says_all_is_well_hides_nothing(house):
    house.active(minutes=30)
    house.clock.move(minutes=30, seconds=40)
    with house.engine.begin() as connection:
        connection.execute(update(requests).values(state="ended", ends_at=None, wakes_at=None))
    assert "40 s late" in the_one(house)


def test_entries_that_were_changed_hide_nothing(house):
    house.active(minutes=30)
    house.clock.move(minutes=30, seconds=40)
    with house.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.kind == "granted").values(hash="0" * 64))
    assert "access that is over and not taken away" in the_one(house)


def test_of_many_the_latest_are_named_and_the_rest_counted(tmp_path):
    house = World(tmp_path, ledger=in_a_file(tmp_path))
    for number in range(MOST + 3):
        house.story(f"R-{1000 + number}", requester=f"U0{number:06}").active()
        house.clock.move(seconds=1)
    house.clock.move(hours=1)
    lines = [what for _, what in told(house)]
    assert lines[0].startswith("R-1000,")
    assert len(lines) == MOST + 1
    assert lines[-1] == "access that is over and not taken away: 3 more"


def test_without_a_ledger_or_the_right_to_read_it_nothing_is_looked_at(house, tmp_path, monkeypatch):
    with pytest.raises(NotLookedAt, match="no ledger yet"):
        list(look_at_overdue(SecretStr(f"sqlite:///{tmp_path / 'none.db'}"), house.clock))

    def refuse(_):
        raise Forbidden("permission denied for table requests")

    monkeypatch.setattr("jit.ledger.doctor.overdue.reading", refuse)
    with pytest.raises(NotLookedAt, match="does not let this login"):
        told(house)
