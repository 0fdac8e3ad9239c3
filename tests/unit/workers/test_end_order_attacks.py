"""What was tried against orders to end access: the table of *End orders* in `docs/end-orders.md`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql

from jit.facts import EndCause, Granted, GrantIntent, Released, RevokeIntent, Source
from jit.ledger.entry import hash_of
from jit.ports import Held
from jit.requests.lifecycle import Request, State
from jit.testing import ALICE, T0
from tests.world.end_orders import carry_out, lying, order_about, signed
from tests.world.hands import KEY, Hands
from tests.world.tamper import past_the_guards
from workers.end_orders.signed import sign, verify
from workers.provision.late_ends import STATED_LAG

HALF_AN_HOUR = timedelta(minutes=30)
FAR = T0 + timedelta(days=3650)
BY_A_WORKER: dict[str, Any] = {"actor": "worker@x", "source": Source.WORKER}


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def first_try_without_the_ledger(house: Hands) -> str:
    """What it left in the queue."""
    house.ledger.cut_before = frozenset({"grant.intent"})
    house.granter.grant("R-TEST")
    house.ledger.cut, house.ledger.cut_before = False, frozenset()
    return lying(house)


def second_try(house: Hands) -> str:
    """Ten minutes after one that failed, whose order is returned."""
    house.approved(minutes=30)
    first = first_try_without_the_ledger(house)
    house.clock.move(minutes=10)
    house.granter.grant("R-TEST")
    assert house.request().ends_at == T0 + timedelta(minutes=40)
    return first


def at_its_end(house: Hands, order: str) -> None:
    house.clock.time = verify(KEY, order).ends_at


class TestTheOrderOfATryThatFailed:
    def test_ends_no_second_try_early(self, house: Hands) -> None:
        first = second_try(house)
        at_its_end(house, first)
        carry_out(house, first)
        assert house.request().state is State.ACTIVE
        assert "R-TEST" in house.target.gives

    def test_is_replaced_by_the_second_ones(self, house: Hands) -> None:
        first = second_try(house)
        assert [verify(KEY, text).ends_at for _, text in house.queue.ends] == [house.request().ends_at]
        assert lying(house) != first

    def test_stays_in_its_place_while_the_second_fails_too(self, house: Hands) -> None:
        """It may be the one whose intent the ledger took and did not say so."""
        house.approved(minutes=30)
        first = first_try_without_the_ledger(house)
        house.clock.move(minutes=5)
        assert first_try_without_the_ledger(house) == first

    def test_ends_it_early_while_the_ledger_is_silent(self, house: Hands) -> None:
        first = second_try(house)
        at_its_end(house, first)
        house.ledger.cut = True
        carry_out(house, first)
        assert house.target.gives == {}

    def test_ends_no_second_try_that_begins_while_it_looks(self, house: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
        """Shorter than the time in which an approval may be begun."""
        house.approved(minutes=5)
        first = first_try_without_the_ledger(house)
        house.clock.move(minutes=5)
        look = house.target.held

        def meanwhile_given(request_id: str) -> Held | None:
            monkeypatch.setattr(house.target, "held", look)
            house.granter.grant("R-TEST")
            return look(request_id)

        monkeypatch.setattr(house.target, "held", meanwhile_given)
        carry_out(house, first)
        assert house.request().state is State.ACTIVE
        carry_out(house, first)
        assert "R-TEST" in house.target.gives

    def test_ends_the_second_try_where_that_is_over_too(self, house: Hands) -> None:
        first = second_try(house)
        at_its_end(house, lying(house))
        carry_out(house, first)
        assert house.target.gives == {}

    def test_keeps_nothing_that_was_ordered_to_end(self, house: Hands) -> None:
        first = second_try(house)
        house.ledger.append([Released.about(house.request(), at=T0, actor=ALICE, source=Source.SLACK)])
        at_its_end(house, first)
        carry_out(house, first)
        assert house.request().end_cause is EndCause.RELEASED
        assert house.target.gives == {}


class TestWhoWritesRedis:
    def test_puts_an_old_order_in_the_place_of_the_newer_one(self, house: Hands) -> None:
        first = second_try(house)
        newer = lying(house)
        house.queue.end_orders["R-TEST"] = (T0, first)
        at_its_end(house, first)
        carry_out(house)
        assert house.request().state is State.ACTIVE
        assert lying(house) == newer
        at_its_end(house, newer)
        carry_out(house)
        assert house.target.gives == {}

    def test_hands_in_an_old_order_again_after_deleting_the_newer_one(self, house: Hands) -> None:
        first = second_try(house)
        newer = lying(house)
        house.queue.end_orders.clear()
        at_its_end(house, first)
        carry_out(house, first)
        assert lying(house) == newer

    def test_puts_the_order_of_another_request_there(self, house: Hands) -> None:
        house.active("R-BOOK", access="ledger-db/read", minutes=20)
        house.active(minutes=30)
        house.queue.end_orders["R-TEST"] = (T0, lying(house, "R-BOOK"))
        house.clock.move(minutes=20)
        carry_out(house)
        assert house.request("R-BOOK").state is State.ENDED
        assert house.request().state is State.ACTIVE
        house.clock.move(minutes=10)
        house.timekeeper.sweep()
        assert house.target.gives == {}

    @pytest.mark.parametrize("left", ["junk", "forged", "of another request", "junk that is no text: \xff\x00"])
    def test_leaves_something_where_a_grant_puts_its_order(self, house: Hands, left: str) -> None:
        request = house.approved(minutes=30)
        if left == "forged":
            left = sign(b"x" * 32, order_about(request, FAR, number=2**62))
        elif left == "of another request":
            house.active("R-BOOK", access="ledger-db/read")
            left = lying(house, "R-BOOK")
        house.queue.end_orders["R-TEST"] = (T0, left)
        house.granter.grant("R-TEST")
        assert house.request().state is State.ACTIVE
        order = verify(KEY, lying(house))
        assert (order.request_id, order.ends_at) == ("R-TEST", T0 + HALF_AN_HOUR)

    def test_changes_the_place_again_and_again_while_a_grant_wants_it(self, house: Hands) -> None:
        house.approved(minutes=30)
        put, number = house.queue.end_at, iter(range(1000))

        def never_alone(*args: Any, **how: Any) -> Any:
            house.queue.end_orders["R-TEST"] = (T0, f"junk {next(number)}")
            return put(*args, **how)

        house.queue.end_at = never_alone
        house.granter.grant("R-TEST")
        assert house.target.gives == {}
        assert next(number) < 20

    def test_hands_in_a_true_order_that_nothing_explains_and_that_ends_later(self, house: Hands) -> None:
        """As only a worker that lost can have made one."""
        request = house.active(minutes=30)
        later = signed(request, T0 + timedelta(minutes=31), number=2**62)
        house.queue.end_orders["R-TEST"] = (T0, later)
        at_its_end(house, later)
        carry_out(house)
        assert house.target.gives == {}

    def test_hands_in_a_true_order_that_nothing_explains_and_that_ends_earlier(self, house: Hands) -> None:
        request = house.active(minutes=30)
        house.clock.move(minutes=20)
        carry_out(house, signed(request, T0 + timedelta(minutes=20), number=2**62))
        assert house.request().end_cause is EndCause.EXPIRED


def no_order(_: Hands, __: Request) -> None:
    return None


def garbled(house: Hands, _: Request) -> str:
    return lying(house)[:-1] + "x"


def made_up(_: Hands, request: Request) -> str:
    return sign(b"x" * 32, order_about(request, FAR, number=2**62))


def of_another_request(house: Hands, _: Request) -> str:
    house.active("R-BOOK", access="ledger-db/read", minutes=60)
    return lying(house, "R-BOOK")


def that_names_another_fact(_: Hands, request: Request) -> str:
    return signed(request, FAR, number=2**62)


class TestWhoWritesTheLedgersDatabase:
    """The facts as they leave them; the order that lies in Redis is the worker's own."""

    def given(self, house: Hands) -> str:
        """Given by an honest worker; the order."""
        house.active(minutes=30)
        return lying(house)

    def rewritten(self, house: Hands, order: str | None, *, ends_at: datetime = FAR, **intent: Any) -> None:
        """The same request, whose intent now holds ``order`` and says ``ends_at``."""
        request = house.request()
        fact = request.fixed_ends[0].fact
        with house.engine.begin() as connection, past_the_guards(connection):
            connection.execute(sql("DELETE FROM entries WHERE kind IN ('grant.intent', 'granted')"))
            connection.execute(sql("DELETE FROM entries WHERE request_id <> 'R-TEST'"))
        told = {"at": T0, "id": fact, "held_before": (), "end_order": order} | intent
        begun = GrantIntent.about(request, ends_at=ends_at, **told, **BY_A_WORKER)
        given = Granted.about(request, at=T0, ends_at=ends_at, read_back=request.permissions, **BY_A_WORKER)
        house.ledger.append([begun, given])
        assert house.request().ends_at == ends_at

    def ends_in_time(self, house: Hands, order: str) -> None:
        assert verify(KEY, order).ends_at == T0 + HALF_AN_HOUR
        at_its_end(house, order)
        carry_out(house, order)
        assert "R-TEST" not in house.target.gives
        assert house.request().end_cause is EndCause.EXPIRED

    def test_puts_the_end_off_beside_the_order_that_the_intent_holds(self, house: Hands) -> None:
        order = self.given(house)
        self.rewritten(house, order)
        self.ends_in_time(house, order)

    @pytest.mark.parametrize("held", [no_order, garbled, made_up, of_another_request, that_names_another_fact])
    def test_explains_no_order_away(self, house: Hands, held: Callable[[Hands, Request], str | None]) -> None:
        order = self.given(house)
        self.rewritten(house, held(house, house.request()))
        self.ends_in_time(house, order)

    def test_gives_the_intent_the_id_that_another_requests_order_names(self, house: Hands) -> None:
        order = self.given(house)
        other = of_another_request(house, house.request())
        self.rewritten(house, other, id=verify(KEY, other).fact)
        self.ends_in_time(house, order)

    def test_records_the_order_that_lost_instead(self, house: Hands) -> None:
        """It was made by a worker that tried at about the same moment: that is how much later it ends."""
        order = self.given(house)
        lost = order_about(house.request(), T0 + timedelta(minutes=30, seconds=2), number=2**62)
        self.rewritten(house, sign(KEY, lost), ends_at=lost.ends_at, id=lost.fact)
        at_its_end(house, order)
        carry_out(house, order)
        house.clock.time = lost.ends_at
        carry_out(house)
        assert house.target.gives == {}

    def test_names_another_target(self, house: Hands) -> None:
        order = self.given(house)
        with house.engine.begin() as connection, past_the_guards(connection):
            for index, honest in connection.execute(sql('SELECT "index", body FROM entries')).all():
                body = bytes(honest).replace(b'"target":"orders-db"', b'"target":"ledger-db"')
                change = {"body": body, "hash": hash_of(body), "index": index}
                connection.execute(sql('UPDATE entries SET body = :body WHERE "index" = :index'), change)
                connection.execute(sql('UPDATE entries SET hash = :hash WHERE "index" = :index'), change)
        assert house.request().target == "ledger-db"
        at_its_end(house, order)
        carry_out(house, order)
        assert house.target.gives == {}

    def test_says_again_and_again_that_somebody_began_the_end_just_now(self, house: Hands) -> None:
        order = self.given(house)
        request = house.request()
        at_its_end(house, order)
        while "R-TEST" in house.target.gives:
            assert house.clock.now() < T0 + HALF_AN_HOUR + STATED_LAG
            with house.engine.begin() as connection, past_the_guards(connection):
                connection.execute(sql("DELETE FROM entries WHERE kind = 'revoke.intent'"))
            begun = {"at": house.clock.now(), "cause": EndCause.EXPIRED}
            house.ledger.append([RevokeIntent.about(request, **begun, **BY_A_WORKER)])
            carry_out(house, order)
            house.clock.move(seconds=1)

    def test_deletes_the_intent(self, house: Hands) -> None:
        order = self.given(house)
        with house.engine.begin() as connection, past_the_guards(connection):
            connection.execute(sql("DELETE FROM entries WHERE kind IN ('grant.intent', 'granted')"))
        at_its_end(house, order)
        carry_out(house, order)
        assert house.target.gives == {}


class TestAnIdUsedAgain:
    def test_in_a_new_ledger_is_not_ended_by_the_order_of_before(self, house: Hands, tmp_path: Path) -> None:
        house.active(minutes=30)
        old = lying(house)
        again = Hands(tmp_path, clock=house.clock)
        house.clock.move(minutes=20)
        again.active(minutes=30)
        at_its_end(again, old)
        carry_out(again, old)
        assert again.request().state is State.ACTIVE
        assert "R-TEST" in again.target.gives
