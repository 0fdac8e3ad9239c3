"""What is due is done, whatever got lost and whatever is down."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from jit.facts import BEGIN_WITHIN, AlertName, EndCause, Escalation, Lapsed, RefusalReason, Released, Source
from jit.ledger import Spool
from jit.ledger.tail import Tail
from jit.people.person import Person
from jit.ports import Held, TargetUnreachable
from jit.requests.decision import before_effect
from jit.requests.due import GRANT_GIVEN_UP, GRANT_NUDGE, GRANT_STUCK, late_since
from jit.requests.lifecycle import State
from jit.testing import ALICE, BOB, T0, WORKSPACE
from tests.world.hands import Hands
from tests.world.spooling import SIGNED
from tests.world.waiting import HUNG, wait_until


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def left_granting(house: Hands, *, given: bool) -> None:
    """A grant whose worker died between intent and outcome."""
    house.approved(minutes=30)
    house.target.grant_trouble = TargetUnreachable("cut off")
    house.granter.grant("R-TEST")
    house.target.grant_trouble = None
    if given:
        house.target.gives["R-TEST"] = Held("R-TEST", "alice", ("orders_read",), T0 + timedelta(minutes=30))


def last(house: Hands, request_id: str = "R-TEST") -> Any:
    return house.ledger.history(request_id)[-1].fact


def test_what_is_due_is_ended(house: Hands) -> None:
    house.active(minutes=30)
    house.clock.move(minutes=30)
    house.timekeeper.sweep()
    assert house.target.gives == {}
    assert house.request().state is State.ENDED
    assert house.request().end_cause is EndCause.EXPIRED
    assert last(house).source is Source.TIMEKEEPER


def test_an_end_that_nobody_was_there_for_is_told_as_late_once_somebody_is(house: Hands) -> None:
    """All were down, the bot included: nobody told of it while it went on."""
    house.active(minutes=30)
    house.clock.move(minutes=30, seconds=33)
    house.make_timekeeper("just started").sweep()
    assert house.request().state is State.ENDED
    (alert,) = house.alerts()
    assert (alert.name, alert.request_id) == (AlertName.END_LATE, "R-TEST")
    assert alert.says.startswith("This ended 33 s after it should have, and nobody told so meanwhile")


def test_an_order_to_end_that_nobody_was_there_for_is_told_as_late(house: Hands) -> None:
    request = house.active(minutes=30)
    house.ledger.append([Released.about(request, at=house.clock.now(), actor=ALICE, source=Source.SLACK)])
    house.clock.move(seconds=20)
    house.make_timekeeper("just started").sweep()
    (alert,) = house.alerts()
    assert alert.says.startswith("This ended 20 s after it should have")


def test_an_end_that_was_told_as_late_is_told_once(house: Hands) -> None:
    house.active(minutes=30)
    house.clock.move(minutes=30)
    house.target.trouble = TargetUnreachable("no route")
    for _ in range(10):
        house.timekeeper.sweep()
        house.clock.move(seconds=1)
    house.target.trouble = None
    house.clock.move(minutes=2)
    house.timekeeper.sweep()
    assert house.request().state is State.ENDED
    assert [alert.name for alert in house.alerts()] == ["end_late"]


def test_what_is_not_due_is_left_alone(house: Hands) -> None:
    house.active(minutes=30)
    house.clock.move(minutes=29, seconds=59)
    house.timekeeper.sweep()
    assert house.request().state is State.ACTIVE
    assert "R-TEST" in house.target.gives


def test_an_order_to_end_that_nobody_heard_is_carried_out(house: Hands) -> None:
    house.active()
    house.ledger.append([Released.about(house.request(), at=T0, actor=ALICE, source=Source.SLACK)])
    house.timekeeper.sweep()
    assert house.request().end_cause is EndCause.RELEASED
    assert house.target.gives == {}


def fail(*_: object) -> None:
    raise OSError


def test_a_request_nobody_answered_lapses(house: Hands) -> None:
    house.asked()
    house.clock.move(hours=8)
    house.timekeeper.sweep()
    assert isinstance(last(house), Lapsed)
    assert last(house).because == "unanswered"


class TestAnApprovalWhoseGrantGotLost:
    def test_is_announced_again_but_not_all_the_time(self, house: Hands) -> None:
        house.approved()
        house.timekeeper.sweep()
        assert house.queue.grants == []
        house.clock.time += GRANT_NUDGE
        for _ in range(5):
            house.timekeeper.sweep()
        assert house.queue.grants == ["R-TEST"]
        house.clock.move(seconds=2)
        house.timekeeper.sweep()
        assert house.queue.grants == ["R-TEST", "R-TEST"]

    def test_lapses_when_it_was_not_begun(self, house: Hands) -> None:
        house.approved()
        house.clock.move(minutes=15)
        house.timekeeper.sweep()
        assert last(house).because == "not_begun"

    def test_does_not_disturb_without_redis(self, house: Hands) -> None:
        house.approved("R-LOST")
        house.active("R-BOOK", access="ledger-db/read", minutes=0.5)
        house.queue.gone = True
        house.clock.move(seconds=30)
        house.timekeeper.sweep()
        assert house.request("R-BOOK").state is State.ENDED


class TestAnApprovalThatBeginsLater:
    START = T0 + timedelta(days=3)

    def approved(self, house: Hands) -> None:
        house.approved(start_at=self.START)
        house.queue.grants.clear()

    def heard(self, house: Hands) -> None:
        """As the bot keeps it, which asks Slack all the while."""
        for person in (ALICE, BOB):
            house.directory.confirm(person, house.clock.now())

    def test_is_announced_when_its_time_has_come_and_given(self, house: Hands) -> None:
        self.approved(house)
        house.clock.time = self.START - timedelta(microseconds=1)
        house.timekeeper.sweep()
        house.granter.grant("R-TEST")  # a job that comes too soon
        assert (house.queue.grants, house.kinds()) == ([], ["requested", "approval", "approved"])
        house.clock.time = self.START
        house.timekeeper.sweep()
        assert house.queue.grants == ["R-TEST"]
        self.heard(house)
        house.granter.grant("R-TEST")
        assert house.request().state is State.ACTIVE
        assert house.request().ends_at == self.START + timedelta(minutes=30)
        assert house.target.gives

    def test_is_in_the_way_of_nothing_until_then(self, house: Hands) -> None:
        self.approved(house)
        house.clock.time = self.START - timedelta(seconds=1)
        assert house.ledger.waking(house.clock.now()) == []
        assert late_since(house.request(), house.clock.now()) is None
        house.clock.time = self.START + timedelta(minutes=1)
        assert late_since(house.request(), house.clock.now()) == self.START

    def test_lapses_as_long_after_it_as_ever(self, house: Hands) -> None:
        self.approved(house)
        house.clock.time = self.START + timedelta(minutes=15) - timedelta(seconds=1)
        house.timekeeper.sweep()
        assert house.request().state is State.APPROVED
        house.clock.move(seconds=1)
        house.timekeeper.sweep()
        assert last(house).because == "not_begun"

    def test_never_begins_once_it_was_withdrawn(self, house: Hands) -> None:
        self.approved(house)
        house.story("R-TEST").withdrawn()
        house.clock.time = self.START
        house.timekeeper.sweep()
        house.granter.grant("R-TEST")
        assert house.queue.grants == []
        assert house.target.gives == {}

    def test_is_weighed_anew_by_then(self, house: Hands) -> None:
        self.approved(house)
        house.keep(Person(id=BOB, team=WORKSPACE, name="Bob", deleted=True))
        house.clock.time = self.START
        self.heard(house)
        house.granter.grant("R-TEST")
        assert last(house).because == "no_longer_approved"
        assert house.target.gives == {}

    @pytest.mark.parametrize("unheard", [ALICE, BOB])
    def test_begins_only_if_it_was_asked_lately_who_asked_and_who_approved(self, house: Hands, unheard: str) -> None:
        """With the bot down, or Slack silent, since the press, who was deactivated meanwhile counted as they were."""
        self.approved(house)
        house.clock.time = self.START
        self.heard(house)
        for as_of in (self.START - BEGIN_WITHIN - timedelta(seconds=1), self.START + timedelta(hours=1)):
            house.directory.confirm(unheard, as_of)
            house.granter.grant("R-TEST")
            assert (house.request().state, house.target.gives) == (State.APPROVED, {})
        house.directory.confirm(unheard, self.START - BEGIN_WITHIN)
        house.granter.grant("R-TEST")
        assert house.request().state is State.ACTIVE

    def test_soon_after_the_press_needs_no_more_than_that(self, house: Hands) -> None:
        house.approved(start_at=T0 + BEGIN_WITHIN)
        house.directory.confirm(BOB, T0 - timedelta(days=3))  # the press wrote nothing: he is who he was
        house.clock.time = T0 + BEGIN_WITHIN
        house.granter.grant("R-TEST")
        assert house.request().state is State.ACTIVE

    def test_is_begun_by_no_intent_of_before(self, house: Hands) -> None:
        """Whoever recorded it."""
        self.approved(house)
        house.story("R-TEST").intent()
        found = before_effect(house.request(), house.policies, house.directory, house.clock.now())
        assert found.reason is RefusalReason.LAPSED


class TestAGrantLeftUndone:
    @pytest.mark.parametrize("given", [False, True])
    def test_is_announced_to_be_taken_up(self, house: Hands, *, given: bool) -> None:
        left_granting(house, given=given)
        house.clock.time += GRANT_STUCK
        house.timekeeper.sweep()
        assert house.queue.grants == ["R-TEST"]
        assert house.request().state is State.GRANTING

    def test_has_failed_if_nothing_was_given(self, house: Hands) -> None:
        left_granting(house, given=False)
        house.clock.time += GRANT_GIVEN_UP
        house.timekeeper.sweep()
        assert house.request().state is State.FAILED
        assert [alert.name for alert in house.alerts()] == ["grant_failed"]

    def test_is_taken_back_if_something_was_given(self, house: Hands) -> None:
        left_granting(house, given=True)
        house.clock.time += GRANT_GIVEN_UP
        house.timekeeper.sweep()
        assert house.target.gives == {}
        assert house.request().end_cause is EndCause.RECOVERED

    def test_is_not_said_to_have_failed_while_its_end_waits_in_the_spool(
        self, house: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left_granting(house, given=True)
        house.timekeeper.sweep()
        house.ledger.cut = True
        house.clock.move(minutes=30)
        house.timekeeper.sweep()
        assert house.target.gives == {}
        house.ledger.cut = False
        with monkeypatch.context() as stuck:
            stuck.setattr(Spool, "take_in", fail)
            house.clock.move(seconds=2)
            house.timekeeper.sweep()
        assert house.kinds()[-1] == "grant.intent"
        house.clock.move(minutes=1)
        house.timekeeper.sweep()
        house.timekeeper.sweep()
        assert house.kinds()[-2:] == ["revoke.intent", "ended"]
        assert house.alerts() == []

    def test_stays_open_while_the_target_does_not_say(self, house: Hands) -> None:
        left_granting(house, given=True)
        house.target.trouble = TargetUnreachable("no route")
        house.clock.time += GRANT_GIVEN_UP
        house.timekeeper.sweep()
        assert house.request().state is State.GRANTING


class TestATargetThatDoesNotAnswer:
    def due(self, house: Hands) -> None:
        house.active(minutes=30)
        house.target.trouble = TargetUnreachable("no route")
        house.clock.move(minutes=30)

    def tries(self, house: Hands) -> int:
        return house.target.calls.count(("revoke", "R-TEST"))

    def test_is_asked_less_and_less_often(self, house: Hands) -> None:
        self.due(house)
        for _ in range(100):
            house.timekeeper.sweep()
            house.clock.move(seconds=3)
        assert 8 <= self.tries(house) <= 15

    def test_is_tried_at_once_when_it_is_back(self, house: Hands) -> None:
        self.due(house)
        for _ in range(100):
            house.timekeeper.sweep()
            house.clock.move(seconds=1)
        tries = self.tries(house)
        house.timekeeper.sweep()
        assert self.tries(house) == tries
        house.target.trouble = None
        house.clock.move(seconds=2)
        house.timekeeper.sweep()
        house.timekeeper.sweep()
        assert house.request().state is State.ENDED

    def test_does_not_hold_up_another(self, house: Hands) -> None:
        house.active(minutes=30)
        house.active("R-BOOK", access="ledger-db/read", minutes=30)
        release = threading.Event()
        house.target.revoke = lambda *_: release.wait(HUNG)  # type: ignore[assignment, return-value]
        house.clock.move(minutes=30)
        try:
            house.timekeeper.ask_ledger()
            wait_until(lambda: house.request("R-BOOK").state is State.ENDED)
            assert house.request().state is not State.ENDED
        finally:
            release.set()


class TestWhatIsHeldAfterItsEnd:
    def inspect(self, house: Hands) -> None:
        house.clock.move(seconds=3)
        house.timekeeper.sweep()

    def test_is_taken_back_and_told(self, house: Hands) -> None:
        house.active(minutes=30)
        late = house.target.gives["R-TEST"]
        house.clock.move(minutes=30)
        house.timekeeper.sweep()
        house.target.gives["R-TEST"] = late  # a stalled worker goes on
        self.inspect(house)
        assert house.target.gives == {}
        assert last(house).name == "grant_late"
        assert house.kinds()[-3:-1] == ["revoke.intent", "ended"]
        assert house.request().state is State.ENDED

    def test_is_found_under_failed_requests_too(self, house: Hands) -> None:
        left_granting(house, given=False)
        house.clock.time += GRANT_GIVEN_UP
        house.timekeeper.sweep()
        house.target.gives["R-TEST"] = Held("R-TEST", "alice", ("orders_read",), T0)
        self.inspect(house)
        assert house.target.gives == {}
        assert [alert.name for alert in house.alerts()] == ["grant_failed", "grant_late"]

    def test_is_taken_back_though_the_ledger_knows_no_such_request(self, house: Hands) -> None:
        house.target.gives["R-LOST"] = Held("R-LOST", "alice", ("orders_read",), T0)
        self.inspect(house)
        assert house.target.gives == {}
        assert [alert.request_id for alert in house.alerts()] == ["R-LOST"]

    @pytest.mark.parametrize("ends_at", [None, T0 + timedelta(hours=1)])
    def test_unknown_and_not_over_is_left_alone_and_told_once(self, house: Hands, ends_at: Any) -> None:
        house.target.gives["R-LOST"] = Held("R-LOST", "alice", ("orders_read",), ends_at)
        self.inspect(house)
        self.inspect(house)
        house.timekeeper = house.make_timekeeper("two")
        house.clock.move(seconds=30)
        self.inspect(house)
        assert "R-LOST" in house.target.gives
        assert [(alert.name, alert.request_id) for alert in house.alerts()] == [("foreign_grant", "R-LOST")]

    def test_an_end_that_comes_between_is_not_called_late(self, house: Hands) -> None:
        house.active(minutes=30)
        list_grants = house.target.list_grants

        def then_end() -> list[Held]:
            held = list_grants()
            house.ledger.append([Released.about(house.request(), at=T0, actor=ALICE, source=Source.SLACK)])
            house.revoker.end([house.request()])
            house.timekeeper.ask_ledger()
            return held

        house.target.list_grants = then_end  # type: ignore[method-assign]
        house.timekeeper.sweep()
        assert house.alerts() == []
        assert house.kinds().count("ended") == 1


class TestWithoutTheLedger:
    def back(self, house: Hands) -> None:
        house.ledger.cut = False
        house.timekeeper.sweep()

    def test_what_is_remembered_is_ended(self, house: Hands) -> None:
        house.active(minutes=30)
        house.timekeeper.sweep()
        house.ledger.cut = True
        house.clock.move(minutes=30)
        house.timekeeper.sweep()
        assert house.target.gives == {}
        self.back(house)
        assert house.request().state is State.ENDED
        assert house.kinds()[-2:] == ["revoke.intent", "ended"]

    def test_what_is_not_due_is_left_alone(self, house: Hands) -> None:
        house.active(minutes=30)
        house.timekeeper.sweep()
        house.ledger.cut = True
        house.clock.move(minutes=29)
        house.timekeeper.sweep()
        assert "R-TEST" in house.target.gives

    def test_after_a_restart_the_target_says_what_is_due(self, house: Hands) -> None:
        house.active(minutes=30)
        house.ledger.cut = True
        house.clock.move(minutes=30)
        house.make_timekeeper(holder="two").sweep()
        assert house.target.gives == {}
        self.back(house)
        assert house.request().state is State.ENDED

    def test_what_was_ordered_to_end_is_ended(self, house: Hands) -> None:
        house.active(minutes=30)
        house.target.trouble = TargetUnreachable("no route")
        house.ledger.append([Released.about(house.request(), at=T0, actor=ALICE, source=Source.SLACK)])
        house.timekeeper.sweep()
        house.ledger.cut = True
        house.target.trouble = None
        house.clock.move(minutes=1)
        house.timekeeper.sweep()
        assert house.target.gives == {}

    def test_a_fact_the_ledger_will_not_take_stops_nothing(self, house: Hands) -> None:
        house.timekeeper.sweep()
        house.target.gives["R-LOST"] = Held("R-LOST", "alice", ("orders_read",), T0)
        house.ledger.cut = True
        house.clock.move(seconds=5)
        house.timekeeper.sweep()
        assert house.target.gives == {}
        house.ledger.cut = False
        house.active(minutes=30)
        house.clock.move(minutes=30)
        house.timekeeper.sweep()
        assert house.request().state is State.ENDED
        assert "R-LOST" in (house.folder / "spool" / "spool.unreadable").read_text()


class TestSeveralTimekeepers:
    def test_one_leads(self, house: Hands) -> None:
        second = house.make_timekeeper(holder="two")
        house.timekeeper.sweep()
        house.active(minutes=30)
        house.clock.move(minutes=30)
        house.timekeeper.sweep()
        second.sweep()
        assert house.kinds().count("ended") == 1

    def test_another_takes_over(self, house: Hands) -> None:
        house.timekeeper.sweep()
        house.active(minutes=30)
        house.clock.move(minutes=30)
        house.make_timekeeper(holder="two").sweep()
        assert house.request().state is State.ENDED


def test_it_runs_until_it_is_told_to_stop(house: Hands) -> None:
    house.active(minutes=30)
    house.clock.move(minutes=30)
    stop = threading.Event()
    running = threading.Thread(target=house.timekeeper.run, args=(stop,))
    running.start()
    wait_until(lambda: house.request().state is State.ENDED)
    stop.set()
    running.join(HUNG)
    assert not running.is_alive()


def test_a_ledger_that_did_not_answer_is_asked_again_at_every_sweep(
    house: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing new is told, which a ledger that is away does not."""
    monkeypatch.setattr("workers.timekeeper.timekeeper.ASK_SECONDS", 1_000_000.0)
    monkeypatch.setattr(Tail, "keep_watching", lambda *_: None)
    house.ledger.cut, stop = True, threading.Event()
    running = threading.Thread(target=house.timekeeper.run, args=(stop,))
    with structlog.testing.capture_logs() as logs:
        running.start()
        try:
            wait_until(lambda: [line for line in logs if line["event"] == "ledger.unavailable"])
            house.ledger.cut = False
            wait_until(lambda: [line for line in logs if line["event"] == "ledger.answers"])
        finally:
            stop.set()
            running.join(HUNG)


