"""Entries as they are shown: a line each in a terminal, in the words of the audit line, and JSON lines in a pipe.

Names and reasons are whatever somebody typed: nothing of them may steer the terminal.
"""

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, timedelta, tzinfo
from typing import NamedTuple, assert_never

from rich.cells import cell_len, set_cell_size

from jit.durations import say_duration
from jit.facts.sentence import Access, Loud, Name, Part, Person, Several, Text, Time, flat
from jit.ledger import Entry
from jit.proof.audit.told import ToldEntry

Names = Callable[[str], str]
"""From an id to what people call it."""

_GAP = "  "
_WIDEST = (19, 9, 26, 24, 30, 8)
"""Cells of time, number, what, who, access and request; what more is said gets the rest of the line."""
_NARROWEST = (19, 5, 14, 10, 14, 6)
_LEAST_SAID = 20
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class TableRow(NamedTuple):
    """One entry, in the order of the audit line."""

    time: str
    number: str
    what: str
    who: str
    access: str
    said: str
    request: str


def row_of(entry: Entry, names: Names, zone: tzinfo | None = None) -> TableRow:
    """``zone`` is whose time of day is shown; None is this machine's."""
    fact = entry.fact
    told = fact.told()
    who, rest = _who_and_rest(told.about)
    said = [in_plain(part, names, zone).strip(" :") for part in (rest, *told.more)]
    said += [getattr(fact, "incident", None) or "", "from the spool" if fact.spooled else ""]
    return TableRow(
        f"{fact.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        f"#{entry.index}",
        in_plain(told.what),
        plain(names(who or fact.actor)),
        plain(getattr(fact, "access", None) or ""),
        plain(" · ".join(part for part in said if part)),
        plain(getattr(fact, "request_id", None) or ""),
    )


def _who_and_rest(about: tuple[Part, ...]) -> tuple[str | None, tuple[Part, ...]]:
    """The first person, and what is left without them and the first access: they have columns of their own."""
    taken: dict[type, str] = {}
    rest: list[Part] = []
    for part in flat(about):
        if isinstance(part, Person | Access) and type(part) not in taken:
            taken[type(part)] = part.id if isinstance(part, Person) else part.word
            if rest and isinstance(rest[-1], str):
                rest.pop()
        else:
            rest.append(part)
    return taken.get(Person), tuple(rest)


class Layout:
    """How wide each column is: by the first rows, of which there is at least one, and from then on the same."""

    def __init__(self, first: Sequence[TableRow], width: int) -> None:
        """``width`` of the terminal, in cells."""
        columns = zip(*(_fixed(row) for row in first), strict=True)
        limits = zip(_NARROWEST, _WIDEST, columns, strict=True)
        self._widths = [min(most, max(least, *map(cell_len, column))) for least, most, column in limits]
        self._said = max(_LEAST_SAID, width - sum(self._widths) - len(_GAP) * len(_WIDEST))

    def line(self, row: TableRow) -> str:
        *before, request = (_cell(text, width) for text, width in zip(_fixed(row), self._widths, strict=True))
        return _GAP.join([*before, _cell(row.said, self._said), request]).rstrip()


def _fixed(row: TableRow) -> tuple[str, ...]:
    return (row.time, row.number, row.what, row.who, row.access, row.request)


def _cell(text: str, width: int) -> str:
    return set_cell_size(text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…", width)


def told_in_full(entries: Sequence[Entry], names: Names) -> Iterator[str]:
    """A line for each entry about one request: nothing is cut short, times are UTC, and whoever did it stands last."""
    rows = [(row_of(entry, names, UTC), plain(names(entry.fact.actor))) for entry in entries]
    numbers, whats = (max((cell_len(row[column]) for row, _ in rows), default=0) for column in (1, 2))
    for row, actor in rows:
        before = [f"{row.time} UTC", set_cell_size(row.number, numbers), set_cell_size(row.what, whats)]
        said = row.said if actor in row.said else " · ".join(filter(None, (row.said, actor)))
        yield _GAP.join([*before, said]).rstrip()


def as_json(entry: ToldEntry) -> bytes:
    """One line: the entry with its personal fields as they read now. Its bytes are another thing."""
    told = {
        "index": entry.index,
        "recorded_at": entry.recorded_at.isoformat(),
        "hash": entry.hash,
        "fact": entry.told,
    }
    return json.dumps(told, ensure_ascii=False).encode()


def plain(text: str) -> str:
    """On one line, without anything that moves a cursor or turns the reading direction."""
    if text.isprintable():
        return " ".join(text.split())
    kept = ("" if letter in _DIRECTIONS else _visible(letter) for letter in text)
    return " ".join("".join(kept).split())


def _visible(letter: str) -> str:
    return " " if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} else letter


def in_plain(  # noqa: PLR0911  one return for each type of part
    part: Part, names: Names = str, zone: tzinfo | None = UTC
) -> str:
    """A part of what is told, for a line of a terminal."""
    match part:
        case str():
            return part
        case tuple():
            return "".join(in_plain(each, names, zone) for each in part)
        case Person(who):
            return names(who)
        case Loud(text) | Name(text) | Text(text):
            return plain(text)
        case timedelta():
            return say_duration(part)
        case Time(at):
            return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
        case Several(parts, _, between):
            return between.join(in_plain(each, names, zone) for each in parts)
    assert_never(part)


def names_from(known: Mapping[str, str]) -> Names:
    """From names by id. Everybody chooses their own, and some look alike: so the id stands before every name."""

    def named(who: str) -> str:
        name = plain(known.get(who, ""))
        return f"{who} “{name}”" if name else who

    return named
