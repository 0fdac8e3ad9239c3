"""What somebody typed after `/jit`: which subcommand, which request, and what goes into the form."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bot.forms import Filled
from bot.views.text import straight
from jit.durations import BadDuration, parse_duration
from jit.policy import Access
from jit.requests.intake import text_trouble
from jit.requests.start import WRITTEN
from jit.requests.together import MOST_TOGETHER

SUBCOMMANDS = ("request", "list", "show", "who", "extend", "release", "revoke", "away", "back", "break-glass", "help")

_QUOTES = "\"'`\u00ab\u00bb\u2039\u203a" + "".join(map(chr, range(0x2018, 0x2020)))
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_UNIT = r"(?:s|m|h|d|w|min|mins|minutes?|hrs?|hours?|days?|weeks?)"
_WORD = re.compile(rf"[0-9]+ +{_UNIT}(?!\S)|\S+", re.IGNORECASE)
_DURATION = re.compile(rf"[-+]?[0-9]+(?:[.,][0-9]+)?{_UNIT}(?:[0-9]+{_UNIT})*")
_LONG_UNIT = re.compile(r"(min|hr|hour|day)[a-z]*")
_TICKET = re.compile(r"[A-Z][A-Z0-9]{1,9}-[0-9]{1,10}")
_REQUEST_ID = re.compile(r"(?:R-)?([0-9A-Z]{4,12})")
_JOINING = re.compile(
    r"a|about|after|and|as|at|because|before|by|every|from|in|into|is|last|no|not|of|on|or|over|past|see|since|than"
    r"|the|to|until|with|within",
    re.IGNORECASE,
)
"""What comes after one of these at the end of a reason belongs to its sentence: `db down since 30m`."""
_START = re.compile(rf"(?<!\S)at\s+({WRITTEN})(?!\S)", re.IGNORECASE | re.ASCII)
_STOPS = ".,:;!?()[]"
_PAUSES = ".,:;"
_NEAR_ENOUGH, _NEAR = 0.6, 0.75
"""How alike a name has to be: to the first word typed, which has a slash, and to any other."""
_SLIP = re.compile(r"“[^”]*” (?:is not among the accesses[^.]*\.(?: Did you mean [^?]*\?)?|fits \d+ accesses[^.]*\.)")
_LONGEST_ECHO = 40
SHORTEST_PIECE = 3
"""Letters of a piece that may stand for a name."""
_LIKE_A_NAME = 10
"""Words of a reason that are looked at for whether they name an access."""


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
    return next(iter(get_close_matches(word, SUBCOMMANDS, n=1, cutoff=0.5)), None)


def begins_request(word: str) -> bool:
    """Whether this may be what one asks for, or for how long, after a `request` that was left out."""
    return "/" in word or bool(_duration_in(word))


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


def fill_at_once(text: str, accesses: Sequence[Access]) -> Filled:
    """As `fill`, of one access that cannot begin later: a time, and another name, belong to the reason."""
    return _fill(text, accesses, most=1)


def fill(text: str, accesses: Sequence[Access]) -> Filled:
    """The form as far as ``text`` fills it: accesses, duration and incident, in any order, before the reason or after
    it. Further accesses count beside the first: before the reason, or where that stands behind it.

    What is named amid the reason counts and stays there. What looks like one of them and cannot be used is said in the
    note; a name that is not quite one is met with the nearest, which is offered and not taken.
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
    names = frozenset(access.name.casefold() for access in accesses)
    reading = _Reading(text.strip(), accesses, names, most)
    filled, rest = reading.from_the_front()
    filled, rest = reading.from_the_back(filled, rest)
    return _with_reason(reading.named_amid(filled, rest), rest.strip(_QUOTES).strip())


