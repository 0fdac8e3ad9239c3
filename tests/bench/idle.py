"""What the product costs while nothing happens: CPU of each process, transactions and WAL of the ledger's database."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import psycopg

from demo.stack import Stack, running_stack
from jit.clock import SystemClock
from jit.runtime.embedded import EmbeddedPostgres
from tests.bench.results import Aim, Result, one_run
from tests.world.product import POLICIES

SETTLES = 10.0
"""Seconds from *ready* until what a start brings with it is over."""
LASTS = 60.0


def measure_idle() -> Sequence[Result]:
    return [*_with("SQLite", ""), *_on_postgres()]


def _on_postgres() -> Sequence[Result]:
    with EmbeddedPostgres(sync=False) as server:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE idle_ledger")
        url = server.dsn("postgres", "idle_ledger").replace("postgresql://", "postgresql+psycopg://")
        return _with("PostgreSQL", url, lambda: _database(server.dsn("postgres", "idle_ledger")))


def _with(ledger: str, url: str, database: Callable[[], tuple[int, int]] = lambda: (0, 0)) -> Sequence[Result]:
    with (
        tempfile.TemporaryDirectory(prefix="jit-bench-") as folder,
        running_stack(Path(folder), POLICIES, ledger_url=url, clock=SystemClock()) as stage,
    ):
        stage.ready(60)
        time.sleep(SETTLES)
        processes = _processes(stage)
        before, committed, since = (
            {name: _seconds(one) for name, one in processes.items()},
            database(),
            time.monotonic(),
        )
        time.sleep(LASTS)
        lasted = time.monotonic() - since
        used = {name: (_seconds(one) - before[name]) / lasted * 100 for name, one in processes.items()}
        after = database()
    says = ", ".join(f"{name} {percent:.1f}" for name, percent in used.items())
    results = [
        one_run(f"{ledger}: CPU of all processes, of one core", "%", [sum(used.values())], aim=Aim(p50=2), says=says)
    ]
    if url:
        per_second = (after[0] - committed[0]) / lasted
        results.append(one_run(f"{ledger}: transactions a second", "1/s", [per_second], aim=Aim(p50=5)))
        results.append(one_run(f"{ledger}: WAL written", "kB/min", [(after[1] - committed[1]) / 1024 / lasted * 60]))
    return results


def _processes(stage: Stack) -> dict[str, psutil.Process]:
    children = {
        name: psutil.Process(child.process.pid) for name, child in stage.supervisor.children.items() if child.process
    }
    return children | {"Valkey": psutil.Process(stage.valkey.pid)}


def _seconds(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def _database(dsn: str) -> tuple[int, int]:
    """Transactions so far, and bytes of WAL."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        found = connection.execute(
            "SELECT xact_commit + xact_rollback, pg_current_wal_lsn() - '0/0' FROM pg_stat_database"
            " WHERE datname = current_database()"
        ).fetchone()
    assert found
    return int(found[0]), int(found[1])
