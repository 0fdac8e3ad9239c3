"""From a press to the App Homes that it concerns, drawn anew."""

import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.buttons import value_of
from jit.requests.lifecycle import State
from playground.person import Person
from playground.sample import REQUESTS
from tests.bench.commands import OF_THEIR_SHARE
from tests.bench.results import Aim, Result, one_run
from tests.world.product import product

ROUNDS = 60
TYPED = "orders-db/read 1h INC-42 to see how fast it is"
FOLLOWS = Aim(p99=2000)
"""Slack takes one Home of one person a second: what comes within that is drawn with what comes after it."""


def measure_homes() -> Sequence[Result]:
    """Both Homes are opened once, and drawn from then on by what the record says. The effect is in what is measured:
    access given, and taken.
    """
    asked, given, ended = [], [], []
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, product(Path(folder) / "house") as it:
        alice, bob = it.stage.alice, it.stage.bob
        for person in (alice, bob):
            person.open_home()
            it.until(person.home)
        seen = None
        for _ in range(ROUNDS):
            it.pass_time(2 * OF_THEIR_SHARE)
            alice.command("/jit", f"request {TYPED}", channel=REQUESTS)
            began = _now()
            alice.form().submit()
            it.until(lambda: "[Approve]" in _text(bob))
            asked.append(_now() - began)
            (request,) = [each for each in it.stage.live() if each.state is State.PENDING]
            seen = seen or it.card(bob, request, "Approve")
            action = {**seen.action("Approve"), "value": value_of(request.id, request.digest)}
            began = _now()
            bob.press_raw(seen, action)
            it.until(lambda: "Active until" in _text(alice))
            given.append(_now() - began)
            began = _now()
            alice.command("/jit", f"release {request.id}", channel=REQUESTS)
            it.until(lambda about=f"Ended.*{request.id}": re.search(about, _text(alice)))  # type: ignore[misc]
            ended.append(_now() - began)
            it.until(lambda: "[Approve]" not in _text(bob))
    return [
        one_run("asked to the Home of who decides", "ms", asked, aim=FOLLOWS),
        one_run("approved to the Home of the requester, access given", "ms", given, aim=FOLLOWS),
        one_run("released to the Home of the requester, access gone", "ms", ended, aim=FOLLOWS),
    ]


def _text(person: Person) -> str:
    home = person.home()
    return home.text if home else ""


def _now() -> float:
    return time.perf_counter() * 1000