def test_without_ledger_and_target_the_trouble_is_kept_once_and_told(house: Hands) -> None:
    house.active(minutes=30)
    house.timekeeper.sweep()
    house.ledger.cut = True
    house.target.revoke = refuse  # type: ignore[method-assign]
    house.clock.move(minutes=30)
    for _ in range(60):
        house.timekeeper.sweep()
        house.clock.move(seconds=1)
    house.ledger.cut = False
    house.spool.take_in(house.ledger, SIGNED)
    assert house.kinds().count("revoke.intent") == 1
    assert [alert.name for alert in house.alerts()] == ["end_late"]


def refuse(*_: object) -> Any:
    raise TargetUnreachable("no route")


def test_what_cannot_be_taken_back_does_not_flood_the_record(house: Hands) -> None:
    house.active(minutes=30)
    late = house.target.gives["R-TEST"]
    house.clock.move(minutes=30)
    house.timekeeper.sweep()
    house.target.gives["R-TEST"] = late
    house.target.revoke = refuse  # type: ignore[method-assign]
    for _ in range(60):
        house.timekeeper.sweep()
        house.clock.move(seconds=2)
    assert 2 <= house.kinds().count("revoke.intent") <= 10
    assert [alert.name for alert in house.alerts()] == ["end_late"]


