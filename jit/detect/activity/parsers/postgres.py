"""PostgreSQL's own log, as JSON (15 and later) and as CSV, with the lines of pgaudit in it.

Connections (`log_connections`, `log_disconnections`), statements (`log_statement`) and what pgaudit says are read;
parameters of statements are not kept. Everything else is passed over, but a setting of the log that was changed.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jit.detect.activity.lines import Line
from jit.detect.activity.model import MORE, Activity
from jit.detect.activity.parsers import pgaudit
from jit.detect.activity.parsers.parser import IN_PART, Parser, Unreadable, moment, object_of
from jit.detect.activity.secrets import masked
from jit.detect.activity.sql import read_statement
from jit.detect.activity.sql.statement import Statement
from jit.facts import ActivityClass

_STATEMENT = re.compile(r"(?:duration: [\d.]+ ms  )?(?:(statement)|execute (?:fetch from )?.*?): (.*)", re.DOTALL)
_AGAIN = re.compile(
    r": (?=\s*(?:/\*|--|\(|(?:select|insert|update|delete|merge|with|values|table|copy|truncate|create|alter|drop|grant"
    r"|revoke|call|do|execute|set|reset|explain|lock|fetch|load|vacuum|refresh|import|security|reassign)\b))",
    re.IGNORECASE,
)
"""Where what was executed may begin, too: the name before it is whatever somebody called it, `x: select 1 --`."""
MOST_BEGINNINGS = 10
_FUNCTION = re.compile(r'fastpath function call: "(.*)" \(OID \d+\)', re.DOTALL)
_REPLICATION = re.compile(r"received replication command: (.*)", re.DOTALL)
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
        elif found := _FUNCTION.fullmatch(message):
            yield Activity.bounded(**common, class_=ActivityClass.EXEC, text=message, objects=(f"{found[1]}()",))
        elif found := _REPLICATION.fullmatch(message):
            yield Activity.bounded(
                **common, class_=ActivityClass.EXPORT, text=masked(found[1]), objects=("replication",)
            )
        elif found := _SETTING.match(message):
            hides = (found[2] or "").lower() not in {"all", "on"}
            says = f"{found[1]} is now {found[2]}" if found[2] else f"{found[1]} is no longer set"
            yield Activity.bounded(**common, class_=ActivityClass.CONFIG, text=says, objects=(found[1],), hides=hides)


def _statement(found: "re.Match[str]", detail: str) -> dict[str, Any]:
    """A prepared statement is what it was prepared as: a detail has that."""
    sent = found[2]
    prepared = _PREPARED.match(detail) if found[1] else None
    read = read_statement(prepared[1]) if prepared else read_statement(sent) if found[1] else _executed(sent)
    said = f"{read_statement(sent).text} ({read.text})" if prepared else read.text
    return {"class_": read.class_, "text": said, "objects": read.objects, "role": read.role, "hides": read.hides}


def _executed(sent: str) -> Statement:
    """The most serious of what it may be, with the objects of all."""
    begins = [each.end() for each in islice(_AGAIN.finditer(sent), MOST_BEGINNINGS + 1)]
    each = [read_statement(sent[begin:]) for begin in (0, *begins[:MOST_BEGINNINGS])]
    class_ = max((one.class_ for one in each), key=list(ActivityClass).index)
    objects = tuple(dict.fromkeys(name for one in each for name in one.objects))
    if len(begins) > MOST_BEGINNINGS:
        class_, objects = max(class_, ActivityClass.EXEC, key=list(ActivityClass).index), (*objects, MORE)
    role = next((one.role for one in reversed(each) if one.role is not None), None)
    return Statement(class_, objects, each[0].text, role, any(one.hides for one in each))


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return "" if value is None else str(value)


def _database(told: Mapping[str, Any]) -> str:
    return f"database {name}" if (name := _text(told, "dbname")) else ""


class JsonLog(_PostgresLog):
    """`log_destination = jsonlog`"""

    def _parse(self, line: Line) -> Iterator[Activity]:
        yield from self._told(object_of(line) if line.whole else self._beginning(line))

    def _beginning(self, line: Line) -> Mapping[str, Any]:
        """Of a line too long what comes up to its message, and as much of that as is kept: who sends much is seen."""
        said = line.data.decode("utf-8", "replace")
        message = _MESSAGE.search(said)
        if message is None:
            raise Unreadable("a line too long")
        self.unread[IN_PART] += 1
        whole = said[: message.start()].rstrip(", ") + "}"
        return {**json.loads(whole), "message": json.loads(f'"{message[1]}"', strict=False)}


_MESSAGE = re.compile(r'"message": ?"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*)')
"""In JSON a quotation mark within a text stands behind a backslash: so nobody can send one of these."""


class CsvLog(_PostgresLog):
    """`log_destination = csvlog`. A statement of several lines stands in several: they are put together again.

    Somebody may send lines that look like entries. Within an entry every quotation mark stands twice, so only where an
    entry begins is there a single one before the name of a user (`_BEGINS`).
    """

    LONGEST = 256 * 1024

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        self._open = ""
        """What came so far of an entry that is not closed."""
        self._too_long = False
        """What comes may be the rest of an entry that was too long."""

    def _parse(self, line: Line) -> Iterator[Activity]:
        said = line.data.decode("utf-8", "replace")
        if _BEGINS.match(said):
            if self._open:
                self.unread["torn"] += 1
            self._open, self._too_long = "", False
        elif self._too_long:
            return
        whole = f"{self._open}\n{said}" if self._open else said
        self._open = ""
        self._too_long = not line.whole or len(whole) > self.LONGEST
        if self._too_long:
            self.unread[IN_PART] += 1
            whole = whole[: self.LONGEST]
        elif whole.count('"') % 2:
            self._open = whole
            return
        yield from self._entry(whole)

    def _entry(self, whole: str) -> Iterator[Activity]:
        cells = next(csv.reader([whole.replace("\0", "\ufffd")], strict=not self._too_long))
        told = dict(zip(_COLUMNS, cells, strict=False))
        if len(cells) < (14 if self._too_long else 23) or (told["user"] and not _BEGINS.match(whole)):
            raise Unreadable("torn, or not CSV")
        told["remote_host"] = told["remote"].rpartition(":")[0] or told["remote"]
        yield from self._told(told)


_BEGINS = re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^,"]*,"[^",]')
