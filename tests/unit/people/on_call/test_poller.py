import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from jit.errors import Expected
from jit.people.answers import FRESH_FOR, Because
from jit.people.binding import Bindings, Named
from jit.people.on_call import NotKnown, OnCallSnapshot, Shift
from jit.people.on_call.poller import AT_ONCE, POLL_EVERY, SAME_PRESS, OnCallPoller, Rules
from jit.people.providers import pauses
from jit.people.providers.asking import Asking
from jit.people.providers.http import NotAnswered
from jit.people.providers.provider import ScheduleForm, ScheduleSource, Tools
from jit.testing import ALICE, BOB, T0, ManualClock
from tests.world.waiting import HUNG, wait_until

ORDERS = "orders-primary"
PASSING = {Because.NO_ANSWER, Because.UNREACHABLE, Because.BUSY, Because.ERROR}
Says = Callable[[], Collection[Named]]


class Fake(ScheduleForm):
    """A schedule of a provider in memory."""

    kind: str = "fake"
    place: str = "one"

    @property
    def account(self) -> str:
        return self.place

    def open(self, tools: Tools) -> ScheduleSource:
        return Source(self)


class Source:
    says: Says = staticmethod(lambda: [Named("alice")])
    asked: list[str]
    gate: threading.Event | None = None

    def __init__(self, form: Fake) -> None:
        self.form = form

    async def on_call(self, at: datetime) -> Collection[Named]:
        Source.asked.append(self.form.place)
        if Source.gate is not None:
            await asyncio.to_thread(Source.gate.wait, HUNG)
        return Source.says()


class House:
    def __init__(self, asking: Asking, folder: Path) -> None:
        self.clock = ManualClock()
        self.schedules: dict[str, ScheduleForm] = {ORDERS: Fake()}
        self.bindings = Bindings({ALICE: {"fake": "alice"}, BOB: {"fake": "bob"}})
        self.broken = False
        self.kept: list[OnCallSnapshot] = []
        self.poller = OnCallPoller(
            self._rules, lambda _: SecretStr(""), self.clock, folder=folder, asking=asking, keep=self._keep
        )
        Source.asked = []
        Source.gate = None
        self.says(Named("alice"))

    def says(self, *named: Named) -> None:
        Source.says = staticmethod(lambda: named)

    def raises(self, because: Because, pause: timedelta | None = None) -> None:
        def failing() -> Collection[Named]:
            raise NotAnswered(because, pause)

        Source.says = staticmethod(failing)

    def _rules(self) -> Rules:
        if self.broken:
            raise Expected("a mistake in the rules")
        return Rules(self.schedules, self.bindings)

    def _keep(self, snapshot: OnCallSnapshot) -> None:
        self.kept.append(snapshot)
        if self.broken:
            raise Expected("the ledger is away")

    def who(self, schedule: str = ORDERS) -> Shift | NotKnown:
        return self.poller.who(schedule, self.clock.now())

    def reason(self) -> Because | None:
        answer = self.who()
        return answer.reason if isinstance(answer, NotKnown) else None


@pytest.fixture(scope="module")
def asking() -> Iterator[Asking]:
    made = Asking()
    yield made
    made.close()


@pytest.fixture
def house(asking: Asking, tmp_path: Path) -> House:
    return House(asking, tmp_path)


def test_a_poll_asks_about_every_schedule_and_hands_one_snapshot_on(house: House) -> None:
    house.schedules["sre-primary"] = Fake(place="two")
    house.poller.poll()
    (snapshot,) = house.kept
    assert snapshot == house.poller.snapshot()
    assert {name: answer.people for name, answer in snapshot.answers.items()} == {
        ORDERS: {ALICE},
        "sre-primary": {ALICE},
    }
    assert sorted(Source.asked) == ["one", "two"]


