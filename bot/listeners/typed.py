"""What somebody typed after `/jit`: which subcommand, which request, and what goes into the form."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

from bot.forms import Filled
from bot.views.text import straight
from jit.durations import BadDuration, parse_duration
from jit.policy import Access
from jit.requests.intake import text_trouble

SUBCOMMANDS = ("request", "list", "show", "extend", "release", "revoke", "help")
LATER = ("break-glass",)

_QUOTES = "\"'`\u00ab\u00bb\u2039\u203a" + "".join(map(chr, range(0x2018, 0x2020)))
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_UNIT = r"(?:s|m|h|d|w|min|mins|minutes?|hrs?|hours?|days?|weeks?)"
_WORD = re.compile(rf"[0-9]+ +{_UNIT}(?!\S)|\S+", re.IGNORECASE)
_DURATION = re.compile(rf"[-+]?[0-9]+(?:[.,][0-9]+)?{_UNIT}(?:[0-9]+{_UNIT})*")
_LONG_UNIT = re.compile(r"(min|hr|hour|day)[a-z]*")
_TICKET = re.compile(r"[A-Z][A-Z0-9]{1,9}-[0-9]{1,10}")
_REQUEST_ID = re.compile(r"(?:R-)?([0-9A-Z]{4,12})")
_LONGEST_ECHO = 40
_SHORTEST_PREFIX = 3


def split(text: str) -> tuple[str, str]:
    """The subcommand in plain lower case, and what comes after it as typed. Nothing typed is `help`.

    Who addresses the bot by name (`/jit @jit list`) means the same.
    """
    first, rest = _parted(text)
    while first.startswith(("@", "<@")):
        first, rest = _parted(rest)
    return plain(first).lower() or "help", rest


def plain(word: str) -> str:
    """A word without quotes round it, with the dashes and the visible letters a keyboard has."""
    return word.translate(_INVISIBLE).translate(_DASHES).strip(_QUOTES)


def nearest(word: str) -> str | None:
    """The subcommand that was meant, perhaps."""
    return next(iter(get_close_matches(word, [*SUBCOMMANDS, *LATER], n=1, cutoff=0.5)), None)


def request_id_in(text: str) -> tuple[str | None, str]:
    """The request meant by the first word, written `R-7F3K`, `r-7f3k` or `7f3k`, and what comes after it."""
    first, rest = _parted(text)
    found = _REQUEST_ID.fullmatch(plain(first).upper())
    return (f"R-{found[1]}" if found else None), rest


def extended_id_in(text: str) -> tuple[str | None, str]:
    """As `request_id_in`, where the id may be left out: a word that begins with no `R-` is none."""
    found, rest = request_id_in(text)
    first, _ = _parted(text)
    return (found, rest) if found and plain(first).upper().startswith("R-") else (None, text)


def duration_in(text: str) -> tuple[str, str]:
    """The duration that comes first, if one does, and what comes after it."""
    found = _WORD.match(text.strip())
    compact = "".join(plain(found[0]).lower().split()) if found else ""
    if found is None or not _DURATION.fullmatch(compact):
        return "", text.strip()
    return _LONG_UNIT.sub(lambda unit: unit[1][0], compact), text.strip()[found.end() :].strip()


def _parted(text: str) -> tuple[str, str]:
    """The first word, and what comes after it."""
    first, *rest = text.split(maxsplit=1) or [""]
    return first, "".join(rest).strip()


def fill(text: str, accesses: Sequence[Access]) -> Filled:
    """The form as far as ``text`` fills it: access, duration and incident in any order, then the reason.

    What looks like one of them and cannot be used is said in the note, and an incident named in the reason counts.
    """
    filled, rest = Filled(), text.strip()
    while found := _WORD.search(rest):
        taken = _take(plain(found[0]), filled, accesses, first=rest == text.strip())
        if taken is None:
            break
        filled, rest = taken, rest[found.end() :]
    return _with_reason(filled, rest.strip().strip(_QUOTES).strip())


def _take(word: str, filled: Filled, accesses: Sequence[Access], *, first: bool) -> Filled | None:
    """``filled`` with this word in it; None if it belongs to the reason."""
    asked = filled.asked
    if not asked.duration and _DURATION.fullmatch(compact := "".join(word.lower().split())):
        return _with_duration(filled, compact)
    if filled.access is None and (taken := _with_access(filled, word, accesses, first=first)):
        return taken
    if not asked.incident and (incident := incident_in(word, filled.access)):
        return replace(filled, asked=replace(asked, incident=incident))
    return None


def _with_duration(filled: Filled, word: str) -> Filled:
    typed = _LONG_UNIT.sub(lambda unit: unit[1][0], word)
    try:
        parse_duration(typed)
    except BadDuration as bad:
        return filled.noted(f"“{_echo(word)}” was not used as a duration. {bad}")
    return replace(filled, asked=replace(filled.asked, duration=typed))


def _with_access(filled: Filled, word: str, accesses: Sequence[Access], *, first: bool) -> Filled | None:
    """A word without a slash may begin the reason, so it counts only if it fits one access alone."""
    fits = matching(word, accesses)
    if len(fits) == 1:
        return replace(filled, access=fits[0], asked=replace(filled.asked, access=fits[0].name))
    if not first or "/" not in word:
        return None
    if fits:
        return filled.noted(f"“{_echo(word)}” fits {len(fits)} accesses: choose one.")
    near = get_close_matches(word.casefold(), names := {access.name.casefold(): access for access in accesses}, n=1)
    meant = f" Did you mean {_echo(names[near[0]].name)}?" if near else ""
    return filled.noted(f"“{_echo(word)}” is not among the accesses you may ask for.{meant}")


def matching(word: str, accesses: Iterable[Access]) -> list[Access]:
    """The one with this name in any case, else all whose name begins with it, if it is long enough to mean one."""
    wanted = word.casefold()
    names = [(access.name.casefold(), access) for access in accesses]
    if exactly := [access for name, access in names if name == wanted]:
        return exactly if len(exactly) == 1 else [access for access in exactly if access.name == word] or exactly
    return [access for name, access in names if len(wanted) >= _SHORTEST_PREFIX and name.startswith(wanted)]


def incident_in(word: str, access: Access | None) -> str | None:
    """The incident or ticket this word names, as the access writes them, or like `INC-42`."""
    bare = plain(word).strip(".,:;!?()[]")
    for written in (bare, bare.upper()):
        if access is not None and access.incident is not None:
            if access.accepts_incident(written):
                return written
        elif _TICKET.fullmatch(written):
            return written
    return None


def _with_reason(filled: Filled, reason: str) -> Filled:
    asked = filled.asked
    if not reason:
        return filled
    if not asked.incident:
        named = (incident_in(word, filled.access) for word in reason.split())
        asked = replace(asked, incident=next((incident for incident in named if incident), ""))
    if trouble := text_trouble(reason):
        return replace(filled, asked=asked).noted(f"The reason was not taken over. {trouble}")
    return replace(filled, asked=replace(asked, reason=reason))


def _echo(word: str) -> str:
    """What is said back: short, and only what can be shown."""
    return straight("".join(letter for letter in word if letter.isprintable()), _LONGEST_ECHO)
