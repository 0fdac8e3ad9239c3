"""A lockdown, whatever is under way and whichever part is down: access ends, and none begins."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit.facts import EndCause, Ended, Extended, Granted, Lapsed, LockdownBegun
from jit.requests.lifecycle import Request, State
from playground.faults import Outage
from playground.person import Shown
from playground.sample import ALERTS, REQUESTS
from tests.world.lifting import lift_all
from tests.world.product import READ, Product, product
from tests.world.servers import postgres_18

pytestmark = [pytest.mark.fault, pytest.mark.real]

WHY = "somebody reads what they should not"
WRITE = "orders-db/write 30m INC-42 mend a row"
MORE = "two rows left"


@pytest.fixture
def house(it: Product) -> Iterator[Product]:
    """The product that is kept: no lockdown is left in force for the next test."""
    yield it
    lift_all(it.stage.ledger, it.clock)


def lock(it: Product, what: str = "everything") -> str:
    """Its id, once it is on the record."""
    it.stage.carol.command("/jit", f"lockdown {what} {WHY}", channel=REQUESTS)
    it.until(it.stage.ledger.lockdowns)
    return it.stage.ledger.lockdowns()[0].id


def ended_by(it: Product, request: Request, lockdown: str) -> None:
    after = it.reaches(request, State.ENDED)
    assert (after.end_cause, after.lockdown) == (EndCause.LOCKDOWN, lockdown)
    assert not it.gives(request)


@pytest.mark.parametrize("point", ["before-lock", "before-effect", "after-effect"])
def test_during_a_grant(house: Product, point: str) -> None:
    """A worker is stopped between its intent and the effect. Before it asks for the last time it gives nothing; what
    it gives after that ends at once.
    """
    request, _ = house.begun(point)
    lockdown = lock(house)
    house.go_on(point)
    ended_by(house, request, lockdown)
    if point == "before-lock":
        assert house.facts(Granted, request) == []
        assert [fact.existed for fact in house.facts(Ended, request)] == [False]
    house.until(house.workers_are_idle)
    assert not house.gives(request)


def test_during_an_extension(house: Product) -> None:
    request = house.granted(house.stage.alice, WRITE)
    house.pause("before-lock")
    house.stage.alice.command("/jit", f"extend {request.id} 30m {MORE}", channel=REQUESTS)

    def shown() -> Shown | None:
        seen = [each for each in house.stage.bob.sees(REQUESTS) if request.id in each.text and not each.ephemeral]
        return next((each for each in seen if MORE in each.text and "Approve" in each.buttons), None)

    card = house.until(shown)
    assert isinstance(card, Shown)
    assert house.stage.bob.press(card, "Approve").ok
    house.paused()
    lockdown = lock(house, "person @alice")
    house.go_on("before-lock")
    ended_by(house, request, lockdown)
    assert house.facts(Extended, request) == []


def test_with_the_queue_down_and_everything_restarted_in_the_middle(house: Product) -> None:
    active, waiting = house.granted(house.stage.alice, WRITE), house.ask(house.stage.alice, READ)
    house.kill("timekeeper", "worker-1", "worker-2")
    house.stage.valkey.kill()
    lockdown = lock(house, "orders-db")
    house.kill()
    house.start("bot-1", "timekeeper")
    ended_by(house, active, lockdown)
    after = house.reaches(waiting, State.LAPSED)
    assert after.lockdown == lockdown
    assert house.facts(Lapsed, waiting)[0].because == "lockdown"
    house.until(lambda: any("2 of 2 ended" in str(shown.content) for shown in house.stage.carol.sees(ALERTS)))


def test_with_slack_down(house: Product) -> None:
    request = house.granted(house.stage.alice, WRITE)
    house.stage.stage.break_down(Outage.UNAVAILABLE)
    try:
        assert "everything is stopped" in terminal(house, "everything", WHY)
        ended_by(house, request, house.stage.ledger.lockdowns()[0].id)
    finally:
        house.stage.stage.mend()
        house.until(house.stage.stage.connections)


def test_with_the_ledger_down(tmp_path: Path) -> None:
    """The order lies on the disk of worker and timekeeper, who obey it and record it later."""
    with postgres_18() as server, product(tmp_path, ledger_url=server.dsn()) as it:
        request = it.granted(it.stage.alice, WRITE)
        server.kill()
        assert "the ledger is silent" in terminal(it, "everything", WHY)
        it.until(lambda: not it.gives(request))
        server.start()
        it.until(it.stage.ledger.lockdowns)
        [lockdown] = it.stage.ledger.lockdowns()
        ended_by(it, request, lockdown.id)
        [begun] = [entry.fact for entry in it.stage.ledger.read(limit=500) if entry.fact.kind == "lockdown.begun"]
        assert isinstance(begun, LockdownBegun)
        assert (begun.spooled, begun.actor[:4], begun.reason) == (True, "cli:", WHY)
        lift_all(it.stage.ledger, it.clock)
        it.settled()


def terminal(it: Product, *words: str) -> str:
    """What `jit lockdown` says on the host of the workers."""
    return subprocess.run(
        [sys.executable, "-m", "jit.cli", "lockdown", *words],
        env=os.environ | it.stage.everything,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