@dataclass(frozen=True, slots=True)
class _Reading:
    """``names`` are those of ``accesses`` in one case: a long reason may stand beside thousands of them."""

    text: str
    accesses: Sequence[Access]
    names: frozenset[str]
    most: int

    def from_the_front(self) -> tuple[Filled, str]:
        """What the words before the reason fill, and the rest."""
        filled, rest, kept, listed = Filled(), self.text, "", False
        while found := _WORD.search(rest):
            typed = self._first_of_list(found[0])
            after = rest[found.start() + len(typed) :]
            if self._joins(typed, after, filled):
                rest = after
                continue
            word = plain(typed).rstrip(_PAUSES)
            taken = self._take(word, filled) or self._named_wrongly(typed, after, filled)
            taken = taken or self._further(word, filled, listed=listed)
            listed = taken is not None and typed.endswith(",")
            piece = None if taken else self._piece(word, after, filled)
            if taken is None and piece is None:
                break
            filled = taken or piece or filled
            if piece and self._is_reason(after, piece):
                break
            if piece and word.isalpha():  # may as well be the subject of what follows: `orders INC-42 are stuck`
                kept = typed
            rest = after
        rest = rest.strip()
        return filled, f"{kept} {rest}".strip() if rest else ""

    def from_the_back(self, filled: Filled, rest: str) -> tuple[Filled, str]:
        """The same for the words after the reason; further names where the first stands here, too."""
        further = filled.access is None and filled.offered is None
        while (words := list(_WORD.finditer(rest))) and len(words) > 1:
            last, before = words[-1], words[-2]
            begin, word = self._last_of_list(last, more=further)
            taken = self._take(word, filled) or self._near(word, filled)
            taken = taken or (self._further(word, filled) if further else None)
            if taken is None or _JOINING.fullmatch(before[0]) or word.strip(_STOPS) != word:
                break
            with_for = _is_for(before[0]) and begin == last.start()
            filled, rest = taken, rest[: before.start() if with_for else begin].rstrip()
        if further and filled.access is not None:
            filled = _with_accesses(filled, [*filled.also[::-1], filled.access])
        return filled, rest.strip()

    def _take(self, word: str, filled: Filled) -> Filled | None:
        """``filled`` with this word in it; None if it belongs to the reason."""
        asked = filled.asked
        if not asked.duration and (duration := _duration_in(word)):
            return _with_duration(filled, duration)
        if filled.access is None and filled.offered is None and (access := self._whole_name(word)):
            return _with_access(filled, access)
        if not asked.incident and (incident := incident_in(word, filled.access)):
            return replace(filled, asked=replace(asked, incident=incident))
        return None

    def _joins(self, typed: str, after: str, filled: Filled) -> bool:
        """Whether it only joins what comes next: `for 30m`, `and billing-db/read`."""
        if _is_for(typed):
            return self._take(_next_word(after), filled) is not None
        return typed.casefold() == "and" and self._further(_next_word(after).rstrip(_PAUSES), filled) is not None

    def _first_of_list(self, typed: str) -> str:
        """`orders-db/read,` of `orders-db/read,billing-db/read`; all of it, where it is no list of names."""
        first, _, more = typed.partition(",")
        return f"{first}," if self.most > 1 and more and "/" in typed else typed

    def _last_of_list(self, found: re.Match[str], *, more: bool) -> tuple[int, str]:
        """Where the last name of a list begins, and the name: that of `orders-db/read,billing-db/read`."""
        if self.most == 1 or not more or "/" not in found[0] or "," not in found[0]:
            return found.start(), plain(found[0])
        names, comma, last = found[0].rstrip(",").rpartition(",")
        return found.start() + len(names) + len(comma), plain(last)

    def _further(self, word: str, filled: Filled, *, listed: bool = False) -> Filled | None:
        """With one access more, beside the first: by its name; behind a comma by a piece, and the nearest is offered
        where it is neither.
        """
        if filled.access is None or filled.offered is not None or self.most == 1:
            return None
        access = self._whole_name(word)
        if access is None and listed:
            fits = matching(word, self.accesses, anywhere=True)
            if len(fits) > 1:
                return filled.noted(f"“{_echo(word)}” fits {len(fits)} accesses: choose one.")
            access = fits[0] if fits else None
        if access is None:
            return self._nearest(word, filled, _NEAR_ENOUGH) or filled.noted(not_among(word)) if listed else None
        if len(filled.also) + 1 >= self.most and access not in (filled.access, *filled.also):
            return filled.noted(f"At most {self.most} accesses are asked for in one go: “{access.name}” is left out.")
        return _with_access(filled, access)

    def _whole_name(self, word: str) -> Access | None:
        """The one access with this name; or, as a slash stands in no ordinary word, the one that a piece with one
        means.
        """
        fits = matching(word, self.accesses, anywhere=True) if "/" in word or word.casefold() in self.names else []
        return fits[0] if len(fits) == 1 else None

    def named_amid(self, filled: Filled, reason: str) -> Filled:
        """With the one access that the reason names, if none was named beside it."""
        if filled.access is not None or filled.offered is not None:
            return filled
        words = dict.fromkeys(plain(found[0]).strip(_STOPS) for found in _WORD.finditer(reason))
        like_a_name = [word for word in words if "/" in word or word.casefold() in self.names][:_LIKE_A_NAME]
        named = {access.name: access for word in like_a_name if (access := self._whole_name(word))}
        return _with_access(filled, *named.values()) if len(named) == 1 else filled

    def _piece(self, word: str, after: str, filled: Filled) -> Filled | None:
        """With the one access that a piece of a name means: beside a duration or an incident, or where nothing else
        is said, as it may well be the reason's first word.
        """
        if filled.access is not None:
            return None
        beside = bool(filled.asked.duration or filled.asked.incident) or not self._is_reason(after, filled)
        fits = matching(word, self.accesses, anywhere=beside)
        return _with_access(filled, fits[0]) if len(fits) == 1 else None

    def _is_reason(self, after: str, filled: Filled) -> bool:
        """Whether the reason begins with the next word."""
        word = _next_word(after).rstrip(_PAUSES)
        return bool(word) and not _is_for(word) and self._take(word, filled) is None

    def _named_wrongly(self, typed: str, after: str, filled: Filled) -> Filled | None:
        """With a note, if the first word of all is meant as an access and is none."""
        word = plain(typed).rstrip(_PAUSES)
        if filled.access is not None or filled.note or not self.text.startswith(typed):
            return None
        if "/" not in word:
            return None if self._is_reason(after, filled) else self._near(word, filled, slash="")
        if len(fits := matching(word, self.accesses)) > 1:
            return filled.noted(f"“{_echo(word)}” fits {len(fits)} accesses: choose one.")
        return self._near(word, filled, _NEAR_ENOUGH) or filled.noted(not_among(word))

    def _near(self, word: str, filled: Filled, cutoff: float = _NEAR, slash: str = "/") -> Filled | None:
        """With the nearest name offered, if one is near."""
        if filled.access is not None or filled.offered is not None or slash not in word:
            return None
        return self._nearest(word, filled, cutoff)

    def _nearest(self, word: str, filled: Filled, cutoff: float) -> Filled | None:
        names = {access.name.casefold(): access for access in self.accesses}
        near = get_close_matches(word.casefold(), names, n=1, cutoff=cutoff)
        if not near or matching(word, self.accesses, anywhere=True):
            return None
        meant = names[near[0]]
        return replace(filled.noted(f"{not_among(word)} Did you mean {_echo(meant.name)}?"), offered=meant)


