"""How long an export of 1,000,000 entries as OCSF takes, in a process of its own that tells its memory."""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jit.clock import SystemClock
from jit.ledger import Ledger, connect
from jit.proof.audit.growing import GrowingFile
from jit.proof.audit.reading import Part
from jit.proof.audit.together import lines
from tests.bench.results import Aim, Result, one_run
from tests.bench.search import write_sqlite

ENTRIES = 1_000_000


def measure_export(size: int = ENTRIES) -> Sequence[Result]:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        path = Path(folder) / "ledger.db"
        write_sqlite(path, size)
        return list(_exported(path, size))


def _exported(path: Path, size: int) -> Iterator[Result]:
    spawned = multiprocessing.get_context("spawn")
    told = spawned.Queue()
    process = spawned.Process(target=_export, args=(path, size, told))
    process.start()
    seconds, helped, megabytes = told.get(timeout=3600)
    process.join()
    yield one_run(f"{size:,} entries exported as OCSF", "s", [seconds], aim=Aim(worst=20.0))
    yield one_run("CPU of all its processes, of each entry", "µs", [helped / size * 1e6])
    yield one_run("most memory of one of them", "MB", [megabytes])


def _export(path: Path, size: int, told: Any) -> None:
    ledger = Ledger(connect(f"sqlite:///{path}"), SystemClock())
    began = time.perf_counter()
    with GrowingFile(path.with_suffix(".ndjson"), b'{"activity_id": ') as file:
        for block in lines(ledger, "ocsf", Part(0, size)):
            file.write_lines(block.text)
    took = time.perf_counter() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    told.put((took, sum(each.ru_utime + each.ru_stime for each in used), max(each.ru_maxrss for each in used) / 1024))
