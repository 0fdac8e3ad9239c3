"""Whether a message of the audit channel says what the ledger says now.

What people are called may have changed since, so it is drawn with a blank for each name, and the rest must fit exactly.
A person who was erased has no blank: what still shows their name does not fit.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from enum import Enum, auto

from bot.mirror.message_digest import plain, sections_of
from bot.views.audit import in_short
from bot.views.line import Known, lines
from bot.views.text import Json, Names
from jit.ledger import Entry

ERASED = "erased:"
ERASED_TEXT = "[erased]"
_NAMED = re.compile(r"[UWS][A-Z0-9]{2,30}", re.ASCII)
_MORE = re.compile(r"and (\d{1,4}) more", re.ASCII)
_LONGEST_NAME = 400
"""Characters of a name in a line, escaped."""
_OPEN, _CLOSE = "\ue000", "\ue001"


class Fit(Enum):
    """How a message compares with the entries it says it shows."""

    EXACT = auto()
    BUT_FOR_NAMES = auto()
    NOT = auto()


def fit(message: Json, entries: Sequence[Entry], names: Names, known: Known, *, loosely: bool = False) -> Fit:
    """Both in its blocks and in what notifications say. ``loosely``: whatever blanks stand between the words."""
    as_read = _evenly if loosely else plain
    blocks, text = as_read(sections_of(message)), as_read(_text(message))
    drawn = lines(entries, names, known)
    if blocks == as_read("\n".join(drawn)) and text == as_read(in_short(drawn)):
        return Fit.EXACT
    mark = secrets.token_hex(4)
    blanks = re.compile(f"{_OPEN}{mark}{_CLOSE}")
    patterns = [blanks.split(as_read(line)) for line in lines(entries, _blank(names, mark), known)]
    said = blocks.split("\n")
    if len(said) == len(patterns) and all(map(_fills, said, patterns)) and _is_short_of(text, patterns):
        return Fit.BUT_FOR_NAMES
    return Fit.NOT


def shows_erased(entries: Sequence[Entry], known: Known) -> bool:
    """Whether any line of these would name somebody who was erased, or hold their words."""
    asked: list[str] = []

    def name(who: str) -> str:
        asked.append(who)
        return who

    drawn = lines(entries, name, known)
    return any(who.startswith(ERASED) for who in asked) or any(ERASED_TEXT in line for line in drawn)


def _evenly(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in plain(text).split("\n"))


def _blank(names: Names, mark: str) -> Names:
    return lambda who: f"{_OPEN}{mark}{_CLOSE}" if _NAMED.fullmatch(who) else names(who)


def _fills(line: str, pattern: Sequence[str]) -> bool:
    """Whether the line is the pattern's parts in order, with names between; in time linear in the line."""
    first, *rest = pattern
    if not rest:
        return line == first
    if not line.startswith(first):
        return False
    return all(_is_name(name) for name in _names_between(line[len(first) :], rest))


def _names_between(line: str, rest: Sequence[str]) -> Iterator[str]:
    """What stands before each of the parts; something that is no name where a part is missing."""
    *inner, last = rest
    at = 0
    for part in inner:
        found = line.find(part, at)
        if found < 0:
            yield ""
            return
        yield line[at:found]
        at = found + len(part)
    end = len(line) - len(last)
    yield line[at:end] if line.endswith(last) and end >= at else ""


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and " · " not in name


def _is_short_of(text: str, patterns: Sequence[Sequence[str]]) -> bool:
    said = text.split("\n")
    more = _MORE.fullmatch(said[-1])
    if more and len(said) - 1 + int(more[1]) == len(patterns):
        return all(map(_fills, said[:-1], patterns))
    return len(said) == len(patterns) and all(map(_fills, said, patterns))


def _text(message: Json) -> str:
    text = message.get("text")
    return text if isinstance(text, str) else ""
