"""A cluster with orders, people and a worker's login, for tests of the PostgreSQL target."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql
from pydantic import SecretStr

from jit.ports import Grant
from jit.runtime.embedded import EmbeddedPostgres
from tests.world.waiting import wait_until
from workers.targets.postgres import PostgresTarget
from workers.targets.postgres import connection as link

ENDS_AT = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
PEOPLE = ("alice", "eve", "o'brien", 'we"ird', "root2")
ROLES = ("orders_read", "orders_write", "orders_owner", "through_owner", "orders_super", "orders_maker", "worker")

SET_UP = """
    CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2), (3);
    CREATE ROLE orders_read; GRANT SELECT ON orders TO orders_read;
    CREATE ROLE orders_write; GRANT INSERT ON orders TO orders_write;
    CREATE ROLE orders_owner; CREATE TABLE owned (id int); ALTER TABLE owned OWNER TO orders_owner;
    CREATE ROLE through_owner; GRANT orders_owner TO through_owner;
    CREATE ROLE orders_super SUPERUSER; CREATE ROLE orders_maker CREATEROLE;
    CREATE ROLE alice LOGIN; CREATE ROLE eve LOGIN; CREATE ROLE "o'brien" LOGIN; CREATE ROLE "we""ird" LOGIN;
    CREATE ROLE root2 LOGIN SUPERUSER;
    CREATE ROLE worker LOGIN CREATEROLE; GRANT pg_signal_backend TO worker;
    GRANT orders_read, orders_write, orders_owner, through_owner TO worker WITH ADMIN OPTION;
    GRANT CREATE ON SCHEMA public TO alice;
"""


@pytest.fixture(scope="module")
def prepared(postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    with psycopg.connect(postgres.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE orders")
        with psycopg.connect(postgres.dsn(database="orders"), autocommit=True) as inside:
            inside.execute(SET_UP)
        yield postgres
        conn.execute("DROP DATABASE orders WITH (FORCE)")
        for role in (*ROLES, *PEOPLE):
            conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def dba(prepared: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """Leaves no grant of ours for the next test."""
    with psycopg.connect(prepared.dsn(database="orders"), autocommit=True) as conn:
        yield conn
        for (role,) in conn.execute(r"SELECT rolname FROM pg_roles WHERE rolname ~ '^jit_'").fetchall():
            conn.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


@pytest.fixture
def target(prepared: EmbeddedPostgres, dba: psycopg.Connection) -> Iterator[PostgresTarget]:
    made = PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))
    yield made
    made.close()


@pytest.fixture
def hasty(prepared: EmbeddedPostgres, target: PostgresTarget) -> Iterator[PostgresTarget]:
    """As `target`, but a grant waits for a lock no longer than it takes to see that somebody has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(link.BOUNDS, "lock_timeout", "100ms")
        made = PostgresTarget("orders-db", SecretStr(prepared.dsn("worker", "orders")))
    yield made
    made.close()


@pytest.fixture
def alice(prepared: EmbeddedPostgres, target: PostgresTarget) -> Iterator[psycopg.Connection]:
    with session(prepared, "alice") as conn:
        yield conn


@contextmanager
def session(server: EmbeddedPostgres, user: str) -> Iterator[psycopg.Connection]:
    """Over at the end for its server too."""
    conn = psycopg.connect(server.dsn(user, "orders"), autocommit=True)
    pid = conn.info.backend_pid
    try:
        yield conn
    finally:
        conn.close()
        with psycopg.connect(server.dsn(), autocommit=True) as dba:
            wait_until(lambda: not dba.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchall())


def grant_of(
    request_id: str = "R-7F3K", *permissions: str, principal: str = "alice", ends_at: datetime = ENDS_AT
) -> Grant:
    return Grant(request_id, principal, permissions or ("orders_read",), ends_at)


def wanted() -> None:
    """The decision still holds."""


def can_read(conn: psycopg.Connection) -> bool:
    try:
        return conn.execute("SELECT count(*) FROM orders").fetchone() == (3,)
    except errors.InsufficientPrivilege:
        return False


def is_cut(conn: psycopg.Connection) -> bool:
    try:
        conn.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def modern(conn: psycopg.Connection) -> bool:
    return conn.info.server_version >= 160000


@contextmanager
def hba(dba: psycopg.Connection, line: str) -> Iterator[None]:
    """While it lasts this is the server's first line about who may come in."""
    (path,) = dba.execute("SHOW hba_file").fetchone()
    before = Path(path).read_text()
    loaded = dba.execute("SELECT pg_conf_load_time()").fetchone()
    try:
        Path(path).write_text(f"{line}\n{before}")
        dba.execute("SELECT pg_reload_conf()")
        wait_until(lambda: dba.execute("SELECT pg_conf_load_time()").fetchone() != loaded)
        yield
    finally:
        Path(path).write_text(before)
        dba.execute("SELECT pg_reload_conf()")
