"""Extensions carried out: see *End orders* in `docs/end-orders.md`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from jit.facts import EndCause
from jit.ledger import Conflict
from jit.ledger.entry import hash_of
from jit.people.person import Person
from jit.ports import Held, TargetRefused, TargetUnreachable
from jit.requests.due import GRANT_NUDGE, GRANT_STUCK
from jit.requests.lifecycle import State
from jit.testing import BOB, T0, WORKSPACE
from tests.world.end_orders import carry_out, lying, signed
from tests.world.hands import KEY, RULES, Hands
from tests.world.tamper import past_the_guards
from workers.end_orders.signed import verify

MINUTE = timedelta(minutes=1)
END, LATER = T0 + 30 * MINUTE, T0 + 60 * MINUTE
WITH_EXTENSION = RULES.replace("    max_duration: 8h\n", "    max_duration: 1h\n    extend: {each: 1h, ceiling: 2h}\n")


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path, rules=WITH_EXTENSION)


def approved(house: Hands, *, minutes: float = 30) -> None:
    """Active for half an hour, and more time approved."""
    if house.ledger.request("R-TEST") is None:
        house.active(minutes=30)
    story = house.story("R-TEST")
    story.extension_asked(minutes)
    story.extension_approved()


def extended(house: Hands) -> None:
    approved(house)
    house.jobs.grant("R-TEST")
    assert house.request().ends_at == LATER


def noted(house: Hands) -> datetime | None:
    return house.target.gives["R-TEST"].ends_at


def is_over(house: Hands) -> bool:
    return house.target.gives == {}


class TestAnExtension:
    def test_moves_the_end_in_the_target_on_the_record_and_in_the_queue(self, house: Hands) -> None:
        extended(house)
        request = house.request()
        assert (request.state, request.ends_at, request.extension) == (State.ACTIVE, LATER, None)
        assert noted(house) == LATER
        assert house.kinds()[-2:] == ["extension.intent", "extended"]
        order = verify(KEY, lying(house))
        assert (order.ends_at, order.fact) == (LATER, request.fixed_ends[-1].fact)
        assert lying(house) == request.fixed_ends[-1].order

    def test_can_follow_another_up_to_the_ceiling(self, house: Hands) -> None:
        extended(house)
        approved(house, minutes=60)
        house.jobs.grant("R-TEST")
        assert house.request().ends_at == T0 + 120 * MINUTE
        approved(house, minutes=1)
        house.jobs.grant("R-TEST")
        assert house.request().ends_at == T0 + 120 * MINUTE
        assert house.kinds()[-1] == "extension.lapsed"

    @pytest.mark.parametrize("what", ["timekeeper", "order", "order, with the ledger silent"])
    def test_ends_at_its_later_end_by_either_clock_alone(self, house: Hands, what: str) -> None:
        extended(house)
        old = house.request().fixed_ends[0].order or ""
        house.clock.time = END
        house.timekeeper.sweep()
        carry_out(house, old)
        assert house.request().state is State.ACTIVE
        house.clock.time = LATER
        if what == "timekeeper":
            house.timekeeper.sweep()
        else:
            house.ledger.cut = "silent" in what
            carry_out(house)
        assert is_over(house)

    def test_of_which_the_old_order_comes_again_puts_the_new_one_in_its_place(self, house: Hands) -> None:
        extended(house)
        new, old = lying(house), house.request().fixed_ends[0].order or ""
        house.queue.end_orders["R-TEST"] = (END, old)
        house.clock.time = END
        carry_out(house)
        assert lying(house) == new
        assert not is_over(house)

    def test_waits_until_it_was_approved(self, house: Hands) -> None:
        house.active(minutes=30)
        house.story("R-TEST").extension_asked()
        house.jobs.grant("R-TEST")
        assert (house.request().ends_at, noted(house)) == (END, END)

    def test_that_the_target_refuses_leaves_the_end_as_it_was(self, house: Hands) -> None:
        approved(house)
        house.target.grant_trouble = TargetRefused("orders-db: not today")
        house.jobs.grant("R-TEST")
        assert house.kinds()[-1] == "extension.failed"
        assert (house.request().state, house.request().ends_at, noted(house)) == (State.ACTIVE, END, END)

    def test_gives_nothing_back_that_was_taken_by_hand(self, house: Hands) -> None:
        approved(house)
        house.target.gives.clear()
        house.jobs.grant("R-TEST")
        assert is_over(house)
        assert house.kinds()[-1] == "extension.failed"

    def test_is_taken_up_again_when_the_target_answers(self, house: Hands) -> None:
        approved(house)
        house.target.grant_trouble = TargetUnreachable("orders-db: no answer")
        house.jobs.grant("R-TEST")
        assert (house.kinds()[-1], house.request().ends_at) == ("extension.intent", END)
        house.target.grant_trouble = None
        house.clock.time += GRANT_STUCK
        house.timekeeper.sweep()
        assert house.queue.grants[-1] == "R-TEST"
        house.jobs.grant("R-TEST")
        assert (house.request().ends_at, noted(house)) == (LATER, LATER)

    def test_that_the_queue_does_not_hear_of_is_announced_by_the_timekeeper(self, house: Hands) -> None:
        approved(house)
        house.clock.time += GRANT_NUDGE
        house.timekeeper.sweep()
        assert house.queue.grants == ["R-TEST"]

    def test_that_nobody_answers_lapses(self, house: Hands) -> None:
        house.active(minutes=60)
        house.story("R-TEST").extension_asked(pending_for=20)
        house.clock.move(minutes=20)
        house.timekeeper.sweep()
        assert house.kinds()[-1] == "extension.lapsed"
        assert (house.request().state, house.request().extension) == (State.ACTIVE, None)

    def test_that_nobody_begins_lapses(self, house: Hands) -> None:
        house.active(minutes=60)
        approved(house)
        house.clock.move(minutes=15)
        house.timekeeper.sweep()
        assert house.kinds()[-1] == "extension.lapsed"
        house.jobs.grant("R-TEST")
        assert house.request().ends_at == LATER

    def test_is_decided_anew_before_the_effect(self, house: Hands) -> None:
        approved(house)
        house.keep(Person(id=BOB, team=WORKSPACE, name="bob", deleted=True))
        house.jobs.grant("R-TEST")
        assert house.kinds()[-1] == "extension.lapsed"
        assert noted(house) == END

    @pytest.mark.parametrize("rules", ["{each: 20m, ceiling: 2h}", "{each: 1h, ceiling: 1h}"])
    def test_is_measured_by_the_rules_as_they_are_before_the_effect(self, house: Hands, rules: str) -> None:
        approved(house, minutes=45)
        house.rules(("{each: 1h, ceiling: 2h}", rules), text=WITH_EXTENSION)
        house.jobs.grant("R-TEST")
        assert house.kinds()[-1] == "extension.lapsed"
        assert noted(house) == END

    def test_that_was_begun_and_counts_no_more_is_put_back(self, house: Hands) -> None:
        approved(house)
        house.target.after_effect = die
        with pytest.raises(KeyboardInterrupt):
            house.jobs.grant("R-TEST")
        house.target.after_effect = lambda: None
        assert noted(house) == LATER
        house.keep(Person(id=BOB, team=WORKSPACE, name="bob", deleted=True))
        house.clock.time += GRANT_STUCK
        house.jobs.grant("R-TEST")
        assert (house.kinds()[-1], noted(house)) == ("extension.failed", END)


def die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def dies_before(house: Hands, kind: str) -> Callable[..., Any]:
    append = house.ledger.append

    def dying(facts: Any, **how: Any) -> Any:
        if any(fact.kind == kind for fact in facts):
            die()
        return append(facts, **how)

    return dying


STEPS = ["the intent", "the effect", "the read-back", "the outcome", "the order"]


def let_die(house: Hands, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    match before:
        case "the intent":
            monkeypatch.setattr(house.ledger, "append", dies_before(house, "extension.intent"))
        case "the effect":
            monkeypatch.setattr(house.target, "within_lock", die)
        case "the read-back":
            monkeypatch.setattr(house.target, "after_effect", die)
        case "the outcome":
            monkeypatch.setattr(house.ledger, "append", dies_before(house, "extended"))
        case "the order":
            monkeypatch.setattr(house.orders, "settle", die)


def dies(house: Hands, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    let_die(house, monkeypatch, before)
    with pytest.raises(KeyboardInterrupt):
        house.jobs.grant("R-TEST")
    monkeypatch.undo()


class TestAWorkerThatDies:
    @pytest.mark.parametrize("before", STEPS)
    @pytest.mark.parametrize("what", ["timekeeper", "order", "order, with the ledger silent"])
    def test_leaves_the_end_that_is_on_record(
        self, house: Hands, monkeypatch: pytest.MonkeyPatch, before: str, what: str
    ) -> None:
        approved(house)
        dies(house, monkeypatch, before)
        on_record = house.request().ends_at
        assert on_record == (LATER if before == "the order" else END)
        house.clock.time = on_record
        if what == "timekeeper":
            house.timekeeper.sweep()
        else:
            house.ledger.cut = "silent" in what
            carry_out(house)
            carry_out(house)  # of the order that lay there, it may put another in its place
        assert is_over(house)

    @pytest.mark.parametrize("before", STEPS)
    def test_is_followed_by_another(self, house: Hands, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
        approved(house)
        dies(house, monkeypatch, before)
        house.clock.time += GRANT_STUCK
        house.timekeeper.sweep()
        house.make_granter(house.registry).grant("R-TEST")
        assert (house.request().ends_at, noted(house)) == (LATER, LATER)
        house.clock.time = END
        carry_out(house)
        house.timekeeper.sweep()
        assert house.request().state is State.ACTIVE
        assert verify(KEY, lying(house)).ends_at == LATER


class TestWhatComesInBetween:
    @pytest.mark.parametrize("when", ["within_lock", "after_effect"])
    @pytest.mark.parametrize("what", ["released", "revoked", "left", "over"])
    def test_an_end_is_the_one_outcome(
        self, house: Hands, monkeypatch: pytest.MonkeyPatch, when: str, what: str
    ) -> None:
        approved(house)
        story, once = house.story("R-TEST"), count()

        def meanwhile() -> None:
            if next(once):
                return
            if what == "over":
                house.clock.time = END
                monkeypatch.setattr(house.timekeeper, "sweep", lambda: None)
            else:
                getattr(story, what)()

        monkeypatch.setattr(house.target, when, meanwhile)
        house.jobs.grant("R-TEST")
        monkeypatch.undo()
        assert "extended" not in house.kinds()
        assert noted(house) == (END if when == "within_lock" else LATER)
        house.timekeeper.sweep()
        assert is_over(house)
        assert house.request().state is State.ENDED
        assert house.request().ends_at == END

    def test_an_end_that_was_begun_too_late_by_the_timekeeper_finds_it_extended(self, house: Hands) -> None:
        """It had not read of the extension, and began the end as it knew it."""
        house.active(minutes=30)
        house.clock.move(minutes=25)
        approved(house)
        house.timekeeper.sweep()
        append = house.ledger.append

        def first_the_worker(facts: Any, **how: Any) -> Any:
            if any(fact.kind == "revoke.intent" for fact in facts):
                house.ledger.append = append  # type: ignore[method-assign]
                now, house.clock.time = house.clock.time, END - timedelta(microseconds=1)
                house.jobs.grant("R-TEST")
                house.clock.time = now
            return append(facts, **how)

        house.ledger.append = first_the_worker  # type: ignore[method-assign]
        house.clock.time = END
        house.timekeeper.sweep()
        assert house.request().ends_at == LATER
        assert "revoke.intent" not in house.kinds()
        assert not is_over(house)

    def test_an_order_that_was_due_finds_it_extended(self, house: Hands) -> None:
        house.active(minutes=30)
        house.clock.move(minutes=25)
        approved(house)
        append = house.ledger.append

        def first_the_worker(facts: Any, **how: Any) -> Any:
            if any(fact.kind == "revoke.intent" for fact in facts):
                house.ledger.append = append  # type: ignore[method-assign]
                house.clock.time = END - timedelta(microseconds=1)
                house.jobs.grant("R-TEST")
                house.clock.time = END
            return append(facts, **how)

        house.ledger.append = first_the_worker  # type: ignore[method-assign]
        house.clock.time = END
        carry_out(house)
        assert "revoke.intent" not in house.kinds()
        assert verify(KEY, lying(house)).ends_at == LATER

    def test_what_was_listed_in_the_target_before_it_ends_nothing(
        self, house: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.active(minutes=30)
        before = house.target.list_grants()
        extended(house)
        house.clock.time = END
        monkeypatch.setattr(house.target, "list_grants", lambda: before)
        house.timekeeper.sweep()
        assert "revoke.intent" not in house.kinds()

    def test_a_deadline_that_somebody_put_back_in_the_target_ends_it(self, house: Hands) -> None:
        """The ledger may lie, too."""
        extended(house)
        house.target.gives["R-TEST"] = Held("R-TEST", "alice", house.request().permissions, END)
        house.clock.time = END
        house.timekeeper.sweep()
        assert is_over(house)

    def test_of_two_workers_one_extends(self, house: Hands) -> None:
        approved(house)
        append = house.ledger.append

        def first_the_other(facts: Any, **how: Any) -> Any:
            house.ledger.append = append  # type: ignore[method-assign]
            house.make_granter(house.registry).grant("R-TEST")
            return append(facts, **how)

        house.ledger.append = first_the_other  # type: ignore[method-assign]
        house.jobs.grant("R-TEST")
        assert house.kinds().count("extended") == 1
        assert house.request().ends_at == noted(house) == LATER


class TestALedgerThatLies:
    def changed(self, house: Hands, kind: str, old: str, new: str) -> None:
        """In the fact of this kind, with a hash that fits."""
        entry = next(each for each in house.ledger.history("R-TEST") if each.fact.kind == kind)
        body = entry.body.decode().replace(old, new).encode()
        assert body != entry.body
        with house.engine.begin() as connection, past_the_guards(connection):
            values = {"body": body, "hash": hash_of(body), "index": entry.index}
            connection.execute(sql('UPDATE entries SET body = :body, hash = :hash WHERE "index" = :index'), values)

    def test_of_the_later_end_ends_by_the_order(self, house: Hands) -> None:
        extended(house)
        self.changed(house, "extended", '"ends_at":"2026-11-21T15:00:00Z"', '"ends_at":"2036-11-21T15:00:00Z"')
        house.clock.time = LATER
        carry_out(house)
        assert is_over(house)

    def test_of_an_extension_that_no_worker_signed_ends_by_the_order(self, house: Hands) -> None:
        house.active(minutes=30)
        story = house.story("R-TEST")
        story.extension_asked()
        story.extension_approved()
        story.extending()
        story.extended(signed(house.request(), LATER, number=2**60))
        assert house.request().ends_at == LATER
        house.clock.time = END
        carry_out(house)
        assert is_over(house)


OPS = ["ask", "approve", "deny", "work", "dies", "release", "sweep", "order", "old order", "wait", "wait long"]


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 4)), max_size=20))
def test_no_order_of_extend_release_and_expiry_leaves_access_past_its_end_or_the_ceiling(
    tmp_path_factory: pytest.TempPathFactory, ops: list[tuple[str, int]]
) -> None:
    house = Hands(tmp_path_factory.mktemp("house"), rules=WITH_EXTENSION)
    house.active(minutes=30)
    story = house.story("R-TEST")
    for op, number in ops:
        monkeypatch = pytest.MonkeyPatch()
        try:
            _take(house, story, monkeypatch, op, number)
        except (Conflict, AssertionError, ValueError, KeyboardInterrupt):
            pass  # it cannot follow, or the worker died
        finally:
            monkeypatch.undo()
        house.timekeeper.sweep()
        request, now = house.request(), house.clock.now()
        assert request.ends_at is not None
        assert request.ends_at <= T0 + timedelta(hours=2)
        if request.state is State.ENDED or now >= request.ends_at:
            assert is_over(house)
        else:
            assert "R-TEST" in house.target.gives
        if request.end_cause is EndCause.EXPIRED:
            assert request.over_at is not None
            assert request.over_at >= request.ends_at  # no sooner, either


def _take(  # noqa: C901  one case for each
    house: Hands, story: Any, monkeypatch: pytest.MonkeyPatch, op: str, number: int
) -> None:
    match op:
        case "ask":
            story.extension_asked(minutes=(1, 20, 30, 60, 90)[number])
        case "approve":
            story.extension_approved()
        case "deny":
            story.extension_denied()
        case "work":
            house.jobs.grant("R-TEST")
        case "dies":
            let_die(house, monkeypatch, STEPS[number])
            house.jobs.grant("R-TEST")
        case "release":
            story.released()
        case "sweep":
            house.timekeeper.sweep()
        case "order":
            carry_out(house)
        case "old order":
            carry_out(house, house.request().fixed_ends[0].order or "")
        case "wait" | "wait long":
            house.clock.move(minutes=(1, 5, 9, 14, 29)[number] * (3 if "long" in op else 1))
