"""Somebody who writes to the ledger's database, or to Redis, keeps no access alive and gets none given."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jit.facts import AlertName, EndCause, Ended, GrantIntent, RevokeIntent, Source
from jit.ledger import Question, TamperedEntry
from jit.ledger.entry import hash_of
from jit.ports import TargetUnreachable
from jit.requests.due import GRANT_GIVEN_UP
from jit.requests.lifecycle import State
from jit.testing import T0
from tests.world.hands import Hands
from tests.world.tamper import past_the_guards
from workers.queue.job import Payload

FAR = T0 + timedelta(days=3650)


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def rewrite(house: Hands, kind: str, old: str, new: str, *, with_hash: bool = False) -> None:
    """Change an entry's bytes in the database; ``with_hash`` also what they are kept under."""
    with house.engine.begin() as connection, past_the_guards(connection):
        row = connection.execute(text('SELECT "index", body FROM entries WHERE kind = :kind'), {"kind": kind}).one()
        body = bytes(row.body).replace(old.encode(), new.encode())
        assert body != bytes(row.body)
        change = {"body": body, "hash": hash_of(body), "index": row.index}
        connection.execute(text('UPDATE entries SET body = :body WHERE "index" = :index'), change)
        if with_hash:
            connection.execute(text('UPDATE entries SET hash = :hash WHERE "index" = :index'), change)


def put_off_the_end(house: Hands, *, with_hash: bool) -> None:
    old = json.dumps((T0 + timedelta(minutes=30)).isoformat().replace("+00:00", "Z"))
    rewrite(house, "grant.intent", old, json.dumps(FAR.isoformat()), with_hash=with_hash)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE requests SET wakes_at = :far"), {"far": int(FAR.timestamp() * 1e6)})


def hide_from_the_read_model(house: Hands) -> None:
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE requests SET wakes_at = NULL, state = 'ended'"))


def order(house: Hands) -> str:
    (_, order) = house.queue.ends[-1]
    return order


def sweeps(house: Hands, *, restarted: bool = True) -> None:
    keeper = house.make_timekeeper("two") if restarted else house.timekeeper
    for _ in range(3):
        house.clock.move(seconds=2.1)
        keeper.sweep()


class TestAnEndPutOffInTheDatabase:
    @pytest.mark.parametrize("with_hash", [False, True])
    def test_is_not_put_off_for_the_signed_order(self, house: Hands, *, with_hash: bool) -> None:
        house.active(minutes=30)
        put_off_the_end(house, with_hash=with_hash)
        house.clock.move(minutes=30)
        assert house.jobs.perform(Payload("end", order(house))) is None
        assert house.target.gives == {}

    @pytest.mark.parametrize("with_hash", [False, True])
    def test_is_not_put_off_for_a_timekeeper_started_afterwards(self, house: Hands, *, with_hash: bool) -> None:
        house.active(minutes=30)
        put_off_the_end(house, with_hash=with_hash)
        house.clock.move(minutes=30)
        sweeps(house)
        assert house.target.gives == {}
        assert "ended" in house.kinds()

    def test_is_told_once_and_decides_nothing(self, house: Hands) -> None:
        house.active(minutes=30)
        put_off_the_end(house, with_hash=False)
        with pytest.raises(TamperedEntry):
            house.ledger.request("R-TEST")
        for _ in range(4):
            sweeps(house)
        assert [alert.name for alert in house.alerts()] == [AlertName.RECORD_BROKEN]
        assert "R-TEST" in house.target.gives


class TestAReadModelThatLies:
    def test_keeps_nothing_alive(self, house: Hands) -> None:
        house.active(minutes=30)
        hide_from_the_read_model(house)
        house.clock.move(minutes=30)
        sweeps(house)
        assert house.target.gives == {}
        assert house.request().end_cause is EndCause.EXPIRED

    def test_keeps_no_request_open(self, house: Hands) -> None:
        house.asked()
        hide_from_the_read_model(house)
        house.clock.move(hours=8)
        sweeps(house)
        assert house.request().state is State.LAPSED

    def test_keeps_nothing_alive_where_the_facts_are_gone_too(self, house: Hands) -> None:
        house.active(minutes=30)
        with house.engine.begin() as connection, past_the_guards(connection):
            connection.execute(text("DELETE FROM entries WHERE kind IN ('grant.intent', 'granted')"))
        house.clock.move(minutes=30)
        sweeps(house)
        assert house.target.gives == {}


