"""Redis is wiped, falls or freezes: access ends all the same, and none begins whose end could not be scheduled.

That access ends without it at all is in the tests of promise 2.
"""

import pytest

from jit.facts import BEGIN_WITHIN, Ended, GrantIntent, Source
from jit.requests.due import GRANT_NUDGE
from jit.requests.lifecycle import Request, State
from tests.world.processes import frozen
from tests.world.product import READ, STATED_LAG, Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

WRITE = "orders-db/write 30m INC-42 set order 4711 free"


def approved_without_redis(it: Product) -> Request:
    request = it.ask(it.stage.alice, READ)
    it.stage.valkey.kill()
    it.approve(it.stage.bob, request)
    return it.reaches(request, State.APPROVED)


def test_wiped_with_grants_active(it: Product):
    hers, his = it.granted(it.stage.alice, READ), it.granted(it.stage.eve, WRITE)
    with it.redis() as client:
        client.flushall()

    it.expire(hers)
    it.expire(his)


def test_frozen_with_a_grant_active(it: Product):
    request = it.granted(it.stage.alice, READ)
    with frozen(it.stage.valkey.pid):
        it.expire(request)


def test_fallen_and_back_it_still_knows_when_access_ends(it: Product):
    request = it.granted(it.stage.alice, READ)
    it.kill("timekeeper")
    it.stage.valkey.kill()
    it.stage.valkey.start()

    it.pass_time(request.duration + STATED_LAG)
    it.expire(request)

    (ended,) = it.facts(Ended, request)
    assert ended.source is Source.WORKER


def test_gone_at_approval_it_is_granted_once_redis_is_back(it: Product):
    request = approved_without_redis(it)
    it.pass_time(BEGIN_WITHIN / 2)
    it.until(lambda: it.log_lines("queue.unavailable", request_id=request.id))
    assert it.kinds(request) == ["requested", "approval", "approved"]

    it.stage.valkey.start()
    it.pass_time(GRANT_NUDGE)

    it.reaches(request, State.ACTIVE)
    assert it.holds("alice", "orders_read")
    it.expire(request)


def test_gone_at_approval_for_too_long_it_lapses(it: Product):
    request = approved_without_redis(it)
    it.pass_time(BEGIN_WITHIN)
    assert it.reaches(request, State.LAPSED).closed_because == "not_begun"

    it.stage.valkey.start()

    it.until(it.workers_are_idle)
    assert it.kinds(request) == ["requested", "approval", "approved", "lapsed"]
    assert not it.gives(request)


def test_an_order_to_end_that_is_not_on_disk_begins_nothing(it: Product):
    """A Redis that falls would not know when this ends."""
    request = it.ask(it.stage.alice, READ)
    with it.redis() as client:
        client.config_set("appendfsync", "no")
        try:
            it.approve(it.stage.bob, request)
            it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, why="QueueUnavailable"))
            assert it.facts(GrantIntent, request) == []
        finally:
            client.config_set("appendfsync", "always")
    it.pass_time(GRANT_NUDGE)
    it.reaches(request, State.ACTIVE)


def test_gone_when_the_end_is_to_be_scheduled_nothing_is_begun(it: Product):
    request, _ = it.begun("before-intent")
    it.stage.valkey.kill()

    it.go_on("before-intent")

    it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, why="QueueUnavailable"))
    assert it.facts(GrantIntent, request) == []
    assert not it.gives(request)
    it.stage.valkey.start()
    it.pass_time(GRANT_NUDGE)
    it.reaches(request, State.ACTIVE)
    it.expire(request)