def test_a_press_asks_anew_and_sees_a_shift_that_has_changed(house: House) -> None:
    house.poller.poll()
    house.says(Named("bob"))
    house.clock.move(seconds=2)
    assert house.who() == Shift(ORDERS, frozenset({BOB}), house.clock.now(), "fake", 0.0)


def test_one_press_asks_once(house: House) -> None:
    house.who()
    house.clock.move(seconds=SAME_PRESS.total_seconds() / 2)
    house.who()
    assert len(Source.asked) == 1
    house.clock.move(seconds=SAME_PRESS.total_seconds())
    house.who()
    assert len(Source.asked) == 2


def test_all_who_press_at_once_wait_for_one_answer(house: House) -> None:
    Source.gate = threading.Event()
    answers: list[Shift | NotKnown] = []
    threads = [threading.Thread(target=lambda: answers.append(house.who())) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: Source.asked)
    Source.gate.set()
    for thread in threads:
        thread.join(HUNG)
    assert len(Source.asked) == 1
    assert [answer.people for answer in answers] == [{ALICE}] * 6


def test_whoever_presses_waits_no_longer_than_they_are_made_to(house: House, asking: Asking, tmp_path: Path) -> None:
    Source.gate = threading.Event()
    quick = OnCallPoller(
        lambda: Rules(house.schedules, house.bindings),
        lambda _: SecretStr(""),
        house.clock,
        folder=tmp_path,
        asking=asking,
        press_within=0.05,
    )
    assert quick.who(ORDERS, T0) == NotKnown(ORDERS, Because.NO_ANSWER, T0, "fake", 0.0)
    Source.gate.set()


@pytest.mark.parametrize("because", sorted(PASSING))
def test_an_answer_that_is_fresh_outlives_a_provider_that_does_not_answer_now(house: House, because: Because) -> None:
    house.poller.poll()
    house.raises(because, timedelta(seconds=1))
    house.clock.move(seconds=20)
    house.poller.poll()
    house.clock.move(seconds=40)
    assert house.who() == Shift(ORDERS, frozenset({ALICE}), T0, "fake", 0.0)
    house.clock.move(seconds=1)
    assert house.reason() is because


@pytest.mark.parametrize("because", sorted(set(Because) - PASSING))
def test_an_answer_that_is_contradicted_counts_no_more(house: House, because: Because) -> None:
    house.poller.poll()
    house.raises(because)
    house.clock.move(seconds=2)
    assert house.reason() is because


def test_nobody_on_call_counts_at_once(house: House) -> None:
    house.poller.poll()
    house.says()
    house.clock.move(seconds=2)
    assert house.reason() is Because.NOBODY


def test_a_pause_that_was_asked_for_is_kept_by_polls_and_presses(house: House) -> None:
    house.raises(Because.BUSY, timedelta(seconds=90))
    house.poller.poll()
    house.says(Named("alice"))
    for _ in range(4):
        house.clock.move(seconds=POLL_EVERY.total_seconds() - 2)
        house.poller.poll()
        house.clock.move(seconds=2)
        assert house.reason() is Because.BUSY
    assert len(Source.asked) == 1
    house.clock.move(seconds=10)
    assert house.who() == Shift(ORDERS, frozenset({ALICE}), house.clock.now(), "fake", 0.0)


def test_a_provider_that_does_not_answer_is_polled_less_and_less_and_asked_by_every_press(house: House) -> None:
    house.raises(Because.UNREACHABLE)
    for _ in range(30):
        house.poller.poll()
        house.clock.move(seconds=POLL_EVERY.total_seconds())
    assert 5 <= len(Source.asked) <= 10
    before = len(Source.asked)
    assert house.reason() is Because.UNREACHABLE
    assert len(Source.asked) == before + 1
    house.says(Named("alice"))
    house.clock.move(seconds=2)
    assert house.who().people == {ALICE}
    house.clock.move(seconds=20)
    house.poller.poll()
    assert len(Source.asked) == before + 3