def test_a_forged_end_in_the_record_does_not_keep_the_signed_order_from_ending(house: Hands) -> None:
    request = house.active(minutes=30)
    cause = {"cause": EndCause.EXPIRED, "existed": True, "sessions": 0, "left_behind": ()}
    house.ledger.append([Ended.about(request, at=T0, actor="worker@x", source=Source.WORKER, **cause)])
    house.clock.move(minutes=30)
    assert house.jobs.perform(Payload("end", order(house))) is None
    assert house.target.gives == {}
    assert [alert.name for alert in house.alerts()] == [AlertName.GRANT_LATE]


class TestAForgedIntent:
    def forge(self, house: Hands, *, at: datetime, ends_at: datetime) -> None:
        request = house.approved(minutes=30)
        about = {"actor": "worker@x", "source": Source.WORKER, "held_before": ()}
        house.ledger.append([GrantIntent.about(request, at=at, ends_at=ends_at, **about)])
        house.clock.move(seconds=6)

    def test_for_longer_than_was_approved_is_not_given(self, house: Hands) -> None:
        self.forge(house, at=T0, ends_at=FAR)
        house.granter.grant("R-TEST")
        assert house.target.gives == {}
        assert house.request().state is State.FAILED

    def test_dated_after_the_approval_lapsed_is_not_given(self, house: Hands) -> None:
        late = T0 + timedelta(minutes=15)
        self.forge(house, at=late, ends_at=late + timedelta(minutes=30))
        house.clock.move(minutes=15)
        house.granter.grant("R-TEST")
        assert house.target.gives == {}
        assert house.request().state is State.FAILED


class TestAChangedApproval:
    def change(self, house: Hands) -> None:
        rewrite(house, "approved", '"quorum":"', '"quorum":"another ')

    def test_gives_nothing(self, house: Hands) -> None:
        house.approved(minutes=30)
        self.change(house)
        house.granter.grant("R-TEST")
        assert house.target.gives == {}

    def test_hides_no_other_request(self, house: Hands) -> None:
        house.approved(minutes=30)
        self.change(house)
        house.asked("R-BOOK", access="ledger-db/read")
        assert [found.id for found in house.ledger.requests(Question())] == ["R-BOOK"]

    def test_keeps_no_other_duty_from_being_done(self, house: Hands) -> None:
        house.active(minutes=30)
        self.change(house)
        house.active("R-BOOK", access="ledger-db/read", minutes=30)
        house.clock.move(minutes=30)
        sweeps(house)
        assert house.targets["ledger-db"].gives == {}
        assert house.target.gives == {}
        assert house.request("R-BOOK").state is State.ENDED


def test_a_grant_left_undone_whose_entries_were_changed_is_ended(house: Hands) -> None:
    """That it failed cannot be recorded behind those."""
    house.approved(minutes=30)
    house.target.grant_trouble = TargetUnreachable("cut off")
    house.granter.grant("R-TEST")
    house.timekeeper.sweep()
    rewrite(house, "requested", "orders_read", "orders_fear")
    house.clock.time += GRANT_GIVEN_UP
    house.timekeeper.sweep()
    assert house.kinds()[-2:] == ["revoke.intent", "ended"]


class TestATimekeeperAtWork:
    """Both clocks are due at about the same time; one is enough."""

    def begun(self, house: Hands, *, ago: timedelta) -> None:
        request = house.active(minutes=30)
        house.clock.move(minutes=30)
        at = house.clock.now() - ago
        begun = RevokeIntent.about(request, at=at, actor="t@x", source=Source.TIMEKEEPER, cause=EndCause.EXPIRED)
        house.ledger.append([begun])

    def test_is_not_disturbed_by_the_signed_order(self, house: Hands) -> None:
        self.begun(house, ago=timedelta(seconds=1))
        again = house.jobs.perform(Payload("end", order(house)))
        assert again == house.clock.now() + timedelta(seconds=1)
        assert "R-TEST" in house.target.gives

    @pytest.mark.parametrize("ago", [timedelta(seconds=2), timedelta(days=-1)], ids=["long ago", "dated ahead"])
    def test_is_not_waited_for_if_it_began(self, house: Hands, ago: timedelta) -> None:
        self.begun(house, ago=ago)
        assert house.jobs.perform(Payload("end", order(house))) is None
        assert house.target.gives == {}
