"""The timekeeper falls or stalls in the middle of its work: every access ends, once, however late it goes on.

That access ends without it at all is in the tests of promise 2.
"""

import os
import signal
import sqlite3
from contextlib import closing

import pytest

from jit.facts import Ended
from jit.requests.due import REVOKE_STUCK
from jit.requests.lifecycle import Request, State
from tests.world.product import READ, STATED_LAG, Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

AROUND = ("before-revoke", "after-rights", "after-revoke")


def alone(it: Product, point: str) -> tuple[Request, int]:
    """A due access that the timekeeper alone can end, and the timekeeper standing at ``point``."""
    request = it.granted(it.stage.alice, READ)
    it.kill("worker-1", "worker-2")
    it.stage.valkey.kill()
    it.pause(point)
    it.pass_time(request.duration)
    return request, it.paused()


def is_stalled(it: Product, process: int) -> bool:
    """Stops it where it writes nothing, or lets it go on: all others would wait for what it has locked."""
    os.kill(process, signal.SIGSTOP)
    with closing(sqlite3.connect(it.stage.folder / "ledger.db", timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(process, signal.SIGCONT)
            return False
        return True


@pytest.mark.parametrize("point", AROUND)
def test_killed_while_it_takes_away_it_finishes_when_it_is_back(it: Product, point: str):
    request, _ = alone(it, point)
    it.kill("timekeeper")
    it.go_on(point)
    assert it.now(request).state is State.ENDING
    assert it.gives(request) == (point != "after-revoke")  # its role, which by then may have no right

    it.pass_time(REVOKE_STUCK)
    it.start("timekeeper")

    it.reaches(request, State.ENDED)
    assert not it.gives(request)
    (ended,) = it.facts(Ended, request)
    assert ended.existed == (point != "after-revoke")


@pytest.mark.parametrize("point", AROUND)
def test_stalled_while_it_takes_away_a_worker_ends_it_and_it_is_told_once(it: Product, point: str):
    request, timekeeper = alone(it, point)
    it.until(lambda: is_stalled(it, timekeeper))
    try:
        it.go_on(point)
        it.pass_time(STATED_LAG)
        it.stage.valkey.start()
        it.start("worker-1", "worker-2")
        it.until(lambda: not it.gives(request))
    finally:
        os.kill(timekeeper, signal.SIGCONT)

    it.reaches(request, State.ENDED)
    it.settled()
    assert [ended.existed for ended in it.facts(Ended, request)].count(True) == 1


def test_down_while_redis_is_wiped_it_ends_on_its_return_what_fell_due(it: Product):
    request = it.granted(it.stage.alice, READ)
    it.kill("timekeeper")
    with it.redis() as client:
        client.flushall()
    it.pass_time(request.duration)

    it.start("timekeeper")

    it.reaches(request, State.ENDED)
    assert not it.gives(request)
