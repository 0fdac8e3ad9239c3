"""A PostgreSQL that logs what is done, and a record with a grant there, for tests of session activity."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.followers.follower import Tools
from bot.followers.purposes import Purposes
from jit.clock import SystemClock
from jit.detect.activity.collector import Collector
from jit.detect.activity.looks import Looker
from jit.detect.activity.parsers import KINDS
from jit.detect.activity.recorder import Recorder
from jit.detect.activity.ties import Ties
from jit.ledger import Notes
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.base import RULES
from tests.world.servers import DEBIAN_15, not_had


class RealTime(SystemClock):
    """For a world beside real processes."""

    def move(self, **_: float) -> None:
        """It moves by itself."""


LOGS = {
    "logging_collector": "on",
    "log_destination": "jsonlog,csvlog",
    "log_directory": "log",
    "log_filename": "postgresql.log",
    "log_file_mode": "0644",
    "log_statement": "all",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_timezone": "UTC",
}
PGAUDIT = {"shared_preload_libraries": "pgaudit", "pgaudit.log": "all", "pgaudit.log_rows": "on"}


FOR = "for: {objects: [orders, 'shop.*'], classes: [read, write], rows: 100}"


def with_purpose(says: str) -> str:
    """The rules, with this said of orders-db/read."""
    before = "grants: [orders_read]\n    max_duration: 8h\n"
    assert before in RULES
    return RULES.replace(before, f"{before}    {says}\n")


@contextmanager
def logging_postgres(**settings: str) -> Iterator[EmbeddedPostgres]:
    """Debian's 15; ``settings`` beside `LOGS`."""
    if not (DEBIAN_15 / "bin" / "postgres").exists():
        not_had("PostgreSQL 15 is not installed: apt-get install postgresql-15")
    if "shared_preload_libraries" in settings and not (DEBIAN_15 / "lib" / "pgaudit.so").exists():
        not_had("pgaudit is not installed: apt-get install postgresql-15-pgaudit")
    server = EmbeddedPostgres(install=DEBIAN_15, sync=False, settings=LOGS | settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def log_of(server: EmbeddedPostgres, suffix: str = "json") -> Path:
    return server.home / "data" / "log" / f"postgresql.{suffix}"


def wait_for(path: Path, said: str) -> None:
    """Until PostgreSQL's logger has written a line like it."""
    deadline = time.monotonic() + 30
    while not re.search(said, path.read_text(errors="replace") if path.exists() else ""):
        if time.monotonic() > deadline:
            raise AssertionError(f"{path} never said {said}")
        os.sched_yield()


def json_line(message: str, *, at: datetime | None = None, **told: Any) -> str:
    """A line of jsonlog, as PostgreSQL writes it."""
    at = at or datetime.now(UTC)
    line = {
        "timestamp": f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC",
        "user": "alice",
        "dbname": "orders",
        "pid": 4711,
        "remote_host": "10.0.0.7",
        "session_id": "6b0abe61.1f44",
        "line_num": 1,
        "error_severity": "LOG",
        "message": message,
        "application_name": "psql",
        "backend_type": "client backend",
    }
    return json.dumps(line | told) + "\n"


def collector(
    world: Any, pattern: Path, *, kind: str = "postgres-json", log: str = "log", clock: Any = None
) -> Collector:
    """A collector of orders-db, as `jit collect` makes one."""
    clock, ties = clock or world.clock, Ties("orders-db")
    recorder = Recorder(world.ledger, "orders-db", log, "collector@host", ties)
    return Collector(pattern, Looker(log, KINDS[kind]("orders-db", None), ties, clock), recorder, clock)


def judge(world: Any) -> Purposes:
    """The follower that judges what is recorded from now on, as the bot has it."""
    notes = Notes(world.engine, Purposes.name)
    tools = Tools(ledger=world.ledger, notes=notes, policies=world.policies, clock=world.clock)
    made = Purposes(tools, world.queue)
    made.begin()
    return made


def collect(collector: Collector) -> None:
    """All that there is."""
    while collector.step():
        pass
