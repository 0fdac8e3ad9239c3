"""Random faults, while people ask, approve, deny and give back at random, and time is moved. Then everything is put
right, and what `Product.settled` promises must hold. The same seed makes the same choices; the machine's pace differs.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251  seeded, so that a fault found can be looked for again

from jit.facts import Granted, Requested
from tests.bench.faults import Faults
from tests.bench.life import People
from tests.bench.results import Aim, Result, one_run
from tests.world.product import STATED_LAG, Product, product

SETTLED_WITHIN = 300.0
"""Real seconds: every card is drawn again, at Slack's pace."""
CALM_WITHIN = 30.0
LONGEST_PAUSE = 0.4
LONGEST_LEAP = 15 * 60
EVERYTHING_OVER = timedelta(hours=30)


Tell = Callable[[str], object]


class Violation(Exception):
    """A promise did not hold. The message says which, and with what seed."""


def measure_chaos(seed: int, steps: int, tell: Tell) -> Sequence[Result]:
    """Raises Violation. What the processes said is kept then."""
    folder = Path(tempfile.mkdtemp(prefix="jit-chaos-"))
    tell(f"seed {seed}, {steps} steps")
    try:
        with product(folder / "house", workers=2) as it:
            chaos = Chaos(it, Random(seed), tell)
            chaos.play(steps)
            chaos.settle()
            results = chaos.results(seed)
    except Exception as broken:
        raise Violation(f"{broken!r}, with the seed {seed}. What the processes said is in {folder}.") from broken
    shutil.rmtree(folder, ignore_errors=True)
    return results


class Chaos:
    """``tell`` is told each step, for whoever has to find out why it went wrong."""

    def __init__(self, it: Product, random: Random, tell: Tell) -> None:
        self._house = it
        self._random = random
        self._tell = tell
        self._people = People(it, random)
        self._faults = Faults(it, random)
        self._counts: Counter[str] = Counter()
        self._calmed: list[float] = []
        self._settled = 0.0

    def play(self, steps: int) -> None:
        for number in range(steps):
            what = self._random.choices(("people", "fault", "time", "calm"), (70, 18, 9, 3))[0]
            act = {"people": self._people.act, "fault": self._faults.act, "time": self._leap, "calm": self._calm}[what]
            self._tell(f"{number + 1:4} {act()}")
            self._counts[what] += 1
            for fault in self._faults.end_some():
                self._tell(f"     {fault} is over")
            time.sleep(self._random.uniform(0, LONGEST_PAUSE))

    def settle(self) -> None:
        self._tell("     everything is put right")
        self._calm()
        began = time.monotonic()
        self._house.settled()
        self._settled = time.monotonic() - began
        self._tell("     everything is over")
        self._house.pass_time(EVERYTHING_OVER)
        self._house.settled()
        held = self._house.held_roles()
        assert not held, f"still in the database: {held}"

    def results(self, seed: int) -> list[Result]:
        entries = self._house.stage.ledger.read(limit=100_000)
        recorded = Counter(entry.fact.kind for entry in entries)
        later = {each.fact.request_id for each in entries if isinstance(each.fact, Requested) and each.fact.start_at}
        given = [each.fact.request_id for each in entries if isinstance(each.fact, Granted)]
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(self._faults.counts.items()))
        of_it = f"{sum(each in later for each in given)} later, {recorded['extended']} extended"
        grants = f"{len(given)} grants ({of_it}), {recorded['narrowed']} narrowed"
        says = f"{self._counts['people']} acts of people, {grants}, {len(entries)} entries; faults: {kinds}"
        return [
            one_run(
                f"seed {seed}: all promises held; faults over to nothing overdue",
                "s",
                self._calmed,
                aim=Aim(worst=STATED_LAG.total_seconds()),
                says=says,
            ),
            one_run(f"seed {seed}: until every card and line was shown", "s", [self._settled]),
        ]

    def _leap(self) -> str:
        by = timedelta(seconds=self._random.randrange(1, self._random.choice((5, 60, 60, LONGEST_LEAP))))
        self._house.pass_time(by)
        return f"{by} pass"

    def _calm(self) -> str:
        """All faults end, and soon nothing is held that is over."""
        self._faults.end_all()
        began = time.monotonic()
        self._house.until(lambda: self._house.held_roles() <= self._house.active_roles(), CALM_WITHIN)
        self._calmed.append(time.monotonic() - began)
        return f"all faults are over, nothing overdue after {self._calmed[-1]:.2f} s"
