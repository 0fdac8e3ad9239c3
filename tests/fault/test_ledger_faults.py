"""The ledger's server is gone: at a press, at a grant, and when access is due to end.

Nothing is granted while its clock disagrees: the clock of a test moves only after the last grant.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jit.facts import EndCause, Ended, Granted, GrantIntent, RevokeIntent
from jit.requests.due import GRANT_GIVEN_UP
from jit.requests.lifecycle import Request, State
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.product import Product, product
from tests.world.servers import postgres_18
from tests.world.spooling import facts_in

pytestmark = [pytest.mark.fault, pytest.mark.real]

NOT_RECORDED = (
    "The record cannot be reached right now, so nothing was done. What is due still ends. Try again in a minute."
)


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """The ledger's own."""
    with postgres_18() as running:
        yield running


@pytest.fixture
def it(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Product]:
    with product(tmp_path, ledger_url=server.dsn()) as made:
        yield made
        made.settled()


def test_ledger_gone_at_a_press_decides_nothing_and_at_a_grant_gives_nothing(
    it: Product, server: EmbeddedPostgres
) -> None:
    bob, alice = it.stage.bob, it.stage.alice
    pending = it.ask(alice, "orders-db/read 30m INC-1 stuck orders")
    active = it.granted(alice, "orders-db/write 30m INC-1 mend an order")
    asked, given = it.card(bob, pending, "Approve"), it.card(alice, active, "End access")
    server.kill()
    assert it.told(bob, lambda: bob.press(asked, "Approve")) == NOT_RECORDED
    assert "the access ends at its time" in it.told(alice, lambda: alice.press(given, "End access"))
    assert it.told(alice, lambda: alice.press(asked, "Withdraw")) == NOT_RECORDED
    assert it.told(bob, lambda: bob.press(asked, "Deny")) == NOT_RECORDED
    assert "take it away in the target by hand" in it.told(bob, lambda: bob.press(given, "End access"))
    server.start()
    assert it.now(pending).state is State.PENDING
    assert it.now(active).state is State.ACTIVE

    approved_while_it_goes(it, server, pending, "before-intent")
    it.reaches(pending, State.ACTIVE)
    assert len(it.facts(GrantIntent, pending)) == len(it.facts(Granted, pending)) == 1
    assert order_in_the_queue(it, pending) == it.facts(GrantIntent, pending)[0].end_order  # not of the first try

    begun = it.ask(it.stage.eve, "orders-db/read 30m INC-2 stuck orders")
    approved_while_it_goes(it, server, begun, "before-lock")
    assert it.now(begun).state is State.GRANTING
    it.pass_time(GRANT_GIVEN_UP)
    it.reaches(begun, State.FAILED)


def approved_while_it_goes(it: Product, server: EmbeddedPostgres, request: Request, point: str) -> None:
    """The ledger is gone when the grant has come to ``point``, and comes back when that was noticed."""
    it.pause(point)
    it.approve(it.stage.bob, request)
    it.paused()
    server.kill()
    it.go_on(point)
    it.until(lambda: it.log_lines("grant.put_off", request_id=request.id))
    assert not it.gives(request)
    server.start()


def order_in_the_queue(it: Product, request: Request) -> str:
    with it.redis() as client:
        (left,) = [name for name in client.zrange("rq:scheduled:jit-ends", 0, -1) if request.id.encode() in name]
        text: bytes = client.hget(f"rq:job:{left.decode()}", "order")
    return text.decode()


def end_is_spooled(it: Product, request: Request) -> bool:
    """Its outcome, which is written a moment after the access is gone."""
    facts = facts_in(it.stage.folder / "spool" / "spool.db")
    return any(request.id in fact and '"kind": "ended"' in fact for fact in facts)


def how_it_ended(it: Product, request: Request) -> list[tuple[bool, EndCause, str]]:
    """Whether it was spooled, why and by whom: of whoever took it away. Others may find it gone and say so."""
    return [(fact.spooled, fact.cause, fact.source.value) for fact in it.facts(Ended, request) if fact.existed]


def test_ledger_gone_at_expiry_ends_access_and_is_told_later(it: Product, server: EmbeddedPostgres) -> None:
    """First by the timekeeper alone, then by a worker with its signed order alone."""
    alice, bob = it.stage.alice, it.stage.bob
    by_timekeeper = it.granted(alice, "orders-db/read 30m INC-3 stuck orders")
    by_order = it.granted(alice, "orders-db/write 1h INC-3 mend an order")
    without_outcome = it.ask(it.stage.eve, "orders-db/read 30m INC-4 stuck orders")
    it.pause("after-effect")
    it.approve(bob, without_outcome)
    it.paused()
    server.kill()
    it.go_on("after-effect")
    it.until(lambda: it.log_lines("grant.put_off", request_id=without_outcome.id))
    assert it.gives(without_outcome)

    it.kill("worker-1")
    it.pass_time(timedelta(minutes=30))
    it.until(lambda: end_is_spooled(it, by_timekeeper) and end_is_spooled(it, without_outcome))
    assert not it.gives(by_timekeeper)
    assert not it.gives(without_outcome)
    assert it.gives(by_order)

    it.kill("timekeeper")
    it.start("worker-1")
    it.pass_time(timedelta(minutes=30))
    it.until(lambda: end_is_spooled(it, by_order))
    assert not it.holds("alice", "orders_write")

    server.start()
    it.start("timekeeper")
    for request, process in ((by_timekeeper, "timekeeper"), (without_outcome, "timekeeper"), (by_order, "worker")):
        it.reaches(request, State.ENDED)
        it.until(lambda: how_it_ended(it, request) == [(True, EndCause.EXPIRED, process)])  # noqa: B023  called at once
        assert any(intent.spooled and intent.source.value == process for intent in it.facts(RevokeIntent, request))
    assert not it.facts(Granted, without_outcome)
    assert not (it.stage.folder / "spool" / "spool.unreadable").exists()
