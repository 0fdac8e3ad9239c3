"""From the moment access is due to the moment PostgreSQL no longer has it."""

import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import psycopg

from jit.requests.lifecycle import Request, State
from tests.bench.crowd import Crowd, crowd
from tests.bench.results import Aim, Result, one_run
from tests.world.product import Product

STAY = 1000
"""So many are active all the while."""
SPREAD = 300
"""So many end one after the other."""
APART = timedelta(seconds=0.2)
AT_ONCE = 500
LATER = timedelta(hours=3)
LOOK_SECONDS = 0.02


def measure_endings() -> Sequence[Result]:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, crowd(Path(folder)) as many:
        now, began = many.house.clock.now(), time.monotonic()
        at_once = many.give([now + LATER] * AT_ONCE)
        many.give([now + LATER * 2] * (STAY - AT_ONCE))
        lead = timedelta(seconds=5 + (time.monotonic() - began) * SPREAD / STAY * 1.5)
        return [*_one_after_the_other(many, lead), *_all_at_once(many.house, at_once)]


def _one_after_the_other(many: Crowd, lead: timedelta) -> list[Result]:
    """``lead`` is enough to put them in place before the first is due."""
    first = many.house.clock.now() + lead
    given = many.give([first + number * APART for number in range(SPREAD)])
    assert many.house.clock.now() < first, "it took too long to put them in place"
    gone = _gone_at(many.house, given)
    late = [gone[request.id] - _due(request) for request in given]
    return [
        one_run("due to gone from PostgreSQL, 1,000 others active", "s", late, aim=Aim(p50=1, p99=2)),
        one_run("due to ended, by the record", "s", [_recorded(many.house, request) for request in given]),
    ]


def _all_at_once(it: Product, due: Sequence[Request]) -> list[Result]:
    """The clock jumps to where all of them are due."""
    it.pass_time(LATER)
    jumped = time.time()
    gone = _gone_at(it, due)
    return [
        one_run("500 due in the same second: gone after", "s", [at - jumped for at in gone.values()], aim=Aim(worst=15))
    ]


def _gone_at(it: Product, given: Sequence[Request], within: float = 240.0) -> dict[str, float]:
    """When each was first seen to be gone from the database, by `time.time`."""
    names = {"jit_" + request.id.lower().replace("-", "_"): request.id for request in given}
    gone: dict[str, float] = {}
    deadline = time.monotonic() + within
    with psycopg.connect(it.stage.postgres.dsn(), autocommit=True) as admin:
        while names:
            assert time.monotonic() < deadline, f"{len(names)} are still there after {within} s"
            rows = admin.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(names)])
            held, now = {row[0] for row in rows}, time.time()
            gone |= {names.pop(name): now for name in names.keys() - held}
            time.sleep(LOOK_SECONDS)
    return gone


def _due(request: Request) -> float:
    assert request.ends_at
    return request.ends_at.timestamp()


def _recorded(it: Product, request: Request) -> float:
    over = it.reaches(request, State.ENDED)
    assert over.over_at
    return over.over_at.timestamp() - _due(request)
