"""Ends are carried out whatever else is broken, once, and told truly."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from jit.facts import EndCause, Ended, Lapsed, Released, RevokeFailed, Source
from jit.ports import TargetUnreachable
from jit.requests.lifecycle import State
from jit.testing import ALICE, T0
from tests.world.end_orders import order_about, signed
from tests.world.hands import KEY, Hands
from tests.world.spooling import SIGNED
from workers.end_orders.signed import sign, verify
from workers.provision.late_ends import STATED_LAG
from workers.queue.job import Payload


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def released(house: Hands, request_id: str = "R-TEST") -> None:
    request = house.request(request_id)
    house.ledger.append([Released.about(request, at=house.clock.now(), actor=ALICE, source=Source.SLACK)])


def refuse(*_: object) -> Any:
    raise TargetUnreachable("no route")


def facts(house: Hands, kind: type) -> list[Any]:
    return [entry.fact for entry in house.ledger.read(limit=10_000) if isinstance(entry.fact, kind)]


def take_in(house: Hands) -> int:
    house.ledger.cut = False
    return house.spool.take_in(house.ledger, SIGNED).recorded


def counted(house: Hands) -> list[list[str]]:
    """The kinds of what is appended from now on, for each append that is tried."""
    appends: list[list[str]] = []
    append = house.ledger.append

    def count(some: Any, **how: Any) -> Any:
        appends.append([fact.kind for fact in some])
        return append(some, **how)

    house.ledger.append = count  # type: ignore[method-assign]
    return appends


class TestAnEnd:
    def test_is_recorded_before_and_after(self, house: Hands) -> None:
        house.active(minutes=30)
        house.clock.move(minutes=30)
        assert house.revoker.end([house.request()]) == {"R-TEST"}
        assert house.target.gives == {}
        assert house.kinds()[-2:] == ["revoke.intent", "ended"]
        (ended,) = facts(house, Ended)
        assert (ended.cause, ended.existed, ended.sessions) == (EndCause.EXPIRED, True, 1)

    def test_keeps_the_cause_it_was_ordered_for(self, house: Hands) -> None:
        house.active()
        released(house)
        house.revoker.end([house.request()])
        assert house.request().end_cause is EndCause.RELEASED

    def test_by_two_at_once_is_recorded_once(self, house: Hands) -> None:
        house.active()
        released(house)
        stale = house.request()
        other = house.make_revoker(Source.TIMEKEEPER)
        revoke = house.target.revoke

        def first_the_other(*args: Any) -> Any:
            house.target.revoke = revoke  # type: ignore[method-assign]
            other.end([house.request()])
            return revoke(*args)

        house.target.revoke = first_the_other  # type: ignore[method-assign]
        assert house.revoker.end([stale]) == {"R-TEST"}
        assert house.kinds().count("ended") == 1
        assert house.kinds().count("revoke.intent") == 1

    def test_of_what_has_ended_does_nothing(self, house: Hands) -> None:
        house.active()
        released(house)
        stale = house.request()
        house.revoker.end([stale])
        before = house.kinds()
        assert house.revoker.end([stale]) == {"R-TEST"}
        assert house.kinds() == before

    def test_of_many_takes_few_appends(self, house: Hands) -> None:
        house.active()
        house.active("R-BOOK", access="ledger-db/read")
        requests = [house.request(), house.request("R-BOOK")]
        appends = counted(house)
        house.revoker.end(requests)
        assert appends == [["revoke.intent"] * 2, ["ended"] * 2]

    def test_of_many_that_come_late_takes_one_append_more(self, house: Hands) -> None:
        """Each told of by itself, 500 that were due in one second took six times as many appends, and longer still."""
        house.active(minutes=30)
        house.active("R-BOOK", access="ledger-db/read", minutes=30)
        house.clock.move(minutes=31)
        appends = counted(house)
        house.revoker.end([house.request(), house.request("R-BOOK")])
        assert appends == [["revoke.intent"] * 2, ["ended"] * 2, ["alert"] * 2]

    def test_of_many_of_which_another_was_faster_with_one_is_recorded_together_all_the_same(self, house: Hands) -> None:
        house.active()
        house.active("R-BOOK", access="ledger-db/read")
        stale = [house.request(), house.request("R-BOOK")]
        released(house)
        appends = counted(house)
        assert house.revoker.end(stale) == {"R-TEST", "R-BOOK"}
        assert appends == [["revoke.intent"] * 2] * 2 + [["ended"] * 2]

    def test_of_many_goes_on_when_one_has_changed(self, house: Hands) -> None:
        house.active()
        house.active("R-BOOK", access="ledger-db/read")
        stale = [house.request(), house.request("R-BOOK")]
        released(house)
        assert house.revoker.end(stale) == {"R-TEST", "R-BOOK"}
        assert house.request().state is house.request("R-BOOK").state is State.ENDED

    def test_of_many_goes_on_when_a_target_is_at_fault(self, house: Hands) -> None:
        house.active()
        house.active("R-BOOK", access="ledger-db/read")
        house.target.revoke = lambda *_: 1 // 0  # type: ignore[method-assign, assignment, return-value]
        assert house.revoker.end([house.request(), house.request("R-BOOK")]) == {"R-BOOK"}
        assert house.request().revoke_trouble == "a fault in the target: ZeroDivisionError"

    def test_that_leaves_something_behind_says_so(self, house: Hands) -> None:
        house.active()
        released(house)
        house.target.left_behind = ("table scratch",)
        house.revoker.end([house.request()])
        assert house.request().left_behind == ("table scratch",)
        assert [alert.name for alert in house.alerts()] == ["left_behind"]


class TestATargetThatDoesNotAnswer:
    def due(self, house: Hands) -> None:
        house.active(minutes=30)
        house.target.trouble = TargetUnreachable("no route")
        house.clock.move(minutes=30)

    def test_leaves_the_end_unproven(self, house: Hands) -> None:
        self.due(house)
        assert house.revoker.end([house.request()]) == frozenset()
        assert house.request().state is State.ENDING

    def test_is_recorded_when_it_is_news(self, house: Hands) -> None:
        self.due(house)
        for _ in range(3):
            house.revoker.end([house.request()])
            house.clock.move(seconds=1)
        assert len(facts(house, RevokeFailed)) == 1
        house.target.trouble = TargetUnreachable("something else")
        house.revoker.end([house.request()])
        assert len(facts(house, RevokeFailed)) == 2
        house.clock.move(minutes=5)
        house.revoker.end([house.request()])
        assert len(facts(house, RevokeFailed)) == 3

    def test_is_told_to_people_when_late_and_hourly(self, house: Hands) -> None:
        self.due(house)
        house.revoker.end([house.request()])
        assert house.alerts() == []
        house.clock.time += STATED_LAG + timedelta(seconds=1)
        for _ in range(3):
            house.revoker.end([house.request()])
        (alert,) = house.alerts()
        assert (alert.requester, alert.target, alert.principal) == (ALICE, "orders-db", "alice")
        assert alert.says == (
            "This should be gone by now, and could not be taken away (orders-db: no route). It is tried again. "
            "If this goes on: on orders-db, take fake R-TEST from alice by hand."
        )
        house.clock.move(hours=1)
        house.revoker.end([house.request()])
        assert len(house.alerts()) == 2

    def test_is_told_without_the_targets_name_doubled(self, house: Hands) -> None:
        self.due(house)
        house.target.trouble = TargetUnreachable("orders-db: no route")
        house.clock.time += STATED_LAG + timedelta(seconds=1)
        house.revoker.end([house.request()])
        (alert,) = house.alerts()
        assert "could not be taken away (orders-db: no route)." in alert.says

    def test_is_told_once_by_processes_that_cannot_ask_the_ledger(self, house: Hands) -> None:
        request = house.active(minutes=30)
        house.target.trouble = TargetUnreachable("no route")
        house.clock.move(minutes=31)
        house.ledger.cut = True
        for source in (Source.WORKER, Source.TIMEKEEPER):
            assert not house.make_revoker(source).end_unrecorded(request, request.ends_at)
        take_in(house)
        assert len(house.alerts()) == 1

    def test_is_told_again_of_what_is_found_there_long_after_it_ended(self, house: Hands) -> None:
        request = house.active(minutes=30)
        held = house.target.gives["R-TEST"]
        house.clock.move(minutes=31)
        house.target.trouble = TargetUnreachable("no route")
        house.revoker.end([request])
        house.clock.move(minutes=80)
        house.revoker.end([house.request()])
        house.target.trouble = None
        house.revoker.end([house.request()])
        house.clock.move(minutes=70)
        house.target.trouble = TargetUnreachable("no route")
        assert not house.revoker.revoke_late("orders-db", held)
        take_in(house)
        assert [alert.name for alert in house.alerts()] == ["end_late"] * 3

    def test_is_recorded_with_every_try_counted(self, house: Hands) -> None:
        self.due(house)
        for _ in range(14):
            house.revoker.end([house.request()])
        house.target.trouble = TargetUnreachable("something else")
        house.revoker.end([house.request()])
        assert facts(house, RevokeFailed)[-1].attempts == 15

    def test_is_counted_on_by_another_process(self, house: Hands) -> None:
        self.due(house)
        other = house.make_revoker(Source.TIMEKEEPER)
        other.end([house.request()])
        for trouble in ("one", "two", "three"):
            house.target.trouble = TargetUnreachable(trouble)
            house.revoker.end([house.request()])
        house.target.trouble = TargetUnreachable("four")
        other.end([house.request()])
        assert [fact.attempts for fact in facts(house, RevokeFailed)] == [1, 2, 3, 4, 5]

    def test_is_told_once_by_several_processes(self, house: Hands) -> None:
        self.due(house)
        house.clock.time += STATED_LAG + timedelta(seconds=1)
        house.revoker.end([house.request()])
        house.make_revoker(Source.TIMEKEEPER).end([house.request()])
        assert len(house.alerts()) == 1


class TestWithoutTheLedger:
    def test_access_ends_and_the_facts_come_later(self, house: Hands) -> None:
        request = house.active(minutes=30)
        house.clock.move(minutes=30)
        house.ledger.cut = True
        assert house.revoker.end([request]) == {"R-TEST"}
        assert house.target.gives == {}
        assert take_in(house) == 2
        assert house.request().state is State.ENDED
        assert all(fact.spooled for fact in facts(house, Ended))

    def test_a_ledger_lost_between_intent_and_outcome_loses_nothing(self, house: Hands) -> None:
        request = house.active()
        house.ledger.cut_before = frozenset({"ended"})
        assert house.revoker.end([request]) == {"R-TEST"}
        house.ledger.cut_before = frozenset()
        assert take_in(house) == 1
        assert house.request().state is State.ENDED

    def test_a_spool_that_cannot_be_written_keeps_no_access_alive(self, house: Hands) -> None:
        request = house.active()
        (house.folder / "spool").write_text("a file where the folder should be")
        house.ledger.cut = True
        assert house.revoker.end([request]) == {"R-TEST"}
        assert house.target.gives == {}


class TestASignedOrder:
    def order(self, house: Hands) -> str:
        (_, text) = house.queue.ends[-1]
        return text

    def test_ends_what_is_due(self, house: Hands) -> None:
        house.active(minutes=30)
        house.clock.move(minutes=30)
        assert house.jobs.perform(Payload("end", self.order(house))) is None
        assert house.request().state is State.ENDED

    def test_before_its_time_waits_for_it(self, house: Hands) -> None:
        house.active(minutes=30)
        assert house.jobs.perform(Payload("end", self.order(house))) == T0 + timedelta(minutes=30)
        assert "R-TEST" in house.target.gives

    def test_before_its_time_waits_for_it_with_the_ledger_gone_too(self, house: Hands) -> None:
        house.active(minutes=30)
        house.ledger.cut = True
        assert house.jobs.perform(Payload("end", self.order(house))) == T0 + timedelta(minutes=30)
        assert "R-TEST" in house.target.gives

    def test_ends_access_with_the_ledger_gone_by_itself(self, house: Hands) -> None:
        house.active(minutes=30)
        house.clock.move(minutes=30)
        house.ledger.cut = True
        assert house.jobs.perform(Payload("end", self.order(house))) is None
        assert house.target.gives == {}
        assert take_in(house) == 2
        assert house.request().state is State.ENDED

    def test_of_what_was_released_before_changes_nothing(self, house: Hands) -> None:
        house.active(minutes=30)
        released(house)
        house.revoker.end([house.request()])
        before = house.kinds()
        house.clock.move(minutes=30)
        assert house.jobs.perform(Payload("end", self.order(house))) is None
        assert house.kinds() == before

    def test_of_what_has_ended_asks_the_ledger_once(self, house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
        """That nothing is left the target says."""
        order = signed(house.active(minutes=30), T0 + timedelta(minutes=30))
        released(house)
        house.revoker.end([house.request()])
        house.clock.move(minutes=30)
        monkeypatch.setattr(house.ledger, "request_as_written", lambda _: pytest.fail("asked twice"))
        assert house.jobs.end(order) is None

    def test_of_what_was_released_is_no_alert_while_the_target_cannot_be_asked(self, house: Hands) -> None:
        """It has ended, and was read back: that it should be gone and is not would be untrue. It is asked later."""
        house.active(minutes=30)
        released(house)
        house.revoker.end([house.request()])
        late = house.target.gives.get("R-TEST")
        house.clock.move(minutes=31)
        house.target.trouble = TargetUnreachable("no route")
        assert house.jobs.perform(Payload("end", self.order(house))) is not None
        assert (late, house.alerts()) == (None, [])

    def test_of_what_is_found_though_it_was_released_is_one_if_it_cannot_be_taken(self, house: Hands) -> None:
        house.active(minutes=30)
        held = house.target.gives["R-TEST"]
        released(house)
        house.revoker.end([house.request()])
        house.clock.move(minutes=31)
        house.target.gives["R-TEST"] = held
        house.target.revoke = refuse  # type: ignore[method-assign]
        assert house.jobs.perform(Payload("end", self.order(house))) is not None
        house.target.trouble = TargetUnreachable("no route")
        assert house.jobs.perform(Payload("end", self.order(house))) is not None
        assert [alert.name for alert in house.alerts()] == ["end_late"]

    @pytest.mark.parametrize("ledger_gone", [False, True])
    def test_of_a_grant_never_given_touches_nothing(self, house: Hands, *, ledger_gone: bool) -> None:
        request = house.approved(minutes=30)
        order = signed(request, T0 + timedelta(minutes=30))
        house.ledger.append([Lapsed.about(request, at=T0, actor="x", source=Source.WORKER, because="not_begun")])
        before = house.kinds()
        house.clock.move(minutes=30)
        house.ledger.cut = ledger_gone
        assert house.jobs.perform(Payload("end", order)) is None
        take_in(house)
        assert house.kinds() == before
        assert ("revoke", "R-TEST") not in house.target.calls

    def test_comes_again_if_the_target_does_not_answer(self, house: Hands) -> None:
        house.active(minutes=30)
        house.clock.move(minutes=30)
        house.target.trouble = TargetUnreachable("no route")
        again = house.jobs.perform(Payload("end", self.order(house)))
        assert again is not None
        assert again > house.clock.now()

    def test_for_a_request_the_ledger_has_never_heard_of_ends_it_loudly(self, house: Hands) -> None:
        request = house.active(minutes=30)
        order = signed(request, T0, request_id="R-LOST")
        house.target.gives["R-LOST"] = house.target.gives.pop("R-TEST")
        assert house.jobs.perform(Payload("end", order)) is None
        assert house.target.gives == {}
        assert [alert.name for alert in house.alerts()] == ["grant_late"]

    def test_that_no_worker_signed_is_recorded_and_ignored(self, house: Hands) -> None:
        request = house.active(minutes=30)
        house.clock.move(minutes=30)
        forged = sign(b"x" * 32, order_about(request, T0))
        for _ in range(5):
            assert house.jobs.perform(Payload("end", forged)) is None
        assert "R-TEST" in house.target.gives
        refused = [entry.fact for entry in house.ledger.read() if entry.fact.kind == "refused"]
        assert [fact.reason for fact in refused] == ["bad_ticket"]  # type: ignore[union-attr]


def pending(house: Hands) -> None:
    house.asked()


def approved(house: Hands) -> None:
    house.approved()


def active(house: Hands) -> None:
    house.active()


@pytest.mark.parametrize("prepare", [pending, approved, active])
def test_a_bare_word_to_revoke_ends_only_what_was_ordered_to_end(
    house: Hands, prepare: Callable[[Hands], None]
) -> None:
    prepare(house)
    before = house.kinds()
    house.jobs.perform(Payload("revoke", "R-TEST"))
    assert house.kinds() == before


def test_a_word_to_revoke_ends_what_was_ordered_to_end(house: Hands) -> None:
    house.active()
    released(house)
    house.jobs.perform(Payload("revoke", "R-TEST"))
    assert house.request().state is State.ENDED


def test_a_fault_in_a_job_does_not_escape(house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(_: str) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(house.granter, "grant", fault)
    assert house.jobs.perform(Payload("grant", "R-TEST")) is not None


def test_the_order_of_a_grant_says_what_the_facts_say(house: Hands) -> None:
    request = house.active()
    order = verify(KEY, house.queue.ends[-1][1])
    for name in ("id", "requester", "access", "target", "permissions", "principal", "policy_version"):
        assert getattr(order, name) == getattr(request, name)


def test_what_a_target_says_of_people_stands_in_no_log_line(house: Hands) -> None:
    """The record has it, sealed."""
    given = house.active("R-GIVEN", access="ledger-db/read")
    house.approved("R-TEST")
    house.target.grant_trouble = TargetUnreachable("orders-db: busy, alice holds its lock")
    with capture_logs() as lines:
        house.granter.grant("R-TEST")
        for target in house.targets.values():
            target.trouble = TargetUnreachable("alice owns a table")
        house.revoker.roll_back(house.request("R-TEST"), "it was not given")
        house.revoker.end([given], EndCause.EXPIRED)
        house.revoker.end_unrecorded(given, None)
    told = [line["event"] for line in lines if line["event"] not in ("entry.recorded", "target.opened")]
    assert told == ["grant.put_off", "grant.unclear", "revoke.failed", "revoke.failed"]
    assert "alice" not in str(lines)
