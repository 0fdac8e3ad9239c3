"""Payloads that are not as Slack makes them, by the ten thousand, on every core. What must hold is in tests/hostile."""

import json
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase

from jit.runtime import logs
from tests.bench.chaos import Tell, Violation
from tests.bench.results import Result, one_run
from tests.hostile.damage import Attack, attacks
from tests.hostile.siege import Siege, besieged
from tests.hostile.verdict import judge

AT_ONCE = 1000
"""Examples in one run of hypothesis, which remembers all of a run."""


def measure_hostile(seed: int, examples: int, tell: Tell) -> Sequence[Result]:
    """Raises Violation."""
    spawned = multiprocessing.get_context("spawn")
    told: Any = spawned.Queue()
    share = -(-examples // (os.cpu_count() or 1))
    began = time.perf_counter()
    besiegers = [
        spawned.Process(target=_besiege, args=(seed * 1_000_000 + number * 1000, share, told))
        for number in range(os.cpu_count() or 1)
    ]
    for besieger in besiegers:
        besieger.start()
    samples: list[float] = []
    came_of_it: Counter[str] = Counter()
    for _ in range(-(-share // AT_ONCE) * len(besiegers)):
        broken, took, counted = told.get()
        if broken:
            for besieger in besiegers:
                besieger.terminate()
            raise Violation(broken)
        samples += took
        came_of_it += counted
        tell(f"{len(samples):7,} payloads")
    for besieger in besiegers:
        besieger.join()
    seconds = time.perf_counter() - began
    says = f"{len(samples):,} in {seconds:.0f} s, all acknowledged; {_in_words(came_of_it)}"
    return [one_run(f"seed {seed}: a payload to all that comes of it", "ms", samples, says=says)]


def _in_words(came_of_it: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in came_of_it.most_common())


def _besiege(seed: int, examples: int, told: Any) -> None:
    logs.set_up("CRITICAL")
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, besieged(Path(folder)) as siege:
        for number, begin in enumerate(range(0, examples, AT_ONCE)):
            told.put(_assault(siege, seed + number, min(AT_ONCE, examples - begin)))


def _assault(siege: Siege, seed: int, examples: int) -> tuple[str, list[float], Counter[str]]:
    """The violation found, if any; milliseconds of each; and what came of them."""
    took: list[float] = []
    came_of_it: Counter[str] = Counter()
    found = ""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(attacks(siege.samples, siege.loot))
    def assault(attack: Attack) -> None:
        nonlocal found
        began = time.perf_counter()
        outcome = siege.suffers(attack)
        took.append((time.perf_counter() - began) * 1000)
        try:
            came_of_it[judge(attack, outcome, siege.requests)] += 1
        except AssertionError as broken:
            found = f"{broken} (seed {seed}, {attack.name}): {json.dumps(attack.payload)[:4000]}"
            raise

    try:
        assault()
    except AssertionError:
        return found, took, came_of_it
    return "", took, came_of_it
