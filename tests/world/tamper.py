"""Getting past the database's guards, as its superuser can on PostgreSQL and whoever can write the file on SQLite."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from sqlalchemy import Connection

from jit.ledger.guard import KEPT


@contextmanager
def past_the_guards(connection: Connection | psycopg.Connection[Any] | sqlite3.Connection) -> Iterator[None]:
    """While it lasts anything can be changed in the record. Afterwards the guards stand as before."""
    lift, put_back = _of_sqlite(connection) if _is_sqlite(connection) else _of_postgres()
    _run(connection, lift)
    try:
        yield
    except BaseException:
        with suppress(Exception):  # a transaction that failed takes the lifting back by itself
            _run(connection, put_back)
        raise
    _run(connection, put_back)


def _is_sqlite(connection: Any) -> bool:
    return isinstance(connection, sqlite3.Connection) or (
        isinstance(connection, Connection) and connection.dialect.name == "sqlite"
    )


def _of_sqlite(connection: Any) -> tuple[list[str], list[str]]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    found = _execute(connection, query).fetchall()
    return [f"DROP TRIGGER {name}" for name, _ in found], [makes for _, makes in found]


def _of_postgres() -> tuple[list[str], list[str]]:
    triggers = [(table, f"{table}_{name}") for table in KEPT for name in ("kept", "not_emptied")]
    return (
        [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in triggers],
        [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in triggers],
    )


def _run(connection: Any, statements: Iterable[str]) -> None:
    for statement in statements:
        _execute(connection, statement)


def _execute(connection: Any, statement: str) -> Any:
    return (connection.exec_driver_sql if isinstance(connection, Connection) else connection.execute)(statement)
