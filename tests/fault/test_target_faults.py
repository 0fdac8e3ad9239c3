"""The target is down, or refuses, at a grant. When an access is due to end: in the tests of promise 2."""

from datetime import timedelta

import psycopg
import pytest

from jit.facts import Granted, GrantIntent
from jit.requests.due import GRANT_NUDGE, GRANT_STUCK
from jit.requests.lifecycle import State
from playground.sample import ALERTS
from tests.world.product import Product

pytestmark = [pytest.mark.fault, pytest.mark.real]


def test_target_down_at_grant_gives_nothing_and_then_gives(it: Product) -> None:
    alice, bob = it.stage.alice, it.stage.bob
    request = it.ask(alice, "orders-db/read 30m INC-1 stuck orders")
    it.stage.postgres.kill()
    it.approve(bob, request)
    it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, why="TargetUnreachable"))
    it.until(lambda: "not given yet" in it.card(alice, request).text)
    assert not it.facts(GrantIntent, request)
    assert not [shown for shown in alice.dms() if request.id in shown.text]
    it.stage.postgres.start()
    it.pass_time(GRANT_NUDGE)
    it.reaches(request, State.ACTIVE)
    assert it.holds("alice", "orders_read")
    it.settled()
    alice.finds("Granted")


def test_target_that_goes_down_after_the_intent_is_not_said_to_have_given(it: Product) -> None:
    request, _ = it.begun("before-lock", "orders-db/write 30m INC-2 mend an order")
    it.stage.postgres.kill()
    it.go_on("before-lock")
    it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, why="TargetUnreachable"))
    assert it.now(request).state is State.GRANTING
    assert "Active" not in it.card(it.stage.alice, request).text
    it.stage.postgres.start()
    it.pass_time(GRANT_STUCK)
    it.reaches(request, State.ACTIVE)
    assert it.holds("alice", "orders_write")


def test_target_that_refuses_is_told_on_the_card_and_to_the_requester(it: Product) -> None:
    eve, bob = it.stage.eve, it.stage.bob
    with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as admin:
        admin.execute("ALTER ROLE eve RENAME TO eve_left")
        request = it.ask(eve, "orders-db/read 30m INC-3 stuck orders")
        it.approve(bob, request)
        it.reaches(request, State.FAILED)
        admin.execute("ALTER ROLE eve_left RENAME TO eve")
    it.settled()
    assert it.card(eve, request).text.startswith("Not granted: orders-db refused")
    assert "Not granted" in eve.finds(request.id).text
    assert "was approved and was not given" in it.stage.carol.finds(request.id, channel=ALERTS).text
    assert not it.holds("eve", "orders_read")
    assert not it.facts(Granted, request)


def test_target_down_for_too_long_lapses_what_was_approved(it: Product) -> None:
    alice, bob = it.stage.alice, it.stage.bob
    request = it.ask(alice, "orders-db/read 30m INC-5 stuck orders")
    it.stage.postgres.kill()
    it.approve(bob, request)
    it.reaches(request, State.APPROVED)
    it.pass_time(timedelta(minutes=15))
    it.reaches(request, State.LAPSED)
    it.stage.postgres.start()
    it.settled()
    assert "no worker could begin it" in it.card(alice, request).text
    assert "Lapsed" in alice.finds(request.id).text
    assert not it.holds("alice", "orders_read")
