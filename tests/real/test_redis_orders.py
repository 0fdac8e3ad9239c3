"""Whoever can write to Redis has nothing granted, and nothing ended that should not end. Each test is one way in;
afterwards the worker must still do honest work.
"""

from typing import Any

import pytest

from jit.facts import Alert
from jit.ports import Held
from jit.requests.lifecycle import State
from jit.requests.scope import What
from jit.runtime.queue import ENDS
from jit.testing import T0
from jit.use_cases.lockdown import ordered
from tests.world.end_orders import order_about
from tests.world.hands import KEY
from tests.world.office import TERMINAL
from tests.world.redis_attack import Attack
from workers.end_orders.queue import TIMEKEEPER_FIRST
from workers.end_orders.signed import EndOrder, sign

pytestmark = pytest.mark.real


class TestGrants:
    def test_of_what_nobody_approved_and_of_what_does_not_exist(self, attack: Attack) -> None:
        for request_id in ("R-WANT", "R-NONE"):
            attack.put(["grant", None, [request_id], {}])
            attack.work()
            assert attack.failed(), request_id

    def test_of_what_a_lockdown_stops(self, attack: Attack) -> None:
        """It was approved in time: what lies in Redis gives no more than the record does."""
        story = attack.house.story("R-WANT", access="ledger-db/read")
        story.approval()
        story.approved()
        begun = ordered(None, by=TERMINAL, at=T0, what=What("target", "ledger-db"), reason="stop it")
        attack.house.ledger.append_lockdown(begun, ())
        attack.before["R-WANT"] = attack.house.kinds("R-WANT")
        attack.put(["grant", None, ["R-WANT"], {}])
        attack.put(["lockdown", None, [begun.lockdown_id], {}], name="evil2")
        attack.put(["lift", None, [begun.lockdown_id], {}], name="evil3")
        attack.work()
        assert attack.failed()
        assert [each.id for each in attack.house.ledger.lockdowns()] == [begun.lockdown_id]

    def test_with_arguments_of_another_shape(self, attack: Attack) -> None:
        asked: list[str] = []
        attack.house.granter.grant = asked.append  # type: ignore[method-assign]
        for arguments in (
            ["R-WANT; DROP ROLE alice"],
            ["R-WANT\n"],
            ["../../R-WANT"],
            ["r-want"],
            ["R-\u0661\u0661\u0661\u0661"],
            ["R-" + "A" * 100_000],
            ["R-WANT", "R-TEST"],
            [],
            [None],
            [["R-WANT"]],
            [{"$ne": ""}],
            "R-WANT",
            {"request_id": "R-WANT"},
        ):
            attack.put(["grant", None, arguments, {}])
            attack.work()
            assert asked == [], arguments
            assert attack.failed(), arguments

    def test_with_named_arguments(self, attack: Attack) -> None:
        asked: list[str] = []
        attack.house.granter.grant = asked.append  # type: ignore[method-assign]
        attack.put(["grant", None, ["R-WANT"], {"self": "x"}])
        attack.put(["grant", None, ["R-WANT"], {"self": None}], name="evil3")
        attack.put(["grant", None, [], {"request_id": "R-WANT"}], name="evil2")
        attack.work()

        assert asked == []