def _next_word(text: str) -> str:
    found = _WORD.search(text)
    return plain(found[0]) if found else ""


def _is_for(word: str) -> bool:
    return word.casefold() == "for"


def _duration_in(word: str) -> str:
    """What looks like a duration, in one piece and lower case; empty if this does not."""
    compact = "".join(plain(word).lower().split())
    return compact if _DURATION.fullmatch(compact) else ""


def _with_duration(filled: Filled, word: str) -> Filled:
    typed = _LONG_UNIT.sub(lambda unit: unit[1][0], word)
    try:
        parse_duration(typed)
    except BadDuration as bad:
        return filled.noted(f"“{_echo(word)}” was not used as a duration. {bad}")
    return replace(filled, asked=replace(filled.asked, duration=typed))


def _with_access(filled: Filled, access: Access) -> Filled:
    """As the first, or beside the first."""
    return _with_accesses(filled, [*filter(None, (filled.access, *filled.also)), access])


def _with_accesses(filled: Filled, accesses: Iterable[Access]) -> Filled:
    first, *more = {access.name: access for access in accesses}.values()
    asked = replace(filled.asked, access=first.name, also=tuple(access.name for access in more))
    return replace(filled, access=first, also=tuple(more), asked=asked)


def not_among(word: str) -> str:
    """What is said of a name that this person may not ask for, whether or not there is such an access."""
    return f"“{_echo(word)}” is not among the accesses you may ask for."


def without_slip(note: str) -> str:
    """What is left to say once an access is chosen."""
    return _SLIP.sub("", note).strip()


def matching(word: str, accesses: Iterable[Access], *, anywhere: bool = False) -> list[Access]:
    """The one with this name in any case, else all whose name begins with it, if it is long enough to mean one; with
    ``anywhere``, where none does, all of whose name a part begins with it.
    """
    wanted = word.casefold()
    names = [(access.name.casefold(), access) for access in accesses]
    if exactly := [access for name, access in names if name == wanted]:
        return exactly if len(exactly) == 1 else [access for access in exactly if access.name == word] or exactly
    if len(wanted) < SHORTEST_PIECE:
        return []
    if begun := [access for name, access in names if name.startswith(wanted)]:
        return begun
    part = re.compile(rf"(?<![a-z0-9]){re.escape(wanted)}")
    return [access for name, access in names if part.search(name)] if anywhere else []


def incident_in(word: str, access: Access | None) -> str | None:
    """The incident or ticket this word names, as the access writes them, or like `INC-42`."""
    bare = plain(word).strip(_STOPS)
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
