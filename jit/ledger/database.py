"""Connecting to the ledger's database: SQLite or PostgreSQL, each with the settings that make it durable."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import POLLOUT, poll
from threading import Lock
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import Pool

from jit.ledger import guard, renamed
from jit.ledger.schema import entries, made_by, metadata
from jit.ledger.session import BUSY_SECONDS, opened_with, prepare
from jit.ledger.unavailable import Doubled, Forbidden, LedgerUnavailable, NotTaken, Overtaken
from jit.ledger.version import OLDER, VERSION
from jit.runtime.settings import CannotStart

log = structlog.get_logger(__name__)

APPEND_LOCK = 0x6A6974  # "jit": the advisory lock that orders all appends
INSUFFICIENT_PRIVILEGE = "42501"
_TURN = "turn"
"""The execution option of an engine for SQLite that holds the lock of its writers."""


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
        return connect_sqlite(parsed)
    if "@" in f"{parsed.host}{parsed.database}":
        raise LedgerMisconfigured("The address in JIT_LEDGER_URL cannot be read: write @ in its password as %40.")
    if parsed.get_backend_name() == "postgresql":
        return _postgres(parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    raise LedgerMisconfigured(
        f"JIT_LEDGER_URL names {parsed.get_backend_name()}; the ledger lives in sqlite or postgresql."
    )


def connect_sqlite(url: URL, poolclass: type[Pool] | None = None) -> Engine:
    """The same for a file, whatever characters are in its name."""
    engine = create_engine(
        url,
        poolclass=poolclass,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        execution_options={_TURN: Lock()},
    )

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
        cursor.execute("PRAGMA secure_delete=ON")  # what is deleted, the key of a person's fields say, is overwritten
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        with driver(connection) as database:
            database.execute("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgres(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=BUSY_SECONDS,
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        connect_args=opened_with(BUSY_SECONDS),
    )
    event.listen(engine, "connect", lambda connection, _record: prepare(connection))
    event.listen(engine, "checkout", _require_quiet)
    return engine


def _require_quiet(connection: Any, _record: Any, _proxy: Any) -> None:
    """Refuses a connection on which something came while it was not used, so that the pool takes another: as a rule
    that the server has closed it. Asking the server instead would cost each transaction a way there and back.
    """
    look = poll()
    look.register(connection.pgconn.socket)
    if look.poll(0) != [(connection.pgconn.socket, POLLOUT)]:
        raise DisconnectionError


def create_tables(engine: Engine) -> None:
    """Make the tables where there are none, and bring those of an older version up to ours. From many processes at
    once, too. Where others own them (`jit ledger init`) it only looks at the version.

    Raises:
        LedgerUnavailable: the database does not answer.
        LedgerMisconfigured: it holds tables of another version, or may not be changed by us. Nothing is changed then.
    """
    with writing(engine) as connection:
        found = _version(connection)
        if found is not None and found not in {*OLDER, VERSION}:
            raise LedgerMisconfigured(
                f"The ledger's database was made by another version of jit (tables {found or 'older than versions'}; "
                f"this one has {VERSION}). Run the version that made it, or name a new database in JIT_LEDGER_URL."
            )
        if not ours_to_change(connection):
            if found == VERSION:
                return
            raise LedgerMisconfigured(
                f"The ledger's tables {f'are version {found}' if found else 'are not made yet'}, and this login may not"
                f" change that (this jit wants {VERSION}). Run `jit ledger init` as the database's superuser."
            )
        if found != VERSION:
            renamed.rename(connection)
            metadata.create_all(connection)
            connection.execute(
                update(made_by).values(version=VERSION) if found else insert(made_by).values(version=VERSION)
            )
        _make_missing_indexes(connection)
        made = guard.put_up(connection)
        if found == VERSION and made:
            log.warning("ledger.guard_renewed", made=made)


def _make_missing_indexes(connection: Connection) -> None:
    """They change nothing of what tables hold: another version of jit works with them, and without."""
    look = inspect(connection)
    for table in metadata.tables.values():
        there = {index["name"] for index in look.get_indexes(table.name)} if table.indexes else set()
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if index.name not in there:
                index.create(connection)


def _version(connection: Connection) -> int | None:
    """Of the tables; 0 if they say none, None if there are none."""
    look = inspect(connection)
    if not look.has_table(entries.name):
        return None
    return connection.scalar(select(made_by.c.version)) or 0 if look.has_table(made_by.name) else 0


def ours_to_change(connection: Connection) -> bool:
    """Whether this login owns the tables, or could make them where there are none."""
    if connection.dialect.name == "sqlite":
        return True
    owned = text(
        "SELECT pg_has_role(tableowner, 'USAGE') FROM pg_tables"
        " WHERE schemaname = current_schema() AND tablename = :name"
    )
    found = connection.scalar(owned, {"name": entries.name})
    if found is None:
        found = connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
    return bool(found)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, the only writer while it lasts. Raises LedgerUnavailable."""
    with _translated(engine), _turn(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with connection.begin():
                yield connection
        else:
            with _in_one(connection).begin():
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": APPEND_LOCK})
                yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """The threads of a process write into a SQLite file one after the other: it lets whoever waits for its lock look
    again now and then, so that of many who do somebody finds it taken each time, and gives up.
    """
    turn: Lock | None = engine.get_execution_options().get(_TURN)
    if turn is None:
        yield
        return
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise LedgerUnavailable("other threads of this process have been writing all the while")
    try:
        yield
    finally:
        turn.release()


@contextmanager
def reading(engine: Engine, *, in_portions: bool = False) -> Iterator[Connection]:
    """To read: one transaction on SQLite; on PostgreSQL each statement by itself, which is one way there and back,
    unless what it finds is fetched ``in_portions``. Raises LedgerUnavailable.
    """
    with _translated(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with connection.execution_options(reading=True).begin():
                yield connection
        elif in_portions:
            with _in_one(connection).begin():
                yield connection
        else:
            yield connection


def _in_one(connection: Connection) -> Connection:
    """On PostgreSQL each statement is a transaction by itself, unless it is asked for another."""
    return connection.execution_options(isolation_level="READ COMMITTED")


class driver:  # noqa: N801  used as a function is
    """Context manager in which the driver is asked itself, for what is done all the time: what SQLAlchemy does besides
    takes longer than all else of an append. Raises DBAPIError.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._driver: Any = connection.connection.driver_connection

    def __enter__(self) -> Any:
        return self._driver

    def __exit__(self, _type: object, failed: BaseException | None, _trace: object) -> None:
        error = self._connection.dialect.loaded_dbapi.Error
        if isinstance(failed, error):
            gone = bool(getattr(self._driver, "closed", False))
            if gone:
                self._connection.invalidate()
            raise DBAPIError.instance(None, None, failed, error, connection_invalidated=gone) from failed


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as failed:
        if failed.connection_invalidated:
            engine.dispose()
        raise _refusals.get(getattr(failed.orig, "sqlstate", None) or "", LedgerUnavailable)(
            _in_short(failed)
        ) from None
    except SQLAlchemyError as failed:
        raise LedgerUnavailable(type(failed).__name__) from None


_refusals: dict[str, type[LedgerUnavailable]] = {
    INSUFFICIENT_PRIVILEGE: Forbidden,
    guard.postgres.FORBIDDEN: Forbidden,
    guard.postgres.REFUSED: NotTaken,
    guard.postgres.DOUBLE: Doubled,
    guard.postgres.STEP_BEFORE: Overtaken,
    guard.postgres.KEY_GONE: Overtaken,
}


def _in_short(failed: DBAPIError) -> str:
    """The database's own first line, without SQL and parameters. What our guards say speaks for itself."""
    first_line = str(failed.orig).strip().partition("\n")[0]
    if getattr(failed.orig, "sqlstate", None) in guard.postgres.CODES:
        return first_line
    return f"{type(failed.orig).__name__}: {first_line}"


def there(url: URL) -> bool:
    """Whether looking makes no new database."""
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()
