"""One session in PostgreSQL, one statement at a time, and its answers as psql prints them."""

import re
import select
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from demo.table import aligned

MOST_ROWS = 50
MOST_BYTES = 20_000
"""Bytes of an answer in UTF-8. One row comes whole before it is cut; then the server is told to stop."""
LONGEST_CELL = 200
"""Characters of one cell."""
MOST_SECONDS = 2.0
"""Seconds that one statement may take."""
_LIMITS = re.compile("timeout|config|settings|execute|reset|discard|u&|xml", re.IGNORECASE)
"""One of these is in whatever may change the limit of a session. Until then it need not be set again, and the server's
log shows what was typed and nothing else.
"""
UNLOGGED = {"log_statement": "none", "log_min_messages": "panic"}
_NUMERIC = frozenset({20, 21, 23, 26, 700, 701, 1700})
"""Types whose columns psql puts to the right, by their oids."""
_ROWS = (ExecStatus.SINGLE_TUPLE, ExecStatus.TUPLES_OK)
_LEFT_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.NONFATAL_ERROR, ExecStatus.BAD_RESPONSE)


class Refused(Exception):
    """The server did not do it; the message is what psql would print."""


class Lost(Exception):
    """The session is over; the message is what psql would print."""


class Session:
    """Not for several threads. Raises psycopg.OperationalError where it cannot be opened.

    ``unlogged``: nothing of it comes into the server's log, for a login that may set `UNLOGGED`.
    """

    def __init__(self, dsn: str, *, most_seconds: float = MOST_SECONDS, unlogged: bool = False) -> None:
        limit = str(round(most_seconds * 1000))
        self._limit = f"SET statement_timeout = {limit}"
        self._limit_holds = not unlogged
        settings = {"statement_timeout": limit, "idle_in_transaction_session_timeout": "5s"}
        settings |= UNLOGGED if unlogged else {}
        self._conn: psycopg.Connection[Any] = psycopg.connect(
            dsn,
            autocommit=True,
            connect_timeout=2,
            options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            client_encoding="utf-8",
        )
        self._pg = self._conn.pgconn

    @property
    def pid(self) -> int:
        """The process id of the server's side."""
        return self._pg.backend_pid

    def close(self) -> None:
        self._conn.close()

    def wait(self, seconds: float, wake: int) -> None:
        """Wait so many seconds, or until ``wake`` can be read, or the server says something unasked: its last words."""
        with suppress(psycopg.OperationalError):  # it has no socket any more
            select.select([wake, self._pg.socket], [], [], seconds)

    def ask(self, statement: str) -> str:
        """What comes of one statement, within 2 s, 50 rows and 20,000 bytes. Raises Refused, Lost."""
        if not self._limit_holds:
            self._printed(self._limit)
        self._limit_holds = self._limit_holds and not _LIMITS.search(statement)
        try:
            return self._printed(statement)
        finally:
            if self._pg.transaction_status in _LEFT_OPEN:
                with suppress(Refused):
                    self._printed("ROLLBACK")

    def _printed(self, statement: str) -> str:
        rows: list[list[str | None]] = []
        said, columns, numeric = "", list[str](), list[bool]()
        refused = ""
        length, full = 0, False
        for result in self._results(statement):
            if result.status in _FAILED:
                refused = refused or self._error(result)
            elif full:
                continue
            elif result.status in _ROWS:
                columns = [_text(result.fname(place)) for place in range(result.nfields)]
                numeric = [result.ftype(place) in _NUMERIC for place in range(result.nfields)]
                for row in range(result.ntuples):
                    rows.append([_cell(result, row, place) for place in range(result.nfields)])
                    length += sum(len(cell or "") for cell in rows[-1])
                full = len(rows) > MOST_ROWS or length > MOST_BYTES
                if full:
                    self._pg.get_cancel().cancel()
            else:
                said = _text(result.command_status)
        if full:
            return _bounded(aligned(columns, numeric, rows[:MOST_ROWS], ", and more"))
        if refused:
            raise Refused(refused)
        return _bounded(aligned(columns, numeric, rows)) if columns else said

    def _results(self, statement: str) -> Iterator[PGresult]:
        """Row by row. The extended protocol takes one statement and no second."""
        try:
            self._pg.send_query_params(statement.encode(), None)
            self._pg.set_single_row_mode()
            while self._pg.flush():
                select.select([], [self._pg.socket], [])
            while True:
                while self._pg.is_busy():
                    select.select([self._pg.socket], [], [])
                    self._pg.consume_input()
                result = self._pg.get_result()
                if result is None:
                    return
                if result.status in (ExecStatus.COPY_IN, ExecStatus.COPY_OUT):
                    raise Lost("COPY speaks a protocol of its own, which this session does not.")
                yield result
        except psycopg.Error as gone:
            raise Lost(_in_short(str(gone))) from None

    def _error(self, result: PGresult) -> str:
        """Raises Lost where it was the session's last."""
        about = {
            word: _text(result.error_field(field))
            for word, field in (
                ("", DiagnosticField.MESSAGE_PRIMARY),
                ("DETAIL", DiagnosticField.MESSAGE_DETAIL),
                ("HINT", DiagnosticField.MESSAGE_HINT),
            )
        }
        severity = _text(result.error_field(DiagnosticField.SEVERITY)) or "ERROR"
        lines = [f"{word or severity}:  {said}" for word, said in about.items() if said]
        text = _bounded("\n".join(lines)) or _in_short(_text(result.error_message))
        if self._pg.status != ConnStatus.OK or severity == "FATAL":
            raise Lost(text)
        return text


def _cell(result: PGresult, row: int, place: int) -> str | None:
    value = result.get_value(row, place)
    if value is None:
        return None
    text = _text(value[: 4 * (LONGEST_CELL + 1)])
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"


def _bounded(text: str) -> str:
    data = text.encode()
    return text if len(data) <= MOST_BYTES else f"{data[:MOST_BYTES].decode(errors='ignore')}\n(cut)"


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _in_short(said: str) -> str:
    return said.removeprefix("consuming input failed: ").strip().partition("\n")[0] or "the connection is gone"