class TestEnds:
    def true_order(self, attack: Attack, **other: Any) -> EndOrder:
        request = attack.house.request("R-TEST")
        assert request.ends_at is not None
        return order_about(request, request.ends_at, **other)

    def test_by_a_bare_word_for_what_nobody_ordered_to_end(self, attack: Attack) -> None:
        attack.put(["revoke", None, ["R-TEST"], {}], queue=ENDS)
        attack.work()

        assert attack.failed()

    def test_by_an_order_signed_with_another_key(self, attack: Attack) -> None:
        attack.put(["end", None, [sign(b"x" * 32, self.true_order(attack, ends_at=T0))], {}], queue=ENDS)
        attack.work()

        assert attack.failed()
        assert attack.house.ledger.history("R-TEST")[-1].fact.kind == "granted"

    def test_by_a_true_order_moved_forward(self, attack: Attack) -> None:
        (name,) = attack.redis.zrange("rq:scheduled:jit-ends", 0, -1)
        attack.redis.zadd("rq:scheduled:jit-ends", {name: 0})
        attack.redis.rpush("rq:queue:jit-ends", name)
        attack.work()

        assert attack.failed()
        assert attack.honest_work_goes_on()

    def test_by_a_true_order_with_a_changed_name(self, attack: Attack) -> None:
        true = sign(KEY, self.true_order(attack))
        _, _, signature = true.rpartition(".")
        changed, _, _ = sign(b"x" * 32, self.true_order(attack, principal="postgres", ends_at=T0)).rpartition(".")
        attack.put(["end", None, [f"{changed}.{signature}"], {}], queue=ENDS)
        attack.work()

        assert attack.failed()

    def test_by_a_true_order_kept_from_an_earlier_grant(self, attack: Attack) -> None:
        """An order for one request is worth nothing against a later one of the same person."""
        order = sign(KEY, self.true_order(attack))
        assert attack.honest_work_goes_on()
        attack.house.active("R-NEXT", minutes=30)
        attack.put(["end", None, [order], {}], queue=ENDS)
        attack.work()

        assert list(attack.house.target.gives) == ["R-NEXT"]
        assert attack.house.request("R-NEXT").state is State.ACTIVE

    def test_by_the_order_of_a_try_that_failed_put_back_in_the_newer_ones_place(self, attack: Attack) -> None:
        house, place = attack.house, "rq:job:end-R-NEXT"
        assert attack.honest_work_goes_on()
        house.approved("R-NEXT", minutes=20)
        house.ledger.cut_before = frozenset({"grant.intent"})
        house.granter.grant("R-NEXT")
        house.ledger.cut, house.ledger.cut_before = False, frozenset()
        first = attack.redis.hgetall(place)
        house.clock.move(minutes=10)
        house.granter.grant("R-NEXT")
        newer = attack.redis.hget(place, "order")
        assert newer != first[b"order"]

        attack.redis.hset(place, mapping=first)
        attack.redis.zadd("rq:scheduled:jit-ends", {"end-R-NEXT": 0})
        house.clock.move(minutes=10)
        attack.work()

        assert house.request("R-NEXT").state is State.ACTIVE
        assert attack.redis.hget(place, "order") == newer
        house.clock.time = house.request("R-NEXT").ends_at + TIMEKEEPER_FIRST
        attack.work()
        assert house.request("R-NEXT").state is State.ENDED

    def test_of_what_is_not_ours(self, attack: Attack) -> None:
        """Whatever the target holds beside the grants of the ledger is not to be reached from Redis."""
        attack.house.target.gives["R-DBA1"] = Held("R-DBA1", "dba", ("everything",), None)
        attack.put(["revoke", None, ["R-DBA1"], {}], queue=ENDS)
        attack.work()

        assert "R-DBA1" in attack.house.target.gives

    def test_put_off_by_moving_them_back_are_seen_to_by_the_timekeeper(self, attack: Attack) -> None:
        (name,) = attack.redis.zrange("rq:scheduled:jit-ends", 0, -1)
        attack.redis.zadd("rq:scheduled:jit-ends", {name: 9e12})
        attack.house.clock.move(minutes=30)
        attack.work()
        assert not attack.house.kinds("R-TEST").count("ended")

        attack.house.timekeeper.sweep()

        assert attack.house.target.gives == {}
        assert attack.house.request("R-TEST").state is State.ENDED

    def test_forged_in_masses_do_not_flood_the_record(self, attack: Attack) -> None:
        before = attack.house.ledger.last_index()
        for number in range(100):
            attack.put(["end", None, [f"end1.{number}.{'0' * 64}"], {}], queue=ENDS, name=f"evil{number}")
        attack.work()

        assert attack.house.ledger.last_index() == before + 1
        assert attack.failed()


def test_with_redis_wiped_access_ends_by_the_timekeeper(attack: Attack) -> None:
    attack.redis.flushall()
    attack.house.clock.move(minutes=30)
    attack.work()
    attack.house.timekeeper.sweep()

    assert attack.house.target.gives == {}
    assert not [entry for entry in attack.house.ledger.read() if isinstance(entry.fact, Alert)]
