"""A hostile holder before each end: tricks of `tests.attack` at random. None may be late without an alert, and none may
be *ended* while access is left.
"""

import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251  seeded, so that what is found can be looked for again

import psycopg

from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedPostgres
from tests.attack.shop import PERMISSIONS, Shop, shop, shops
from tests.attack.tricks import TRICKS, Way
from tests.bench.chaos import Tell, Violation
from tests.bench.results import Aim, Result, one_run
from tests.world.hands import RULES, Hands
from workers.provision.late_ends import STATED_LAG

REQUEST = "R-ATTK"
MOST_TRICKS = 3
HERS = sorted(TRICKS.keys() - {"the note on the role rewritten"})
"""Without what only a DBA can do: mixed with others it is told, and recorded as ended (docs/security.md)."""
LONGEST = 60.0
"""Real seconds for an end."""
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class EndSeen:
    """Seconds from due to gone from the target, and to *ended* on the record; None if that said access remains."""

    gone: float
    ended: float | None


def measure_holder(seed: int, ends: int, tell: Tell) -> Sequence[Result]:
    """Raises Violation."""
    random, seen = Random(seed), list[EndSeen]()
    with EmbeddedPostgres(sync=False) as server, shops(server):
        for number in range(ends):
            tricks = random.sample(HERS, random.randint(1, MOST_TRICKS))
            tell(f"{number + 1:4} {'; '.join(tricks)}")
            with shop(server) as at, tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
                try:
                    seen.append(_one_end(at, Path(folder), tricks))
                except Exception as broken:
                    raise Violation(f"{broken!r}, seed {seed}, after: {'; '.join(tricks)}") from broken
    ended = [each.ended for each in seen if each.ended is not None]
    says = f"{len(ended)} of {len(seen)} ended, the others told as access that remains"
    return [
        one_run(f"seed {seed}: hostile holder, due to gone", "s", [each.gone for each in seen], aim=Aim(p50=1, p99=2)),
        one_run(f"seed {seed}: hostile holder, due to ended", "s", ended, says=says),
    ]


def _one_end(at: Shop, folder: Path, tricks: Sequence[str]) -> EndSeen:
    house = Hands(folder, rules=RULES.replace("[orders_read]", f"[{', '.join(PERMISSIONS)}]"))
    house.targets["orders-db"] = at.target
    house.active(REQUEST)
    ways = [way for one in tricks if (way := _tried(at, one)) is not None]
    house.clock.time = house.request(REQUEST).ends_at
    began, gone = time.monotonic(), 0.0
    while (passed := time.monotonic() - began) < LONGEST:
        house.timekeeper.sweep()
        if not gone and at.target.held(REQUEST) is None:
            gone = time.monotonic() - began
        if house.request(REQUEST).state is State.ENDED:
            break
        time.sleep(LOOK_SECONDS)
        house.clock.move(seconds=time.monotonic() - began - passed)
    request, alerts = house.request(REQUEST), [alert.name for alert in house.alerts()]
    ended = time.monotonic() - began if request.state is State.ENDED else None
    assert gone or alerts, f"not gone after {LONGEST:.0f} s, and nobody was told"
    assert (ended is not None and ended < STATED_LAG.total_seconds()) or alerts, f"late without an alert: {ended}"
    reached = at.reached(*ways)
    assert not reached or alerts, f"access is left and nobody was told: {reached}"
    assert not reached or ended is None, f"access is left, and it is said to have ended: {reached}"
    return EndSeen(gone or LONGEST, ended)


def _tried(at: Shop, trick: str) -> Way | None:
    """Two tricks may be in each other's way."""
    with suppress(psycopg.Error):
        return TRICKS[trick](at)
    return None
