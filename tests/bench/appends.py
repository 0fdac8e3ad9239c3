"""How many facts a second the ledger takes, each in a transaction of its own and many handed in together, on disks that
sync.

Beside it in the same run stands what the same database takes of bare rows of the same size: no lock, no chain, no read
model, through its driver alone, one statement each. What the record costs is the ratio.
"""

import multiprocessing
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from jit.clock import SystemClock
from jit.facts import RefusalReason, Refused, Source
from jit.ledger import Ledger, LedgerUnavailable, connect, create_tables
from jit.runtime import logs
from jit.runtime.embedded import EmbeddedPostgres
from tests.bench.results import Result, one_run

SECONDS = 5.0
WRITERS = (1, 8)
TOGETHER = 100
BODY = 600
"""Bytes of a bare row, about as many as a refusal's entry has."""


def measure_appends() -> Sequence[Result]:
    results = []
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        for name, database in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
            with database(Path(folder)) as url:
                create_tables(connect(url))
                _make_bare(url)
                for writers in WRITERS:
                    processes = f"{writers} writing process{'es' if writers > 1 else ''}"
                    results += _compared(f"{name}, {processes}", _insert, _append, url, writers)
                results += _compared(f"{name}, {TOGETHER} together", _insert_together, _append_together, url, 1)
    return results


def _compared(
    what: str, insert: Callable[..., None], append: Callable[..., None], url: str, writers: int
) -> Sequence[Result]:
    bare, _ = _written(insert, url, writers)
    sealed, gave_up = _written(append, url, writers)
    says = f"{_rate(sealed)} a second, {len(sealed) / len(bare):.2f} of bare rows"
    if gave_up:
        says += f", {gave_up} gave up waiting"
    return [
        one_run(what, "ms", sealed, says=says),
        one_run(f"{what}, bare rows", "ms", bare, says=f"{_rate(bare)} a second"),
    ]


def _rate(samples: Sequence[float]) -> str:
    return f"{len(samples) / SECONDS:,.0f}"


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'ledger.db'}"


@contextmanager
def _postgres(_folder: Path) -> Iterator[str]:
    with EmbeddedPostgres() as server:
        yield server.dsn()


def _written(work: Callable[..., None], url: str, writers: int) -> tuple[list[float], int]:
    """How long each write took, in ms, and how many were given up."""
    spawned = multiprocessing.get_context("spawn")
    begin, took = spawned.Barrier(writers), spawned.Queue()
    processes = [spawned.Process(target=work, args=(url, begin, took)) for _ in range(writers)]
    for process in processes:
        process.start()
    told = [took.get(timeout=SECONDS + 60) for _ in processes]
    for process in processes:
        process.join()
    return [sample for written, _ in told for sample in written], sum(refused for _, refused in told)


def _append(url: str, begin: Any, took: Any, together: int = 1) -> None:
    logs.set_up("CRITICAL")
    ledger = Ledger(connect(url), SystemClock())
    ledger.last_index()
    _keep_on(lambda: ledger.append([_fact() for _ in range(together)]), LedgerUnavailable, begin, took)


def _append_together(url: str, begin: Any, took: Any) -> None:
    _append(url, begin, took, TOGETHER)


def _insert(url: str, begin: Any, took: Any, together: int = 1) -> None:
    body = b"x" * BODY
    if url.startswith("sqlite"):
        lite = sqlite3.connect(_file(url), timeout=3, isolation_level=None)
        lite.execute("PRAGMA journal_mode=WAL")
        lite.execute("PRAGMA synchronous=FULL")
        write = lambda: lite.execute("INSERT INTO bare (body) VALUES (?)", (body,))  # noqa: E731  one line each
        _keep_on(_in_one(lite, "BEGIN IMMEDIATE", write, together), sqlite3.OperationalError, begin, took)
    else:
        with psycopg.connect(url, autocommit=True) as pg:
            add = lambda: pg.execute("INSERT INTO bare (body) VALUES (%s)", (body,))  # noqa: E731  as above
            _keep_on(_in_one(pg, "BEGIN", add, together), psycopg.Error, begin, took)


def _in_one(database: Any, begins: str, write: Callable[[], object], together: int) -> Callable[[], object]:
    """``write`` so often in one transaction."""

    def all_of_it() -> None:
        database.execute(begins)
        for _ in range(together):
            write()
        database.execute("COMMIT")

    return all_of_it if together > 1 else write


def _insert_together(url: str, begin: Any, took: Any) -> None:
    _insert(url, begin, took, TOGETHER)


def _keep_on(write: Callable[[], object], trouble: type[Exception], begin: Any, took: Any) -> None:
    samples: list[float] = []
    gave_up = 0
    begin.wait()
    until = time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < until:
        try:
            write()
        except trouble:
            gave_up += 1
        else:
            samples.append((time.perf_counter() - began) * 1000)
    took.put((samples, gave_up))


def _make_bare(url: str) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(_file(url)) as lite:
            lite.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    else:
        with psycopg.connect(url, autocommit=True) as pg:
            pg.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, body bytea NOT NULL)")


def _file(url: str) -> str:
    return str(make_url(url).database)


def _fact() -> Refused:
    return Refused(
        at=datetime.now(UTC),
        actor="U04EVE000",
        source=Source.SLACK,
        attempted="approve",
        reason=RefusalReason.OWN_REQUEST,
    )
