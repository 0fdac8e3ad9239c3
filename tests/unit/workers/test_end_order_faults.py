"""Orders to end access while workers meet, stall, die, and are upgraded: see *End orders* in `docs/end-orders.md`."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jit.facts import Granted, GrantIntent, Source
from jit.ports import Held
from jit.requests.due import GRANT_STUCK
from jit.requests.lifecycle import FixedEnd, State
from jit.testing import T0
from tests.world.end_orders import carry_out, lying, order_about, signed, signed_before_the_upgrade
from tests.world.hands import KEY, Hands
from workers.end_orders.signed import sign, verify

HALF_AN_HOUR = timedelta(minutes=30)
BY_A_WORKER: dict[str, Any] = {"actor": "worker@x", "source": Source.WORKER}


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


class TestTwoWorkersAtOnce:
    def test_have_the_order_of_whoever_the_ledger_took_in_its_place(self, house: Hands) -> None:
        """The other's lay there first, and was made later."""
        house.approved(minutes=30)
        other, make = house.make_granter(house.registry), house.orders.make

        def first_the_other(*args: Any, **how: Any) -> Any:
            house.orders.make = make  # type: ignore[method-assign]
            mine = make(*args, **how)
            house.clock.move(seconds=3)
            house.ledger.cut_before = frozenset({"grant.intent"})
            other.grant("R-TEST")
            house.ledger.cut, house.ledger.cut_before = False, frozenset()
            assert lying(house) != mine.text
            return mine

        house.orders.make = first_the_other  # type: ignore[method-assign]
        house.granter.grant("R-TEST")
        order = verify(KEY, lying(house))
        assert order.ends_at == house.request().ends_at == T0 + HALF_AN_HOUR
        assert order.fact == house.request().fixed_ends[0].fact

    def test_give_once_and_leave_one_order(self, house: Hands) -> None:
        house.approved(minutes=30)
        append = house.ledger.append

        def first_the_other(facts: Any, **how: Any) -> Any:
            house.ledger.append = append  # type: ignore[method-assign]
            house.clock.move(seconds=1)
            house.make_granter(house.registry).grant("R-TEST")
            return append(facts, **how)

        house.ledger.append = first_the_other  # type: ignore[method-assign]
        house.granter.grant("R-TEST")
        assert house.kinds().count("granted") == 1
        assert [verify(KEY, text).ends_at for _, text in house.queue.ends] == [house.request().ends_at]

    def test_leave_a_newer_order_where_it_is_when_one_of_them_wakes_late(self, house: Hands) -> None:
        """It recorded its intent, and stalled before its order was in the place of what lay there."""
        house.approved(minutes=30)
        house.queue.end_orders["R-TEST"] = (T0, "junk")
        put, stalled = house.queue.end_at, iter([True])

        def others_go_on(when: datetime, request_id: str, order: str, *, instead_of: str = "") -> str:
            if instead_of and next(stalled, False):
                house.clock.time += GRANT_STUCK
                house.make_granter(house.registry).grant("R-TEST")
            return str(put(when, request_id, order, instead_of=instead_of))

        house.queue.end_at = others_go_on
        house.granter.grant("R-TEST")
        assert house.kinds().count("granted") == 1
        assert verify(KEY, lying(house)).ends_at == house.request().ends_at

    def test_do_not_replace_the_order_of_a_later_change(self, house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
        """As whoever changes an end leaves it: one of them wakes after that."""
        request = house.active(minutes=30)
        fact = uuid4()
        newer = signed(request, T0 + timedelta(minutes=10), fact=fact, number=2**60)
        changed = replace(request, fixed_ends=(*request.fixed_ends, FixedEnd(fact, newer)))
        house.queue.end_orders["R-TEST"] = (T0, newer)
        monkeypatch.setattr(house.ledger, "request", lambda _: changed)
        house.orders.settle(request)
        assert lying(house) == newer


class TestAWorkerThatDies:
    """Another takes the grant up; nothing was given before."""

    def die(self, *_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    def taken_up(self, house: Hands) -> None:
        assert house.target.gives == {}
        house.clock.time += GRANT_STUCK
        house.make_granter(house.registry).grant("R-TEST")
        request = house.request()
        assert request.state is State.ACTIVE
        assert lying(house) == request.fixed_ends[0].order
        assert verify(KEY, lying(house)).ends_at == request.ends_at

    def test_between_order_and_intent(self, house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
        house.approved(minutes=30)
        monkeypatch.setattr(house.ledger, "append", self.die)
        with pytest.raises(KeyboardInterrupt):
            house.granter.grant("R-TEST")
        monkeypatch.undo()
        self.taken_up(house)

    @pytest.mark.parametrize("left", ["", "junk"])
    def test_after_the_intent(self, house: Hands, monkeypatch: pytest.MonkeyPatch, left: str) -> None:
        house.approved(minutes=30)
        if left:
            house.queue.end_orders["R-TEST"] = (T0, left)
        append = house.ledger.append

        def record_and_die(facts: Any, **how: Any) -> None:
            append(facts, **how)
            self.die()

        monkeypatch.setattr(house.ledger, "append", record_and_die)
        with pytest.raises(KeyboardInterrupt):
            house.granter.grant("R-TEST")
        monkeypatch.undo()
        assert house.request().state is State.GRANTING
        self.taken_up(house)

    def test_before_the_effect(self, house: Hands) -> None:
        house.approved(minutes=30)
        house.target.within_lock = self.die
        with pytest.raises(KeyboardInterrupt):
            house.granter.grant("R-TEST")
        house.target.within_lock = lambda: None
        self.taken_up(house)


class TestAnUpgrade:
    def given_before(self, house: Hands, *, given: bool = True) -> str:
        """As the version before left it: the intent holds no order, and the order names no fact."""
        request = house.approved(minutes=30)
        ends_at = T0 + HALF_AN_HOUR
        house.ledger.append([GrantIntent.about(request, at=T0, ends_at=ends_at, held_before=(), **BY_A_WORKER)])
        if given:
            request = house.request()
            house.ledger.append([Granted.about(request, at=T0, ends_at=ends_at, read_back=(), **BY_A_WORKER)])
            house.target.gives["R-TEST"] = Held("R-TEST", "alice", request.permissions, ends_at)
        return signed_before_the_upgrade(request, ends_at)

    @pytest.mark.parametrize("ledger_gone", [False, True])
    def test_keeps_no_access_alive_that_was_given_before(self, house: Hands, *, ledger_gone: bool) -> None:
        order = self.given_before(house)
        house.clock.move(minutes=30)
        house.ledger.cut = ledger_gone
        carry_out(house, order)
        assert house.target.gives == {}

    def test_in_the_middle_of_a_grant_gives_it_an_order_of_its_own(self, house: Hands) -> None:
        self.given_before(house, given=False)
        house.clock.time += GRANT_STUCK
        house.granter.grant("R-TEST")
        assert house.request().state is State.ACTIVE
        house.clock.move(minutes=30)
        carry_out(house)
        assert house.target.gives == {}

    def test_leaves_no_order_of_before_that_ends_a_second_try_early(self, house: Hands) -> None:
        first = signed_before_the_upgrade(house.approved(minutes=30), T0 + HALF_AN_HOUR)
        house.clock.move(minutes=10)
        house.granter.grant("R-TEST")
        house.clock.move(minutes=20)
        carry_out(house, first)
        assert house.request().state is State.ACTIVE


def test_another_key_in_the_middle_of_a_grant_makes_the_order_anew(house: Hands) -> None:
    request = house.approved(minutes=30)
    fact, ends_at = uuid4(), T0 + HALF_AN_HOUR
    of_old_key = sign(b"o" * 32, order_about(request, ends_at, fact=fact))
    about = {"id": fact, "at": T0, "ends_at": ends_at, "held_before": (), "end_order": of_old_key}
    house.ledger.append([GrantIntent.about(request, **about, **BY_A_WORKER)])
    house.queue.end_orders["R-TEST"] = (T0, of_old_key)
    house.clock.time += GRANT_STUCK
    house.granter.grant("R-TEST")
    assert verify(KEY, lying(house)).ends_at == ends_at
