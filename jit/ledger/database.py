"""Connecting to the ledger's database: SQLite or PostgreSQL, each with the settings that make it durable."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from jit.ledger.schema import VERSION, entries, made_by, metadata
from jit.settings import CannotStart

BUSY_SECONDS = 3
APPEND_LOCK = 0x6A6974  # "jit": the advisory lock that orders all appends


class LedgerUnavailable(Exception):
    """The ledger could not be read or written."""


class LedgerMisconfigured(CannotStart):
    """The ledger's address, or the database found there, cannot be used."""


def connect(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…`; opens no connection yet.

    Raises:
        LedgerMisconfigured: not an address of either.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise LedgerMisconfigured(
            "JIT_LEDGER_URL is no database address. Write sqlite:///path or postgresql://user@host/database, "
            "and in a password %40 for @, %3A for : and %2F for /."
        ) from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if "@" in f"{parsed.host}{parsed.database}":
        raise LedgerMisconfigured("The address in JIT_LEDGER_URL cannot be read: write @ in its password as %40.")
    if parsed.get_backend_name() == "postgresql":
        return _postgres(parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    raise LedgerMisconfigured(
        f"JIT_LEDGER_URL names {parsed.get_backend_name()}; the ledger lives in sqlite or postgresql."
    )


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "do_connect")
    def ours_alone(*_: Any) -> None:
        """A new file, and with it those that SQLite puts beside it. Where it cannot be made SQLite says why."""
        if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
            with suppress(OSError):
                os.close(os.open(url.database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgres(url: str) -> Engine:
    return create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=BUSY_SECONDS,
        pool_use_lifo=True,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": BUSY_SECONDS,
            "options": f"-c statement_timeout={BUSY_SECONDS}s -c lock_timeout={BUSY_SECONDS}s"
            " -c idle_in_transaction_session_timeout=10s -c timezone=UTC",
            "tcp_user_timeout": BUSY_SECONDS * 1000,
        },
    )


def create_tables(engine: Engine) -> None:
    """Make the tables where there are none. Safe to call from many processes at once.

    Raises:
        LedgerUnavailable: the database does not answer.
        LedgerMisconfigured: it holds tables of another version. Nothing is changed then.
    """
    with writing(engine) as connection:
        new = not inspect(connection).has_table(entries.name)
        metadata.create_all(connection)
        if new:
            connection.execute(insert(made_by).values(version=VERSION))
        found = connection.scalar(select(made_by.c.version))
        if found != VERSION:
            raise LedgerMisconfigured(
                f"The ledger's database was made by another version of jit (tables {found}; this one has {VERSION}). "
                "Run the version that made it, or name a new database in JIT_LEDGER_URL."
            )


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, the only writer while it lasts. Raises LedgerUnavailable."""
    with _translated(engine), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": APPEND_LOCK})
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads. Raises LedgerUnavailable."""
    with (
        _translated(engine),
        engine.connect().execution_options(reading=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as failed:
        if failed.connection_invalidated:
            engine.dispose()
        raise LedgerUnavailable(_in_short(failed)) from None
    except SQLAlchemyError as failed:
        raise LedgerUnavailable(type(failed).__name__) from None


def _in_short(failed: DBAPIError) -> str:
    """The database's own first line, without SQL and parameters."""
    first_line = str(failed.orig).strip().partition("\n")[0]
    return f"{type(failed.orig).__name__}: {first_line}"
