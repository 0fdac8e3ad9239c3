"""How many facts a second the ledger takes, each in a transaction of its own, on disks that sync."""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jit import logs
from jit.clock import SystemClock
from jit.embedded import EmbeddedPostgres
from jit.facts import Refusal, Refused, Source
from jit.ledger import Ledger, LedgerUnavailable, connect, create_tables
from tests.bench.results import Result, one_run

SECONDS = 5.0
WRITERS = (1, 8)


def measure_appends() -> Sequence[Result]:
    results = []
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        for name, database in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
            with database(Path(folder)) as url:
                create_tables(connect(url))
                results += [_written(name, url, writers) for writers in WRITERS]
    return results


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'ledger.db'}"


@contextmanager
def _postgres(_folder: Path) -> Iterator[str]:
    with EmbeddedPostgres() as server:
        yield server.dsn()


def _written(name: str, url: str, writers: int) -> Result:
    spawned = multiprocessing.get_context("spawn")
    begin, took = spawned.Barrier(writers), spawned.Queue()
    processes = [spawned.Process(target=_write, args=(url, begin, took)) for _ in range(writers)]
    for process in processes:
        process.start()
    told = [took.get(timeout=SECONDS + 60) for _ in processes]
    for process in processes:
        process.join()
    samples = [sample for written, _ in told for sample in written]
    says = f"{len(samples) / SECONDS:,.0f} a second"
    if gave_up := sum(refused for _, refused in told):
        says += f", {gave_up} gave up waiting"
    return one_run(f"{name}, {writers} writing process{'es' if writers > 1 else ''}", "ms", samples, says=says)


def _write(url: str, begin: Any, took: Any) -> None:
    logs.set_up("CRITICAL")
    ledger = Ledger(connect(url), SystemClock())
    ledger.last_index()
    samples: list[float] = []
    gave_up = 0
    begin.wait()
    until = time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < until:
        try:
            ledger.append([_fact()])
        except LedgerUnavailable:
            gave_up += 1
        else:
            samples.append((time.perf_counter() - began) * 1000)
    took.put((samples, gave_up))


def _fact() -> Refused:
    return Refused(
        at=datetime.now(UTC), actor="U04EVE000", source=Source.SLACK, attempted="approve", reason=Refusal.OWN_REQUEST
    )
