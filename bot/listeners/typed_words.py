"""The words that somebody types after `/jit`, one by one: durations, incidents, and what joins them."""

import re

from jit.durations import parse_duration
from jit.policy import Access

STOPS = ".,:;!?()[]"
PAUSES = ".,:;"
_QUOTES = "\"'`\u00ab\u00bb\u2039\u203a" + "".join(map(chr, range(0x2018, 0x2020)))
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_UNIT = r"(?:s|m|h|d|w|min|mins|minutes?|hrs?|hours?|days?|weeks?)"
WORD = re.compile(rf"[0-9]+ +{_UNIT}(?!\S)|\S+", re.IGNORECASE)
_DURATION = re.compile(rf"[-+]?[0-9]+(?:[.,][0-9]+)?{_UNIT}(?:[0-9]+{_UNIT})*")
_LONG_UNIT = re.compile(r"(min|hr|hour|day)[a-z]*")
_TICKET = re.compile(r"[A-Z][A-Z0-9]{1,9}-[0-9]{1,10}")
_JOINING = re.compile(
    r"a|about|after|and|as|at|because|before|by|every|from|in|into|is|last|no|not|of|on|or|over|past|see|since|than"
    r"|the|to|until|with|within",
    re.IGNORECASE,
)
"""What comes after one of these at the end of a reason belongs to its sentence: `db down since 30m`."""
_TAKING = re.compile(
    r"almost|another|around|are|can|cannot|can't|could|lasted|lasts|nearly|takes?|took|was", re.IGNORECASE
)
_ON_TIME = re.compile(r"ago|already|behind|delays?|lag|late|later|left|long|now|old|timeouts?|windows?", re.IGNORECASE)
"""What follows a duration that belongs to a sentence: `broke 30m ago`."""


def plain(word: str) -> str:
    """A word without quotes round it, with the dashes and the visible letters a keyboard has."""
    return word.translate(_INVISIBLE).translate(_DASHES).strip(_QUOTES)


def unquoted(text: str) -> str:
    return text.strip(_QUOTES).strip()


def next_word(text: str) -> str:
    found = WORD.search(text)
    return plain(found[0]) if found else ""


def is_for(word: str) -> bool:
    return word.casefold() == "for"


def joins(word: str) -> bool:
    """Whether what comes next, at the end of a reason, belongs to its sentence."""
    return bool(_JOINING.fullmatch(word))


def in_a_sentence(before: str, after: str) -> bool:
    """Whether what stands between these words, amid a reason, is told rather than asked for: `it takes 10m to run`."""
    return joins(before) or bool(_TAKING.fullmatch(before) or _ON_TIME.fullmatch(after.rstrip(STOPS)))


def duration_in(word: str) -> str:
    """What looks like a duration, in one piece and lower case; empty if this does not."""
    compact = "".join(plain(word).lower().split())
    return compact if _DURATION.fullmatch(compact) else ""


def read_duration(word: str) -> str:
    """As the form has it: `90m` of `90min`. Raises BadDuration."""
    typed = _LONG_UNIT.sub(lambda unit: unit[1][0], word)
    parse_duration(typed)
    return typed


def incident_in(word: str, access: Access | None) -> str | None:
    """The incident or ticket this word names, as the access writes them, or like `INC-42`."""
    bare = plain(word).strip(STOPS)
    for written in (bare, bare.upper()):
        if access is not None and access.incident is not None:
            if access.accepts_incident(written):
                return written
        elif _TICKET.fullmatch(written):
            return written
    return None