def test_nobody_decides_in_time_so_others_are_asked_once_and_none_after_a_decision(house: Hands) -> None:
    escalation = Escalation(after=timedelta(minutes=15), to=("group:leads",))
    for request_id, access in (("R-AAAA", "a"), ("R-BBBB", "b")):
        house.story(request_id, escalation=escalation, access=access).asked()
    house.story("R-BBBB").denied()
    house.clock.move(minutes=14)
    house.timekeeper.sweep()
    assert house.kinds("R-AAAA") == ["requested"]
    house.clock.move(minutes=1)
    for _ in range(3):
        house.timekeeper.sweep()
        house.clock.move(minutes=1)
    assert house.kinds("R-AAAA") == ["requested", "escalated"]
    assert house.kinds("R-BBBB") == ["requested", "denied"]
    house.clock.time = house.request("R-AAAA").pending_until
    house.timekeeper.sweep()
    assert house.kinds("R-AAAA")[-1] == "lapsed"


def test_an_extension_that_nobody_decides_is_escalated_once_and_lapses(house: Hands) -> None:
    escalation = Escalation(after=timedelta(minutes=15), to=("group:leads",))
    story = house.story("R-TEST", escalation=escalation, duration=timedelta(hours=4)).active()
    story.extension_asked(pending_for=60)
    for minutes in (14, 2, 2, 30):
        house.clock.move(minutes=minutes)
        house.timekeeper.sweep()
    assert house.kinds("R-TEST")[-2:] == ["extension.asked", "extension.escalated"]
    house.clock.move(minutes=20)
    house.timekeeper.sweep()
    assert house.kinds("R-TEST")[-1] == "extension.lapsed"
