"""Which access somebody means who types its name, a piece of it, or nearly that."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from bot.views.text import straight
from jit.policy import Access

SHORTEST_PIECE = 3
"""Letters of a piece that may stand for a name."""
_SHORTEST_SLIP = 4
_NEAR_PIECE = 0.75
"""How alike a piece has to be, which begins with the same letter: few miss the first."""
_LONGEST_ECHO = 40
_SLIP = re.compile(r"“[^”]*” (?:is not among the accesses[^.]*\.(?: Did you mean [^?]*\?)?|fits \d+ accesses[^.]*\.)")


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


def with_piece(word: str, accesses: Iterable[Access]) -> list[Access]:
    """Those in whose name a part begins with ``word``, or is it where that is short: `orders db read`."""
    short = r"(?![a-z0-9])" if len(word) < SHORTEST_PIECE else ""
    part = re.compile(rf"(?<![a-z0-9]){re.escape(word.casefold())}{short}")
    return [access for access in accesses if part.search(access.name.casefold())]


def nearest_to(word: str, accesses: Iterable[Access], cutoff: float) -> list[Access]:
    """The one whose name is most like ``word``; else all with the piece that is, where that may be a slip."""
    found = list(accesses)
    names = {access.name.casefold(): access for access in found}
    wanted = word.casefold()
    if near := get_close_matches(wanted, names, n=1, cutoff=cutoff):
        return [names[near[0]]]
    if "/" in word or len(wanted) < _SHORTEST_SLIP:
        return []
    pieces = _pieces(names)
    near = get_close_matches(wanted, [each for each in pieces if each[0] == wanted[0]], n=1, cutoff=_NEAR_PIECE)
    return pieces[near[0]] if near else []


def _pieces(names: Mapping[str, Access]) -> dict[str, list[Access]]:
    """`orders-db`, `orders`, `db`, `read` of `orders-db/read`: each with all that have it."""
    pieces: dict[str, list[Access]] = {}
    for name, access in names.items():
        for piece in {*name.split("/"), *re.split(r"[^a-z0-9]+", name)} - {""}:
            pieces.setdefault(piece, []).append(access)
    return pieces


def not_among(word: str) -> str:
    """What is said of a name that this person may not ask for, whether or not there is such an access."""
    return f"“{echo(word)}” is not among the accesses you may ask for."


def fits_several(words: str, accesses: Sequence[Access]) -> str:
    return f"“{echo(words)}” fits {len(accesses)} accesses: choose one."


def without_slip(note: str) -> str:
    """What is left to say once an access is chosen."""
    return _SLIP.sub("", note).strip()


def echo(word: str) -> str:
    """What is said back: short, and only what can be shown."""
    return straight("".join(letter for letter in word if letter.isprintable()), _LONGEST_ECHO)
