"""The way to a PostgreSQL server: bounded in time, silent about its secret, good after a restart.

A call takes a connection that an earlier one left, or a new one. A left one has its plans and catalogs
at hand, which makes a grant several times faster. It is tried first, so that a server that was restarted
costs nothing but a new connection. One of them is kept warm from the first call on, so that a process
that runs gets in when people have taken every other connection; the server ends the others that idle.
"""

import os
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from pydantic import SecretStr

from jit.ports import TargetError, TargetRefused, TargetUnreachable
from workers.targets.postgres.refused import why_refused

CALL_SECONDS = 30.0
"""The longest any call takes, a server that has stopped answering included."""

ANSWER_SECONDS = 2.0
WARM_SECONDS = 15.0
"""How often the connection that is kept is used; less than the server's idle_session_timeout by far."""
MOST_IDLE = 8

BOUNDS = {
    "search_path": "pg_catalog",
    "statement_timeout": "5s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "10s",
    "idle_session_timeout": "50s",
    "plan_cache_mode": "force_generic_plan",
    "random_page_cost": "1",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "exit_on_error": "off",
    "synchronous_commit": "on",
    "role": "none",
    "DateStyle": "ISO, MDY",
    "standard_conforming_strings": "on",
    "jit": "off",
    "local_preload_libraries": "",
}
"""Of time, of what the server decides by itself (to plan our longest queries anew takes ten times as long as to
run them, and to compile them a hundred times; catalogs lie in memory, and may be read from end to end for each grant
there is where it takes them to lie on a disk), and of every default that somebody may set for a database or a login
and that changes what our statements do, or lets no session begin. Written as the server writes them, so that they can
be read back.
"""
LATER_BOUNDS = {160000: {"createrole_self_grant": ""}, 170000: {"transaction_timeout": "0"}}
"""Those that not every server knows, by the version that brought them."""
NETWORK: dict[str, Any] = {
    "application_name": "jit",
    "client_encoding": "UTF8",
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
UNREACHABLE = ("08", "57P", "25P03", "25P04", "53300")
"""SQLSTATEs that end, or never open, a connection."""


class Link:
    """Opens connections to one server; turns psycopg's errors into the port's, in words for people."""

    def __init__(self, name: str, dsn: SecretStr) -> None:
        self._name = name
        try:
            given: dict[str, Any] | None = conninfo_to_dict(dsn.get_secret_value())
        except psycopg.Error:
            given = None
        if given is None:
            raise ValueError(f"{name}: its dsn is not a PostgreSQL connection string")
        self._bounds = dict(BOUNDS)
        bounds = " ".join(f"-c {key}={value.replace(' ', chr(92) + ' ')}" for key, value in BOUNDS.items())
        options = f"{given.get('options') or ''} {bounds}".strip()
        self._conninfo = SecretStr(make_conninfo(**{**given, **NETWORK, "options": options}))
        self._idle: list[psycopg.Connection[Any]] = []
        self._process = os.getpid()
        self._over: threading.Event | None = None
        self._begin = threading.Lock()
        self._warming = threading.Lock()

    def of_whom(self, login: str) -> str:
        """What psql takes to come in there as somebody: no password, and nothing of ours."""
        given = conninfo_to_dict(self._conninfo.get_secret_value())
        where = {key: value for key, value in given.items() if key in {"host", "port", "dbname"}}
        return make_conninfo(user=login, **{key: str(value) for key, value in where.items()})

    def close(self) -> None:
        """End what is idle and keep nothing warm. The link can be used again."""
        with self._begin:
            if self._over is not None:
                self._over.set()
                self._over = None
        while (conn := self._pop()) is not None:
            conn.close()

    @contextmanager
    def open(self, *, anew: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """In autocommit; transactions are begun by name, READ COMMITTED whatever the server's default. ``anew`` leaves
        what is kept where it is: is the login let in now?

        Raises:
            TargetUnreachable: no connection, or it broke.
            TargetRefused: the server answered with an error; an open transaction was rolled back.
        """
        conn: psycopg.Connection[Any] | None = None
        try:
            conn = self._connect() if anew else self._take()
            self._stay_warm()
            with _hang_up_after(conn, CALL_SECONDS):
                yield conn
        except psycopg.Error as exc:
            raise self._told(exc, conn) from None
        finally:
            if conn is not None:
                self._leave(conn, keep=not anew)

    def warm(self) -> None:
        """Use the connection that is kept, or open a new one. Silent: the next call will say what is wrong."""
        with suppress(psycopg.Error, TargetUnreachable), self._warming:
            self._leave(self._left() or self._connect())

    def _take(self) -> psycopg.Connection[Any]:
        """One that was left, or a new one; where the server gives none, the one that is just being kept warm."""
        if conn := self._left():
            return conn
        try:
            return self._connect()
        except psycopg.OperationalError:
            with self._warming:
                conn = self._left()
            if conn is None:
                raise
            return conn

    def _stay_warm(self) -> None:
        self._forget_parent()
        with self._begin:
            if self._over is None:
                self._over = threading.Event()
                threading.Thread(target=_keep_warm, args=(weakref.ref(self), self._over), daemon=True).start()

    def _leave(self, conn: psycopg.Connection[Any], *, keep: bool = True) -> None:
        """For the next call, unless it is broken or still busy with this one."""
        fit = not conn.closed and conn.info.transaction_status is TransactionStatus.IDLE
        if keep and fit and len(self._idle) < MOST_IDLE:
            self._idle.append(conn)
        else:
            conn.close()

    def _connect(self) -> psycopg.Connection[Any]:
        conn = psycopg.connect(self._conninfo.get_secret_value(), autocommit=True)
        try:
            conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            with _hang_up_after(conn, ANSWER_SECONDS):
                self._fix_defaults(conn)
        except BaseException:
            conn.close()
            raise
        return conn

    def _fix_defaults(self, conn: psycopg.Connection[Any]) -> None:
        """What could not be asked for when connecting; then all is read back: a pooler may have dropped it."""
        later = [known for since, known in LATER_BOUNDS.items() if conn.info.server_version >= since]
        added = dict(chain.from_iterable(known.items() for known in later))
        conn.execute(
            "SELECT pg_catalog.set_config(k, v, false) FROM unnest(%s::text[], %s::text[]) w(k, v)",
            [list(added), list(added.values())],
        )
        fixed = self._bounds | added
        wrong = conn.execute(
            """SELECT k, pg_catalog.current_setting(k, true), v FROM unnest(%s::text[], %s::text[]) w(k, v)
               WHERE pg_catalog.current_setting(k, true) IS DISTINCT FROM v""",
            [list(fixed), list(fixed.values())],
        ).fetchone()
        (served,) = conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchone() or (None,)
        if not wrong and served != conn.info.backend_pid:
            raise TargetUnreachable(
                f"{self._name}: the worker's connection is served by another session than the one it opened: "
                "connect to the server itself, not through a pooler"
            )
        if wrong:
            key, found, value = wrong
            raise TargetUnreachable(
                f"{self._name}: {key} is {found} on the worker's connection, and stays so where {value or 'none'} was "
                "asked for: connect to the server itself, not through a pooler"
            )

    def _left(self) -> psycopg.Connection[Any] | None:
        """A connection that an earlier call left and that still answers."""
        while (conn := self._pop()) is not None:
            with suppress(psycopg.Error), _hang_up_after(conn, ANSWER_SECONDS):
                conn.execute("SELECT 1")
                return conn
            conn.close()
        return None

    def _pop(self) -> psycopg.Connection[Any] | None:
        self._forget_parent()
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _forget_parent(self) -> None:
        """Nothing of a parent process: after a fork both would speak on one line, and its threads are not here."""
        if self._process != os.getpid():
            self._process, self._idle = os.getpid(), []
            self._over, self._begin, self._warming = None, threading.Lock(), threading.Lock()

    def _told(self, exc: psycopg.Error, conn: psycopg.Connection[Any] | None) -> TargetError:
        if conn is None:
            given = conninfo_to_dict(self._conninfo.get_secret_value())
            secrets = [given.get("password"), given.get("sslpassword"), os.environ.get("PGPASSWORD")]
            said = f"FATAL: {exc.diag.message_primary}" if exc.sqlstate else str(exc)
            return TargetUnreachable(f"{self._name}: cannot be reached: {why_refused(said, secrets)}")
        if conn.broken or exc.sqlstate is None or exc.sqlstate.startswith(UNREACHABLE):
            return TargetUnreachable(f"{self._name}: the connection broke")
        said = exc.diag.message_primary or "no reason given"
        match exc:
            case errors.LockNotAvailable():
                return TargetUnreachable(f"{self._name}: busy, somebody else is changing this person's access")
            case errors.QueryCanceled():
                return TargetRefused(f"{self._name}: took too long")
            case errors.InsufficientPrivilege():
                return TargetRefused(f"{self._name}: the worker's login may not do this: {said}")
            case _:
                return TargetRefused(f"{self._name}: {said}")


@contextmanager
def keeping_plans(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """For a DROP of what no prepared statement names: psycopg would have all of them planned anew, which takes longer
    than the end of a grant does otherwise.
    """
    before, conn.prepare_threshold = conn.prepare_threshold, None
    try:
        yield
    finally:
        conn.prepare_threshold = before


def _keep_warm(link: weakref.ref[Link], over: threading.Event) -> None:
    """Ends with the link, or when that is closed."""
    while not over.wait(WARM_SECONDS):
        it = link()
        if it is None:
            return
        it.warm()
        del it


@contextmanager
def _hang_up_after(conn: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """A server that is frozen answers no time-out of its own; its socket can still be shut."""
    line = socket.socket(fileno=os.dup(conn.fileno()))

    def hang_up() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.close()
