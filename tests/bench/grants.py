"""From the press on Approve to access that an open session can use."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from bot.buttons import value_of
from jit.requests.lifecycle import Request, State
from tests.bench.commands import OF_THEIR_SHARE
from tests.bench.results import Aim, Result, one_run
from tests.world.product import Product, product

PRESSES = 120


def measure_grants() -> Sequence[Result]:
    """Cards appear at Slack's pace, one a second, so only the first is waited for: Bob presses its button with the
    value that the others will carry.
    """
    usable, acked, recorded = [], [], []
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, product(Path(folder) / "house") as it:
        bob = it.stage.bob
        seen = None
        for _ in range(PRESSES):
            it.pass_time(2 * OF_THEIR_SHARE)
            request = it.ask(it.stage.alice, "orders-db/read 1h INC-42 to see how fast it is")
            seen = seen or it.card(bob, request, "Approve")
            action = {**seen.action("Approve"), "value": value_of(request.id, request.digest)}
            with psycopg.connect(it.stage.orders_dsn("alice"), autocommit=True) as session:
                began = time.perf_counter()
                answer = bob.press_raw(seen, action)
                _until_it_reads(session)
                usable.append((time.perf_counter() - began) * 1000)
                acked.append(answer.seconds * 1000)
            recorded.append(_given_back(it, request))
    return [
        one_run("pressed to usable", "ms", usable, aim=Aim(p50=100, p99=300)),
        one_run("pressed to ack", "ms", acked),
        one_run("approved to granted, by the record", "ms", recorded),
    ]


def _until_it_reads(session: psycopg.Connection, within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            session.execute("SELECT count(*) FROM orders")
        except psycopg.errors.InsufficientPrivilege:
            time.sleep(0.001)
        else:
            return
    raise TimeoutError("approved, but not usable")


def _given_back(it: Product, request: Request) -> float:
    """Release, and wait for the end; the milliseconds from decision to outcome."""
    active = it.reaches(request, State.ACTIVE)
    it.stage.alice.command("/jit", f"release {request.id}", channel=request.channel)
    it.reaches(request, State.ENDED)
    assert active.granted_at
    assert active.approved_at
    return (active.granted_at - active.approved_at).total_seconds() * 1000
