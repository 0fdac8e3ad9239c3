"""What somebody typed after `/jit`: which subcommand, which request, and what goes into the form."""

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from bot.forms import Filled
from bot.listeners.reading import Reading
from bot.listeners.typed_words import plain
from jit.policy import Access
from jit.requests.start import WRITTEN
from jit.requests.together import MOST_TOGETHER

SUBCOMMANDS = (
    "request",
    "list",
    "show",
    "who",
    "extend",
    "release",
    "revoke",
    "lockdown",
    "away",
    "back",
    "break-glass",
    "help",
)

NEAR = 0.7
"""How alike a subcommand has to be."""

_REQUEST_ID = re.compile(r"(?:R-)?([0-9A-Z]{4,12})")
_START = re.compile(rf"(?<!\S)at\s+({WRITTEN})(?!\S)", re.IGNORECASE | re.ASCII)


def split(text: str) -> tuple[str, str]:
    """The subcommand in plain lower case, and what comes after it as typed. Nothing typed is `help`.

    Who addresses the bot by name (`/jit @jit list`) means the same.
    """
    first, rest = _parted(text)
    while first.startswith(("@", "<@")):
        first, rest = _parted(rest)
    return plain(first).lower() or "help", rest


def nearest(word: str) -> str | None:
    """The subcommand that is nearly written so."""
    return next(iter(get_close_matches(word, SUBCOMMANDS, n=1, cutoff=NEAR)), None)


def request_id_in(text: str) -> tuple[str | None, str]:
    """The request meant by the first word, written `R-7F3K`, `r-7f3k` or `7f3k`, and what comes after it."""
    first, rest = _parted(text)
    found = _REQUEST_ID.fullmatch(plain(first).upper())
    return (f"R-{found[1]}" if found else None), rest


def is_written_id(text: str) -> bool:
    """Whether the first word begins with `R-`, as nothing but an id does."""
    return plain(_parted(text)[0]).upper().startswith("R-")


def _parted(text: str) -> tuple[str, str]:
    """The first word, and what comes after it."""
    first, *rest = text.split(maxsplit=1) or [""]
    return first, "".join(rest).strip()


def fill_at_once(text: str, accesses: Sequence[Access]) -> Filled:
    """As `fill`, of one access that cannot begin later: a time, and another name, belong to the reason."""
    return _fill(text, accesses, most=1)


def fill(text: str, accesses: Sequence[Access]) -> Filled:
    """The form as far as ``text`` fills it: accesses, duration and incident, in any order, before the reason or after
    it. Further accesses count beside the first: before the reason, or where that stands behind it.

    An access or an incident named amid the reason counts and stays there; a duration is taken out of it. What looks
    like one of them and cannot be used is said in the note; a name that is not quite one is met with the nearest, which
    is offered and not taken.
    """
    start, text = _start_in(text.strip(), accesses)
    filled = _fill(text, accesses)
    if not start:
        return filled
    filled = replace(filled, asked=replace(filled.asked, start=start))
    return filled.noted(f"It is to begin at {start}. Empty Start to begin at once.")


def _start_in(text: str, accesses: Sequence[Access]) -> tuple[str, str]:
    """`at 22:00` and the like, at the end or before the reason, and the text without it. Amid a reason it is none."""
    for found in _START.finditer(text):
        before, after = text[: found.start()].strip(), text[found.end() :].strip()
        if not after or not _fill(before, accesses).asked.reason:
            return " ".join(found[1].split()), f"{before} {after}".strip()
    return "", text


def _fill(text: str, accesses: Sequence[Access], most: int = MOST_TOGETHER) -> Filled:
    return Reading(text.strip(), accesses, frozenset(access.name.casefold() for access in accesses), most).filled()
