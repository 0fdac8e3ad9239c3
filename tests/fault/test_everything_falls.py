"""Everything is killed at once, and started again when the end is long past."""

from datetime import timedelta

import psycopg
import pytest

from jit.facts import Ended, Granted
from jit.requests.lifecycle import State
from tests.world.exhaustive import exhaustive
from tests.world.product import READ, Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

FALLS = exhaustive("falls of everything at every point")


def everything_falls(it: Product, *, target_too: bool) -> None:
    it.kill()
    it.stage.valkey.kill()
    if target_too:
        it.stage.postgres.kill()


def everything_starts(it: Product) -> None:
    it.stage.valkey.start()
    it.stage.postgres.start()
    it.start()


@pytest.mark.parametrize("target_too", [False, True], ids=["but the target", "and the target"])
def test_an_access_that_fell_due_meanwhile_ends(it: Product, target_too: bool):
    request = it.granted(it.stage.alice, READ)
    with psycopg.connect(it.stage.orders_dsn("alice"), autocommit=True) as session:
        assert session.execute("SELECT count(*) FROM orders").fetchone() == (3,)
        everything_falls(it, target_too=target_too)
        it.pass_time(timedelta(minutes=45))

        everything_starts(it)

        it.reaches(request, State.ENDED)
        assert not it.gives(request)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    (ended,) = it.facts(Ended, request)
    assert ended.sessions == (0 if target_too else 1)


@pytest.mark.parametrize(
    ("point", "target_too"),
    [
        pytest.param("before-effect", False, marks=FALLS),
        ("before-effect", True),
        ("after-effect", False),
        pytest.param("after-effect", True, marks=FALLS),
    ],
)
def test_a_grant_in_progress_is_over_when_all_is_back(it: Product, point: str, target_too: bool):
    request, _ = it.begun(point)
    everything_falls(it, target_too=target_too)
    it.go_on(point)
    it.pass_time(timedelta(minutes=45))

    everything_starts(it)

    it.reaches(request, State.FAILED, State.ENDED)
    it.until(it.workers_are_idle)
    assert not it.gives(request)
    assert it.facts(Granted, request) == []


def test_an_approval_nobody_took_up_lapses(it: Product):
    it.kill("worker-1", "worker-2")
    request = it.ask(it.stage.alice, READ)
    it.approve(it.stage.bob, request)
    it.reaches(request, State.APPROVED)
    everything_falls(it, target_too=False)
    it.pass_time(timedelta(minutes=45))

    everything_starts(it)

    assert it.reaches(request, State.LAPSED).closed_because == "not_begun"
    assert not it.gives(request)
