"""What many of these share: a ledger that nobody may change, on PostgreSQL or on either database, and a Redis that
somebody attacks.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jit.clock import SystemClock
from jit.ledger import Ledger, connect, create_tables
from jit.runtime.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.world.redis_attack import Attack
from tests.world.servers import LedgerDatabase, hardened


@pytest.fixture(scope="module")
def guarded(postgres: EmbeddedPostgres) -> Iterator[LedgerDatabase]:
    with hardened(postgres) as made:
        yield made


@pytest.fixture
def single(postgres: EmbeddedPostgres, admin: psycopg.Connection) -> Iterator[LedgerDatabase]:
    """Empty, with one login, `jit`, which owns it."""
    admin.execute("CREATE ROLE jit LOGIN")
    admin.execute("CREATE DATABASE single OWNER jit")
    yield LedgerDatabase(postgres, "single")
    admin.execute("DROP DATABASE single WITH (FORCE)")
    admin.execute("DROP ROLE jit")


@pytest.fixture
def bot(guarded: LedgerDatabase) -> Iterator[psycopg.Connection[Any]]:
    with guarded.login("jit_bot") as login:
        yield login


@pytest.fixture
def owner(guarded: LedgerDatabase) -> Iterator[psycopg.Connection[Any]]:
    """The superuser, in the ledger's database."""
    with guarded.login() as login:
        yield login


@pytest.fixture
def opened(guarded: LedgerDatabase) -> Iterator[Callable[[str], Ledger]]:
    """A ledger by the name of a login, opened as each process does at its start."""
    engines = []

    def by(login: str) -> Ledger:
        engines.append(connect(guarded.dsn(login)))
        create_tables(engines[-1])
        return Ledger(engines[-1], SystemClock())

    yield by
    for engine in engines:
        engine.dispose()


@pytest.fixture
def attack(tmp_path: Path, valkey_server: EmbeddedValkey) -> Attack:
    return Attack(tmp_path, valkey_server)