def test_one_provider_that_is_away_keeps_no_other_from_being_asked(house: House) -> None:
    house.schedules = {f"s{number}": Fake() for number in range(20)} | {ORDERS: Fake(place="another")}
    house.raises(Because.UNREACHABLE)
    house.poller.poll()
    assert Source.asked.count("one") <= AT_ONCE
    assert Source.asked.count("another") == 1
    assert {answer.reason for answer in house.kept[-1].answers.values()} == {Because.UNREACHABLE}


def test_what_is_about_one_schedule_keeps_no_other_of_its_provider_from_being_asked(house: House) -> None:
    house.schedules = {f"s{number}": Fake() for number in range(20)}
    house.raises(Because.NOT_THERE)
    house.poller.poll()
    assert len(Source.asked) == 20


def test_a_schedule_that_no_policy_names_is_not_known(house: House) -> None:
    assert house.who("payments") == NotKnown("payments", Because.NOT_NAMED, T0)
    house.poller.poll()
    house.schedules = {}
    assert house.who() == NotKnown(ORDERS, Because.NOT_NAMED, T0)
    house.poller.poll()
    assert house.kept[-1].answers == {}


def test_rules_that_cannot_be_read_put_nobody_on_call(house: House) -> None:
    house.poller.poll()
    house.broken = True
    assert house.who() == NotKnown(ORDERS, Because.NOT_NAMED, T0)
    house.poller.poll()
    assert house.kept[-1].answers == {}


def test_another_moment_than_now_is_not_known(house: House) -> None:
    for off in (FRESH_FOR, -FRESH_FOR):
        at = T0 + off * 2
        assert house.poller.who(ORDERS, at) == NotKnown(ORDERS, Because.STALE, T0)
    assert Source.asked == []


def test_a_schedule_that_the_policy_describes_anew_is_opened_anew(house: House) -> None:
    house.poller.poll()
    house.schedules[ORDERS] = Fake(place="two")
    house.clock.move(seconds=2)
    house.who()
    assert Source.asked == ["one", "two"]


def test_a_clock_that_is_set_back_holds_up_no_new_answer(house: House) -> None:
    house.poller.poll()
    house.clock.time -= timedelta(hours=1)
    house.says(Named("bob"))
    assert house.who() == Shift(ORDERS, frozenset({BOB}), house.clock.now(), "fake", 0.0)
    assert house.poller.snapshot().fresh(house.clock.now())


def test_a_fault_of_our_own_puts_nobody_on_call_and_tells_no_secret(house: House) -> None:
    def failing() -> Collection[Named]:
        raise RuntimeError("s3cret")

    Source.says = staticmethod(failing)
    with capture_logs() as logs:
        assert house.reason() is Because.UNREADABLE
    assert [line["event"] for line in logs] == ["provider.fault", "on_call.not_known"]
    assert "s3cret" not in str(logs)


def test_the_log_says_what_changes_and_not_what_stays(house: House) -> None:
    house.raises(Because.REFUSED)
    with capture_logs() as logs:
        for _ in range(3):
            house.poller.poll()
            house.clock.move(seconds=POLL_EVERY.total_seconds())
        house.raises(Because.NOT_THERE)
        house.poller.poll()
    assert [line["because"] for line in logs] == ["refused", "not_there"]


def test_polling_ends_when_it_is_told_to(house: House) -> None:
    stop = threading.Event()
    stop.set()
    house.poller.keep_polling(stop)
    assert len(house.kept) == 1


def test_pauses_grow_to_a_limit(house: House) -> None:
    kept = pauses.Pauses(house.clock)
    lasts = []
    for _ in range(6):
        kept.failed("one", NotAnswered(Because.NO_ANSWER))
        began = house.clock.ticks()
        while kept.of("one"):
            house.clock.move(seconds=1)
        lasts.append(house.clock.ticks() - began)
    assert lasts == [15, 30, 60, 120, 120, 120]
    kept.answered("one")
    assert kept.of("one") is None
