"""From a lockdown of everything on the record to the moment PostgreSQL has nothing of what was active."""

import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from jit.facts import LockdownBegun, Source
from playground.sample import CAROL
from tests.bench.crowd import crowd
from tests.bench.endings import gone_at
from tests.bench.results import Aim, Result, one_run

MANY, MORE = 1_000, 10_000
LATER = timedelta(hours=7)


def measure_lockdown() -> Sequence[Result]:
    return [_locked(MANY, worst=10), _locked(MORE, worst=120)]


def _locked(number: int, worst: float) -> Result:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, crowd(Path(folder)) as many:
        house = many.house
        now = house.clock.now()
        given = many.give([now + LATER] * number)
        told = {"lockdown_id": "L-BENCH", "scope": "everything", "reason": "measured"}
        fact = LockdownBegun(at=house.clock.now(), actor=CAROL, source=Source.SLACK, **told)
        began = time.time()
        house.stage.ledger.append([fact])
        gone = [at - began for at in gone_at(house, given, within=3600).values()]
        says = "one timekeeper, one worker, bot and mirror reading along, all on one machine"
        return one_run(f"{number:,} active on one PostgreSQL: gone after", "s", gone, aim=Aim(worst=worst), says=says)
