"""What all parsers share: times read, lines that cannot be read counted."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jit.detect.activity.lines import LONGEST_LINE, Line
from jit.detect.activity.model import Activity


class Parser:
    """``source`` is what the record calls this kind of log; ``unread`` counts lines that could not be read, by why."""

    source: str
    longest_line = LONGEST_LINE

    def __init__(self, target: str, zone: tzinfo | None = None) -> None:
        self.target = target
        self.zone = zone
        self.unread: Counter[str] = Counter()

    def parse(self, line: Line) -> Iterator[Activity]:
        """What was done by this line; nothing where it tells of none. Never raises."""
        try:
            yield from self._parse(line)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, csv.Error) as why:
            self.unread[str(why) if isinstance(why, Unreadable) else "not a line of this log"] += 1

    def _parse(self, line: Line) -> Iterator[Activity]:
        raise NotImplementedError


csv.field_size_limit(2 * LONGEST_LINE)
IN_PART = "a line too long, of which the beginning is kept"
OF_ANOTHER = "of another"
"""How it is said of a line that it speaks of something that is not this log's."""


class Unreadable(ValueError):
    """A line that is none of this log. The message is one of a few: nothing of the line stands in it."""


def text_of(line: Line) -> str:
    """Raises Unreadable."""
    if not line.whole:
        raise Unreadable("a line too long")
    return line.data.decode("utf-8", "replace")


def object_of(line: Line) -> Mapping[str, Any]:
    """The JSON object that stands there. Raises Unreadable."""
    if not line.whole:
        raise Unreadable("a line too long")
    try:
        data = line.data.decode("utf-8", "replace").strip("\0 \t\r")
        told = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable("torn, or not JSON") from None
    if not isinstance(told, dict):
        raise Unreadable("not an object of JSON")
    return told


def text(told: Mapping[str, Any], name: str) -> str:
    """A field that is a text; empty where there is none, or it is something else."""
    value = told.get(name)
    return value if isinstance(value, str) else ""


_LOCAL = re.compile(
    r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)[ ]?([A-Za-z][A-Za-z0-9_/+-]{0,40}|[+-]\d\d(?::?\d\d)?|)"
)
_UTC_NAMES = frozenset({"UTC", "GMT", "Z", "UCT", "ETC/UTC"})


def moment(said: str, zone: tzinfo | None) -> datetime | None:
    """`2026-11-28 11:27:13.123 UTC`, or as RFC 3339 has it; None where it is no time, or in a zone that is not known.

    What a zone is called is not always one zone: a log's own ``zone`` counts first where it is called so.
    """
    found = _LOCAL.fullmatch(said.strip())
    if found is None:
        return None
    try:
        local = datetime.fromisoformat(found[1].replace(",", ".")[:26])
        where = _zone(found[2], zone)
        return local.replace(tzinfo=where).astimezone(UTC) if where else None
    except (ValueError, OverflowError):
        return None


def _zone(name: str, own: tzinfo | None) -> tzinfo | None:
    if not name:
        return own
    if name.upper() in _UTC_NAMES:
        return UTC
    if name[0] in "+-":
        return offset(name)
    return own or named_zone(name)


def offset(said: str) -> tzinfo:
    """`+01`, `+0100`, `-03:30`"""
    digits = said[1:].replace(":", "").ljust(4, "0")
    lasts = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
    return timezone(-lasts if said[0] == "-" else lasts)


@lru_cache(maxsize=64)
def named_zone(name: str) -> tzinfo | None:
    """A zone by its name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None
