"""From the moment access is due to the moment PostgreSQL no longer has it."""

import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
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
AT_ONCE, MORE_AT_ONCE = 500, 2000
LATER = timedelta(hours=3)
ON_RECORD = 100_000
"""So many are active by the ledger; PostgreSQL holds those alone that end while it is looked."""
STARTS, SPREAD_THEN = 3, 100
LOOK_SECONDS = 0.02


def measure_endings() -> Sequence[Result]:
    return [*_among_a_thousand(), *_among_a_hundred_thousand()]


def _among_a_thousand() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, crowd(Path(folder)) as many:
        now, began = many.house.clock.now(), time.monotonic()
        at_once = many.give([now + LATER] * AT_ONCE)
        many.give([now + LATER * 2] * (STAY - AT_ONCE))
        each = (time.monotonic() - began) / STAY
        results = _one_after_the_other(many, each)
        results.append(_all_at_once(many.house, at_once, worst=5))
        due = many.house.clock.now() + LATER / 2
        more = many.give([due] * MORE_AT_ONCE)
        return [*results, _all_at_once(many.house, more, worst=20)]


def _among_a_hundred_thousand() -> list[Result]:
    """The bot is down: it would end what no rule knows. So is the signer, which would read along meanwhile."""
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder, crowd(Path(folder)) as many:
        house, began = many.house, time.monotonic()
        house.kill()
        over = house.clock.now() + LATER
        starting = many.give([over + number * timedelta(minutes=1) for number in range(STARTS)])
        each = (time.monotonic() - began) / STARTS
        many.put_on_record(ON_RECORD, over + LATER)
        house.pass_time(over - house.clock.now())
        starts = [_started_to_gone(house, due) for due in starting]
        house.start("timekeeper", "worker-1")
        gone = _lateness(many, many.house.clock.now() + _lead(each, SPREAD_THEN), SPREAD_THEN)
        active = f"{ON_RECORD:,} active in the ledger"
        says = "the target holds those alone that end; the timekeeper has just started and reads the others"
        return [
            one_run(f"due to gone, {active}", "s", gone, aim=Aim(p99=1), says=says),
            one_run(f"timekeeper started to the first end, {active}", "s", starts, aim=Aim(worst=5)),
        ]


def _started_to_gone(house: Product, due: Request) -> float:
    """What fell due while no timekeeper was there. The next is due after this."""
    began = time.time()
    house.start("timekeeper")
    (gone,) = gone_at(house, [due]).values()
    house.kill("timekeeper")
    house.pass_time(timedelta(minutes=1))
    return gone - began


def _one_after_the_other(many: Crowd, each: float) -> list[Result]:
    """``each`` is the seconds that it takes to put one in place."""
    given = _spread(many, many.house.clock.now() + _lead(each, SPREAD), SPREAD)
    gone = gone_at(many.house, given)
    late = [gone[request.id] - _due(request) for request in given]
    return [
        one_run("due to gone from PostgreSQL, 1,000 others active", "s", late, aim=Aim(p50=0.1, p99=0.3)),
        one_run("due to ended, by the record", "s", [_recorded(many.house, request) for request in given]),
    ]


def _lateness(many: Crowd, first: datetime, number: int) -> list[float]:
    """By the clock of the house, which was moved."""
    given = _spread(many, first, number)
    ahead = many.house.clock.now().timestamp() - time.time()
    gone = gone_at(many.house, given)
    return [gone[request.id] + ahead - _due(request) for request in given]


def _lead(each: float, number: int) -> timedelta:
    """Enough to put so many in place before the first is due."""
    return timedelta(seconds=10 + each * number * 2)


def _spread(many: Crowd, first: datetime, number: int) -> list[Request]:
    given = many.give([first + count * APART for count in range(number)])
    assert many.house.clock.now() < first, "it took too long to put them in place"
    return given


def _all_at_once(it: Product, due: Sequence[Request], worst: float) -> Result:
    """The clock jumps to where all of them are due."""
    it.pass_time(timedelta(seconds=_due(due[0])) - timedelta(seconds=it.clock.now().timestamp()))
    jumped = time.time()
    gone = [at - jumped for at in gone_at(it, due).values()]
    return one_run(f"{len(due):,} due in the same second: gone after", "s", gone, aim=Aim(worst=worst))


def gone_at(it: Product, given: Sequence[Request], within: float = 240.0) -> dict[str, float]:
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
