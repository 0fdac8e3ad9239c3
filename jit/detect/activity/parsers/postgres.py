"""PostgreSQL's own log, as JSON (15 and later) and as CSV, with the lines of pgaudit in it.

Connections (`log_connections`, `log_disconnections`), statements (`log_statement`) and what pgaudit says are read;
parameters of statements are not kept. Everything else is passed over, but a setting of the log that was changed.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jit.detect.activity.lines import Line
from jit.detect.activity.model import Activity
from jit.detect.activity.parsers import pgaudit
from jit.detect.activity.parsers.parser import Parser, Unreadable, moment, object_of, text_of
from jit.detect.activity.sql import read_statement
from jit.facts import ActivityClass

_STATEMENT = re.compile(
    r"(?:duration: [\d.]+ ms  )?(?:(statement)|execute (?:fetch from )?([^:]{0,200})): (.*)", re.DOTALL
)
_PREPARED = re.compile(r"prepare: (.*)", re.DOTALL)
_SETTING = re.compile(r'parameter "((?:log_|pgaudit\.)[\w.]{1,60})" (?:changed to "(.{0,100}?)"|removed .*)')
_COLUMNS = (
    *("timestamp", "user", "dbname", "pid", "remote", "session_id", "line_num", "ps", "session_start", "vxid", "txid"),
    *("error_severity", "state_code", "message", "detail", "hint", "internal_query", "internal_position", "context"),
    *("statement", "cursor_position", "func_name", "application_name", "backend_type", "leader_pid", "query_id"),
)
"""Of CSV, in order: 23 before PostgreSQL 13, 24 in 13, 26 from 14 on."""


class _PostgresLog(Parser):
    source = "postgres"

    def _told(self, told: Mapping[str, Any]) -> Iterator[Activity]:
        message = told.get("message")
        if not isinstance(message, str):
            raise Unreadable("a line without a message")
        common = {
            "time": moment(str(told.get("timestamp", "")), self.zone),
            "target": self.target,
            "source": self.source,
            "principal": _text(told, "user"),
            "session": _text(told, "session_id"),
            "seq": _text(told, "line_num"),
            "client": " ".join(filter(None, (_text(told, "remote_host"), _text(told, "application_name")))),
        }
        if (audited := pgaudit.read(message)) is not None:
            yield Activity.bounded(**common, **audited)
        elif message.startswith("connection authorized: "):
            yield Activity.bounded(**common, class_=ActivityClass.LOGIN, text=_database(told))
        elif message.startswith("disconnection: "):
            yield Activity.bounded(**common, class_=ActivityClass.LOGOUT)
        elif found := _STATEMENT.fullmatch(message):
            yield Activity.bounded(**common, **_statement(found, _text(told, "detail")))
        elif found := _SETTING.match(message):
            hides = (found[2] or "").lower() not in {"all", "on"}
            says = f"{found[1]} is now {found[2]}" if found[2] else f"{found[1]} is no longer set"
            yield Activity.bounded(**common, class_=ActivityClass.CONFIG, text=says, objects=(found[1],), hides=hides)


def _statement(found: "re.Match[str]", detail: str) -> dict[str, Any]:
    """A prepared statement is what it was prepared as: a detail has that."""
    sent = found[3]
    prepared = _PREPARED.match(detail) if found[1] else None
    read = read_statement(prepared[1]) if prepared else read_statement(sent)
    said = f"{read_statement(sent).text} ({read.text})" if prepared else read.text
    return {"class_": read.class_, "text": said, "objects": read.objects, "role": read.role, "hides": read.hides}


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return "" if value is None else str(value)


def _database(told: Mapping[str, Any]) -> str:
    return f"database {name}" if (name := _text(told, "dbname")) else ""


class JsonLog(_PostgresLog):
    """`log_destination = jsonlog`"""

    def _parse(self, line: Line) -> Iterator[Activity]:
        yield from self._told(object_of(line))


class CsvLog(_PostgresLog):
    """`log_destination = csvlog`. A statement of several lines stands in several: they are put together again."""

    LONGEST = 256 * 1024

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        self._open = ""
        """What came so far of an entry that is not closed."""

    def _parse(self, line: Line) -> Iterator[Activity]:
        try:
            whole = f"{self._open}\n{text_of(line)}" if self._open else text_of(line)
        except Unreadable:
            self._open = ""
            raise
        if self._open and _BEGINS.match(text_of(line)) and text_of(line).count('"') % 2 == 0:
            self.unread["torn"] += 1
            whole = text_of(line)
        if whole.count('"') % 2:
            self._open = whole if len(whole) <= self.LONGEST else ""
            if not self._open:
                raise Unreadable("a line too long")
            return
        self._open = ""
        cells = next(csv.reader([whole.replace("\0", "\ufffd")], strict=True))
        if len(cells) < 23:
            raise Unreadable("torn, or not CSV")
        told = dict(zip(_COLUMNS, cells, strict=False))
        told["remote_host"] = told["remote"].rpartition(":")[0] or told["remote"]
        yield from self._told(told)


_BEGINS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
