"""Real servers for tests, each started once in a run. What cannot be had is skipped with the reason;
with CI=true that is a failure.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from jit.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey

Server = TypeVar("Server", EmbeddedPostgres, EmbeddedValkey)
DEBIAN_15 = Path("/usr/lib/postgresql/15")


@contextmanager
def postgres_18() -> Iterator[EmbeddedPostgres]:
    """From the wheel. `dsn()` speaks for its superuser, `dsn("alice")` for whom you like."""
    with _had(EmbeddedPostgres(sync=False)) as server:
        yield server


@contextmanager
def postgres_15() -> Iterator[EmbeddedPostgres]:
    if not (DEBIAN_15 / "bin" / "postgres").exists():
        _not_had("PostgreSQL 15 is not installed: apt-get install postgresql-15")
    with _had(EmbeddedPostgres(install=DEBIAN_15, sync=False)) as server:
        yield server


@contextmanager
def valkey() -> Iterator[EmbeddedValkey]:
    with _had(EmbeddedValkey()) as server:
        yield server


@contextmanager
def _had(server: Server) -> Iterator[Server]:
    try:
        server.start()
    except EmbeddedError as exc:
        _not_had(str(exc))
    try:
        yield server
    finally:
        server.stop()


def _not_had(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


SERVERS = {15: postgres_15, 18: postgres_18}


@pytest.fixture(scope="session", params=[18, 15], ids=["pg18", "pg15"])
def postgres(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """A cluster for the whole run, on each version: clean up the roles you make."""
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[EmbeddedValkey]:
    with valkey() as server:
        yield server


@pytest.fixture
def admin(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """The superuser of `postgres`, in autocommit: the DBA of the story."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as conn:
        yield conn
