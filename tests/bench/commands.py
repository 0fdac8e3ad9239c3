"""How long a slash command waits for its acknowledgement."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from playground.person import NotThere, Person
from playground.sample import REQUESTS
from tests.bench.results import Aim, Result, one_run
from tests.world.product import Product, product

COMMANDS = 300
STARTS = 5
OF_THEIR_SHARE = timedelta(seconds=2)
"""Nobody gets more forms than a share of them in a minute."""
TYPED = ("request orders-db/read 30m INC-42 db down: need shell", "list", "help", "show R-2222", "request")


def measure_commands() -> Sequence[Result]:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, product(Path(folder) / "house") as it:
        alice = it.stage.alice
        took = [_typed(it, alice, TYPED[number % len(TYPED)]) for number in range(COMMANDS)]
    return [one_run("command to ack", "ms", took, aim=Aim(p99=100))]


def measure_first_commands() -> Sequence[Result]:
    """Right after the bot's socket stands, and how long after the start of the process that is."""
    first, ready = [], []
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, product(Path(folder) / "house") as it:
        connections = it.stage.stage.connections
        for _ in range(STARTS):
            it.stage.supervisor.kill("bot-1")
            it.until(lambda: not connections())
            began = time.perf_counter()
            it.until(connections)
            ready.append((time.perf_counter() - began) * 1000)
            first.append(_typed(it, it.stage.alice, TYPED[0]))
    return [
        one_run("first command to ack", "ms", first, aim=Aim(worst=1000)),
        one_run("killed to connected again", "ms", ready),
    ]


def _typed(it: Product, person: Person, words: str) -> float:
    """Milliseconds; a form that opens is closed again."""
    it.pass_time(OF_THEIR_SHARE)
    answer = person.command("/jit", words, channel=REQUESTS)
    assert answer.ok, answer
    if words.startswith("request"):
        it.until(person.has_form)
        with suppress(NotThere):
            person.form().close()
    return answer.seconds * 1000
