"""What somebody typed to ask for access, in any order: accesses, duration and incident round a reason."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.forms import Filled
from bot.listeners.names import (
    SHORTEST_PIECE,
    echo,
    fits_several,
    matching,
    nearest_to,
    not_among,
    with_piece,
    without_slip,
)
from bot.listeners.typed_words import (
    PAUSES,
    STOPS,
    WORD,
    duration_in,
    in_a_sentence,
    incident_in,
    is_for,
    joins,
    next_word,
    plain,
    read_duration,
    unquoted,
)
from jit.durations import BadDuration
from jit.policy import Access
from jit.requests.intake import text_trouble

_NEAR_ENOUGH, _NEAR = 0.6, 0.75
"""How alike a name has to be: to the first word typed, which has a slash, and to any other."""
_LIKE_A_NAME = 10
"""Words of a reason that are looked at for whether they name an access."""


class _Run(NamedTuple):
    """Words side by side that are pieces of the same names, and of which."""

    words: list[str]
    fits: list[Access]


class _Piece(NamedTuple):
    """The form with what a piece of a name says, and what comes after it. What is in letters alone may as well be a
    word of the reason.
    """

    filled: Filled
    after: str
    in_letters: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """``names`` are those of ``accesses`` in one case: a long reason may stand beside thousands of them. ``most`` are
    asked for in one go; none, where it is known already which is meant. Without ``incidents`` such a name is part of
    the reason.
    """

    text: str
    accesses: Sequence[Access]
    names: frozenset[str]
    most: int
    incidents: bool = True

    def filled(self) -> Filled:
        """The form as far as the text fills it."""
        filled, rest = self._from_the_front()
        filled, rest = self._from_the_back(filled, rest)
        filled, rest = self._duration_amid(filled, rest)
        filled = self._named_amid(filled, rest)
        return self._with_reason(self._pieces_at_the_ends(filled, rest), unquoted(rest))

    def _from_the_front(self) -> tuple[Filled, str]:
        """What the words before the reason fill, and the rest."""
        filled, rest, kept, listed = Filled(), self.text, "", False
        while found := WORD.search(rest):
            typed = self._first_of_list(found[0])
            after = rest[found.start() + len(typed) :]
            if self._joins(typed, after, filled):
                rest = after
                continue
            word = plain(typed).rstrip(PAUSES)
            taken = self._take(word, filled) or self._named_wrongly(typed, filled)
            taken = taken or self._further(word, filled, listed=listed)
            if taken is None:
                piece = self._piece(rest, filled)
                if piece is None:
                    break
                taken, after = piece.filled, piece.after
                if piece.in_letters and self._is_reason(after, taken):
                    filled = taken
                    break
                if piece.in_letters:  # may as well be the subject of what follows: `orders INC-42 are stuck`
                    kept = rest.removesuffix(after).strip()
            filled, listed, rest = taken, rest.removesuffix(after).endswith(","), after
        rest = rest.strip()
        return filled, f"{kept} {rest}".strip() if rest else ""

    def _from_the_back(self, filled: Filled, rest: str) -> tuple[Filled, str]:
        """The same for the words after the reason; further names where the first stands here, too."""
        further = filled.access is None and filled.offered is None
        while (words := list(WORD.finditer(rest))) and len(words) > 1:
            last, before = words[-1], words[-2]
            begin, word = self._last_of_list(last, more=further)
            taken = self._take(word, filled) or self._near(word, filled)
            taken = taken or (self._further(word, filled) if further else None)
            if taken is None or joins(before[0]) or word.strip(STOPS) != word:
                break
            with_for = is_for(before[0]) and begin == last.start()
            filled, rest = taken, rest[: before.start() if with_for else begin].rstrip()
        if further and filled.access is not None:
            filled = _with_accesses(filled, [*filled.also[::-1], filled.access])
        return filled, rest.strip()

    def _duration_amid(self, filled: Filled, reason: str) -> tuple[Filled, str]:
        """With the first whole duration that stands within the reason and is asked for there, and the reason without
        it.
        """
        words = [] if filled.asked.duration else list(WORD.finditer(reason))
        for place, found in enumerate(words):
            before, after = (words[at][0] if 0 <= at < len(words) else "" for at in (place - 1, place + 1))
            duration = duration_in(found[0].rstrip(PAUSES))
            taken = _with_duration(filled, duration) if duration and not in_a_sentence(before, after) else filled
            if taken.asked.duration:
                begin = words[place - 1].start() if is_for(before) else found.start()
                return taken, f"{reason[:begin].rstrip()} {reason[found.end() :].lstrip()}".strip()
        return filled, reason

    def _take(self, word: str, filled: Filled) -> Filled | None:
        """``filled`` with this word in it; None if it belongs to the reason."""
        asked = filled.asked
        if not asked.duration and (duration := duration_in(word)):
            return _with_duration(filled, duration)
        if filled.access is None and filled.offered is None and (access := self._whole_name(word)):
            return _with_access(filled, access)
        if self.incidents and not asked.incident and (incident := incident_in(word, filled.access)):
            return replace(filled, asked=replace(asked, incident=incident))
        return None

    def _joins(self, typed: str, after: str, filled: Filled) -> bool:
        """Whether it only joins what comes next: `for 30m`, `and billing-db/read`."""
        if is_for(typed):
            return self._take(next_word(after), filled) is not None
        return typed.casefold() == "and" and self._further(next_word(after).rstrip(PAUSES), filled) is not None

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
        if filled.access is None or self.most == 1:
            return None
        access = self._whole_name(word)
        if access is None and filled.offered is not None:
            return filled.noted(not_among(word)) if listed else None
        if access is None and listed:
            fits = matching(word, self.accesses, anywhere=True)
            if len(fits) > 1:
                return filled.noted(fits_several(word, fits))
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

    def _named_amid(self, filled: Filled, reason: str) -> Filled:
        """With the one access that the reason names, if none was named beside it."""
        if filled.access is not None or filled.offered is not None:
            return filled
        words = dict.fromkeys(plain(found[0]).strip(STOPS) for found in WORD.finditer(reason))
        like_a_name = [word for word in words if "/" in word or word.casefold() in self.names][:_LIKE_A_NAME]
        named = {access.name: access for word in like_a_name if (access := self._whole_name(word))}
        return _with_access(filled, *named.values()) if len(named) == 1 else filled

    def _piece(self, rest: str, filled: Filled) -> _Piece | None:
        """What the next word says, or several side by side, if it is a piece of a name or nearly one: the access that
        it means, which are meant perhaps, or the nearest. In letters alone, only where it stands beside a duration or
        an incident, or nothing else is said: it may well be the reason's first word.
        """
        if names_something(filled):
            return None
        words = list(WORD.finditer(rest))
        run = self._run(found[0] for found in words)
        size = max(len(run.words), 1)
        after, typed = rest[words[size - 1].end() :], run.words or [plain(words[0][0]).rstrip(PAUSES)]
        in_letters = all(word.isalpha() for word in typed)
        if in_letters and not filled.asked.duration and not filled.asked.incident and self._is_reason(after, filled):
            begun = matching(typed[0], self.accesses)
            run = _Run(run.words, begun if len(begun) == 1 else [])
            typed = []
        named = self._by_pieces(run, filled) or (self._by_slip(typed[0], filled) if typed else None)
        return _Piece(named, after, in_letters) if named else None

    def _run(self, words: Iterable[str]) -> _Run:
        """The longest of which the last word says more than those before it, or stands beside no word of a sentence:
        `orders-db` of `orders-db db is down`.
        """
        run, read = _Run([], []), list[str]()
        for typed in words:
            word = plain(typed).rstrip(PAUSES)
            fits = with_piece(word, run.fits) if run.words else matching(word, self.accesses, anywhere=True)
            if not fits:
                break
            read.append(word)
            beside = len(word) >= SHORTEST_PIECE and not (word + "".join(run.words[-1:])).isalpha()
            if not run.words or len(fits) < len(run.fits) or beside:
                run = _Run([*read], fits)
            if typed[-1] in PAUSES:
                break
        return run

    def _by_pieces(self, run: _Run, filled: Filled) -> Filled | None:
        if len(run.fits) > 1:
            return filled.noted(fits_several(" ".join(run.words), run.fits))
        return _with_access(filled, run.fits[0]) if run.fits else None

    def _by_slip(self, word: str, filled: Filled) -> Filled | None:
        return None if matching(word, self.accesses, anywhere=True) else self._nearest(word, filled, _NEAR)

    def _pieces_at_the_ends(self, filled: Filled, reason: str) -> Filled:
        """With what the first word of a reason says, or its last, where neither a name was typed nor a piece beside the
        duration. They stay in the reason.
        """
        asked = filled.asked
        if names_something(filled) or not (asked.duration or asked.incident):
            return filled
        words = [found[0] for found in WORD.finditer(reason)]
        front, back = self._run(words), self._run(reversed(words))
        if back.words and joins(next(iter(words[-len(back.words) - 1 :]))):
            back = _Run([], [])
        both = [access for access in front.fits if access in back.fits]
        for run in (_Run([*front.words, *back.words], both), front, back):
            if len(run.fits) == 1:
                return _with_access(filled, run.fits[0])
        if named := self._by_pieces(front, filled) or self._by_pieces(back, filled):
            return named
        for word in words[:1] + words[-1:]:
            if slip := self._by_slip(plain(word).rstrip(PAUSES), filled):
                return slip
        return filled

    def _is_reason(self, after: str, filled: Filled) -> bool:
        """Whether the reason begins with the next word."""
        word = next_word(after).rstrip(PAUSES)
        return bool(word) and not is_for(word) and self._take(word, filled) is None

    def _named_wrongly(self, typed: str, filled: Filled) -> Filled | None:
        """With a note, if the first word of all has a slash, and is no access."""
        word = plain(typed).rstrip(PAUSES)
        if self.most == 0 or filled.access is not None or filled.note:
            return None
        if "/" not in word or not self.text.startswith(typed):
            return None
        if len(fits := matching(word, self.accesses)) > 1:
            return filled.noted(fits_several(word, fits))
        return self._nearest(word, filled, _NEAR_ENOUGH) or filled.noted(not_among(word))

    def _near(self, word: str, filled: Filled) -> Filled | None:
        """With the nearest name offered to a word with a slash, if one is near."""
        if filled.access is not None or filled.offered is not None or "/" not in word:
            return None
        return self._nearest(word, filled, _NEAR)

    def _nearest(self, word: str, filled: Filled, cutoff: float) -> Filled | None:
        if matching(word, self.accesses, anywhere=True):
            return None
        near = nearest_to(word, self.accesses, cutoff)
        if len(near) > 1:
            return filled.noted(f"{not_among(word)} Did you mean one of {len(near)} that are nearly called so?")
        if not near:
            return None
        return replace(filled.noted(f"{not_among(word)} Did you mean {echo(near[0].name)}?"), offered=near[0])

    def _with_reason(self, filled: Filled, reason: str) -> Filled:
        asked = filled.asked
        if not reason:
            return filled
        if self.incidents and not asked.incident:
            named = (incident_in(word, filled.access) for word in reason.split())
            asked = replace(asked, incident=next((incident for incident in named if incident), ""))
        if trouble := text_trouble(reason):
            return replace(filled, asked=asked).noted(f"The reason was not taken over. {trouble}")
        return replace(filled, asked=replace(asked, reason=reason))


def names_something(filled: Filled) -> bool:
    """Whether an access is chosen or offered, or it is said why none is."""
    return filled.access is not None or filled.offered is not None or without_slip(filled.note) != filled.note


def _with_duration(filled: Filled, word: str) -> Filled:
    try:
        typed = read_duration(word)
    except BadDuration as bad:
        return filled.noted(f"“{echo(word)}” was not used as a duration. {bad}")
    return replace(filled, asked=replace(filled.asked, duration=typed))


def _with_access(filled: Filled, access: Access) -> Filled:
    """As the first, or beside the first."""
    return _with_accesses(filled, [*filter(None, (filled.access, *filled.also)), access])


def _with_accesses(filled: Filled, accesses: Iterable[Access]) -> Filled:
    first, *more = {access.name: access for access in accesses}.values()
    asked = replace(filled.asked, access=first.name, also=tuple(access.name for access in more))
    return replace(filled, access=first, also=tuple(more), asked=asked)
