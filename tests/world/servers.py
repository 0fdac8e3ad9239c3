"""Real servers for tests, each started once in a process of the run, and ledgers in them. What cannot be had is skipped
with the reason; with CI=true that is a failure.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from redis import AuthenticationError, Redis, RedisError

from jit.cli.main import cli
from jit.ledger import connect, create_tables
from jit.ledger.guard.roles import LOGINS, OWNER
from jit.runtime.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey
from tests.world.exhaustive import exhaustive

Server = TypeVar("Server", EmbeddedPostgres, EmbeddedValkey)
DEBIAN_15 = Path("/usr/lib/postgresql/15")
DEBIAN_REDIS = Path("/usr/bin/redis-server")


@contextmanager
def postgres_18() -> Iterator[EmbeddedPostgres]:
    """From the wheel. `dsn()` speaks for its superuser, `dsn("alice")` for whom you like."""
    with _had(EmbeddedPostgres(sync=False)) as server:
        yield server


@contextmanager
def postgres_15() -> Iterator[EmbeddedPostgres]:
    if not (DEBIAN_15 / "bin" / "postgres").exists():
        not_had("PostgreSQL 15 is not installed: apt-get install postgresql-15")
    with _had(EmbeddedPostgres(install=DEBIAN_15, sync=False)) as server:
        yield server


@contextmanager
def valkey(users: Path | None = None) -> Iterator[EmbeddedValkey]:
    """``users`` is a file of those that it lets in."""
    with _had(_Guarded(users) if users else EmbeddedValkey()) as server:
        yield server


@contextmanager
def redis_7(users: Path | None = None) -> Iterator[EmbeddedValkey]:
    """Debian's 7.0, the oldest that is supported."""
    if not DEBIAN_REDIS.exists():
        not_had("Redis is not installed: apt-get install redis-server")
    with _had(_Redis7(users)) as server:
        yield server


class _Guarded(EmbeddedValkey):
    def __init__(self, users: Path | None) -> None:
        super().__init__()
        self._users = users

    def _prepare(self) -> Sequence[str | Path]:
        binary, config = super()._prepare()
        if self._users:
            with Path(config).open("a") as settings:
                settings.write(f'aclfile "{self._users}"\n')
        return [binary, config]

    def _ready(self) -> bool:
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except AuthenticationError:
                return True
            except RedisError:
                return False


class _Redis7(_Guarded):
    word = "Redis"

    def _prepare(self) -> Sequence[str | Path]:
        _, config = super()._prepare()
        return [DEBIAN_REDIS, config]


@contextmanager
def _had(server: Server) -> Iterator[Server]:
    try:
        server.start()
    except EmbeddedError as exc:
        not_had(str(exc))
    try:
        yield server
    finally:
        server.stop()


def not_had(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


SERVERS = {15: postgres_15, 18: postgres_18}
both_versions = pytest.mark.parametrize("postgres", SERVERS, indirect=True, ids="pg{}".format)
"""For what goes another way before PostgreSQL 16."""

Clusters = Callable[[int], EmbeddedPostgres]


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """A cluster of each version that is asked for: clean up the roles you make."""
    with ExitStack() as running:
        yield cache(lambda version: running.enter_context(SERVERS[version]()))


@pytest.fixture(
    scope="session", params=[18, pytest.param(15, marks=exhaustive("the oldest PostgreSQL too"))], ids="pg{}".format
)
def postgres(request: pytest.FixtureRequest, clusters: Clusters) -> EmbeddedPostgres:
    return clusters(request.param)


@pytest.fixture(scope="session")
def newest(clusters: Clusters) -> EmbeddedPostgres:
    return clusters(18)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[EmbeddedValkey]:
    with valkey() as server:
        yield server


@pytest.fixture
def admin(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """The superuser of `postgres`, in autocommit: the DBA of the story."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as conn:
        yield conn


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty ledger, on each of its databases."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
        _make_tables(url)
        yield url
    else:
        with new_ledger(request.getfixturevalue("newest")) as url:
            yield url


@contextmanager
def new_ledger(server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of one that belongs to the superuser: a copy of what is made once in a cluster."""
    made, name = "ledger_to_copy", f"ledger_{uuid4().hex}"
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        if not admin.execute("SELECT true FROM pg_database WHERE datname = %s", [made]).fetchone():
            admin.execute(f"CREATE DATABASE {made}")
            _make_tables(server.dsn(database=made))
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {made} STRATEGY file_copy")
        try:
            yield server.dsn(database=name)
        finally:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


Logins = Callable[[str], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def logins(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Logins]:
    """The URL of an empty ledger by login: on PostgreSQL as `jit ledger init` makes it. SQLite knows no logins."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
        _make_tables(url)
        yield lambda _login: url
    else:
        with hardened(request.getfixturevalue("newest")) as made:
            yield made.dsn


def _make_tables(url: str) -> None:
    engine = connect(url)
    create_tables(engine)
    engine.dispose()


def harden(server: EmbeddedPostgres, database: str = "") -> str:
    """What `jit ledger init` says."""
    named = ["--database", database] if database else []
    arguments = ["ledger", "init", "--admin-url", "env:SUPERUSER_URL", *named]
    done = CliRunner().invoke(cli, arguments, env={"SUPERUSER_URL": server.dsn()})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@dataclass(frozen=True)
class LedgerDatabase:
    """A ledger in PostgreSQL, and whoever may log in there."""

    server: EmbeddedPostgres
    database: str

    def dsn(self, login: str = "postgres") -> str:
        return self.server.dsn(login, self.database)

    def login(self, name: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn(name), autocommit=True)

    def harden(self) -> str:
        return harden(self.server, self.database)

    def came_of(self, login: str, statements: Iterable[str], *, refusal: str) -> dict[str, object]:
        """Each statement that did not fail with the SQLSTATE ``refusal``: how many rows it changed, or what else
        failed.
        """
        came: dict[str, object] = {}
        with psycopg.connect(self.dsn(login)) as conn:
            for statement in statements:
                try:
                    with conn.transaction(force_rollback=True):
                        came[statement] = conn.execute(statement).rowcount
                except psycopg.Error as refused:
                    if refused.sqlstate != refusal:
                        came[statement] = refused
        return came


@contextmanager
def hardened(server: EmbeddedPostgres, database: str = "jit") -> Iterator[LedgerDatabase]:
    """While it lasts there are this database and the logins."""
    harden(server, database)
    try:
        yield LedgerDatabase(server, database)
    finally:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {database} WITH (FORCE)")
            for name in (*(login.name for login in LOGINS), OWNER):
                admin.execute(f"DROP ROLE {name}")
