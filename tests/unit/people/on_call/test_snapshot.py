from datetime import UTC, datetime, timedelta

import pytest

from jit.people.answers import FRESH_FOR, Because
from jit.people.on_call import NOTHING_KNOWN, NotKnown, OnCallSnapshot, Shift

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
SHIFT = Shift("orders-primary", frozenset({"U01ALICE0", "U02BOB000"}), NOW, "pagerduty", 0.25, unbound=1)
SILENT = NotKnown("sre-primary", Because.NO_ANSWER, NOW, "incident_io", 2.0)
SNAPSHOT = NOTHING_KNOWN.with_answer(SHIFT).with_answer(SILENT)


def test_what_is_written_down_is_read_as_it_was() -> None:
    assert OnCallSnapshot.from_json(SNAPSHOT.to_json()) == SNAPSHOT
    assert OnCallSnapshot.from_json(NOTHING_KNOWN.to_json()) == NOTHING_KNOWN


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "null",
        "[]",
        '"orders"',
        SNAPSHOT.to_json()[:-5],
        SNAPSHOT.to_json().replace("no_answer", "who_knows"),
        SNAPSHOT.to_json().replace('"unbound":1', '"unbound":"none"'),
        SNAPSHOT.to_json().replace('"unbound":1', '"unbound":1,"certain":true'),
        SNAPSHOT.to_json().replace('"orders-primary":{', '"payments-primary":{'),
        SNAPSHOT.to_json().replace("14:00:00Z", "14:00:00"),
        SNAPSHOT.to_json().replace('["U', '"U').replace('"],', '",'),
    ],
)
def test_what_cannot_be_read_is_nothing_known(damaged: str) -> None:
    assert damaged != SNAPSHOT.to_json()
    assert OnCallSnapshot.from_json(damaged) == NOTHING_KNOWN


def test_an_answer_decides_for_a_minute_and_no_longer() -> None:
    assert SNAPSHOT.who("orders-primary", NOW + FRESH_FOR) == SHIFT
    late = NOW + FRESH_FOR + timedelta(microseconds=1)
    assert SNAPSHOT.who("orders-primary", late) == NotKnown("orders-primary", Because.STALE, NOW, "pagerduty", 0.25)
    assert SNAPSHOT.fresh(NOW)
    assert not SNAPSHOT.fresh(late)


def test_an_answer_from_the_future_decides_nothing() -> None:
    assert SNAPSHOT.who("orders-primary", NOW - timedelta(seconds=2)) == SHIFT
    early = SNAPSHOT.who("orders-primary", NOW - timedelta(seconds=3))
    assert isinstance(early, NotKnown)
    assert early.reason is Because.STALE


def test_each_answer_has_an_age_of_its_own() -> None:
    later = NOW + timedelta(seconds=50)
    snapshot = SNAPSHOT.with_answer(NotKnown("sre-primary", Because.BUSY, later, "incident_io", 0.1))
    at = NOW + timedelta(seconds=70)
    assert snapshot.fresh(at)
    assert snapshot.who("orders-primary", at) == NotKnown("orders-primary", Because.STALE, NOW, "pagerduty", 0.25)
    assert snapshot.who("sre-primary", at).as_of == later


def test_of_a_schedule_that_was_not_asked_about_nothing_is_known() -> None:
    assert SNAPSHOT.who("payments", NOW) == NotKnown("payments", Because.NOT_ASKED, NOW)
    assert not NOTHING_KNOWN.fresh(NOW)


def test_who_may_be_one_of_the_unbound_is_neither_on_call_nor_not() -> None:
    assert SHIFT.includes("U01ALICE0") is True
    assert SHIFT.includes("U05EVE000") is None
    assert Shift("orders-primary", SHIFT.people, NOW, "pagerduty", 0.25).includes("U05EVE000") is False


def test_every_reason_has_words() -> None:
    words = [because.words for because in Because]
    assert len(set(words)) == len(Because)


@pytest.mark.parametrize(
    ("hours", "since", "people"),
    [
        (1, (), SHIFT.people),
        (1, (Because.NO_ANSWER, Because.ERROR), SHIFT.people),
        (24, (Because.UNREADABLE,), SHIFT.people),
        (24.1, (Because.NO_ANSWER,), frozenset()),
        (1, (Because.NOBODY,), frozenset()),
        (1, (Because.NOBODY, Because.NO_ANSWER), frozenset()),
        (1, (Because.BOUND_TWICE, Because.NO_ANSWER), frozenset()),
        (1, (Because.NOT_THERE, Because.NO_ANSWER), frozenset()),
    ],
)
def test_in_an_emergency_the_last_answer_counts_for_a_day_unless_another_kind_came_since(
    hours: float, since: tuple[Because, ...], people: frozenset[str]
) -> None:
    now = NOW + timedelta(hours=hours)
    snapshot = NOTHING_KNOWN.with_answer(SHIFT)
    for because in since:
        snapshot = snapshot.with_answer(NotKnown("orders-primary", because, now, "pagerduty"))
    kept = OnCallSnapshot.from_json(snapshot.to_json())
    assert isinstance(kept.who("orders-primary", now), NotKnown)
    answer = kept.in_emergency().who("orders-primary", now)
    assert isinstance(answer, Shift)
    assert answer.people == people


def test_in_an_emergency_a_provider_that_never_answered_puts_nobody_on_call() -> None:
    answer = NOTHING_KNOWN.in_emergency().who("orders-primary", NOW)
    assert isinstance(answer, Shift)
    assert answer.people == frozenset()


def test_a_schedule_that_is_gone_from_the_rules_is_forgotten_whole() -> None:
    assert SNAPSHOT.only({"sre-primary"}).last_known("orders-primary", NOW) is None
