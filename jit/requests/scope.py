"""What somebody wants to lock down, as they typed it: what is named, and the reason beside it.

`@alice why`, `why orders-db`, `person alice why`, `everything why`: a name before the reason or after it counts, and
amid it if no other stands there. A name counts whole. What is nearly one is offered, and never taken: nor is another in
its place, that stands in the reason.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from jit.facts import Scope
from jit.people.person import Person

_QUOTES = "\"'`\u00ab\u00bb\u2018\u2019\u201c\u201d"
_STOPS = ".,:;!?()"
_MENTION = re.compile(r"<@([UW][A-Z0-9]{5,20})(?:\|[^>]*)?>")
_LIFT = re.compile(r"(?:--)?lift", re.IGNORECASE)
_ID = re.compile(r"(?:L-)[0-9A-Z]{4,12}", re.IGNORECASE)
EVERYTHING = "everything"
MOST_OFFERED = 5
_NEAR, _ALIKE = 0.6, 0.8


@dataclass(frozen=True, slots=True)
class What:
    """What is to be stopped: ``name`` is the person's id, or what the access or the target is called."""

    scope: Scope
    name: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """What was understood. Where ``what`` is None, ``offered`` are scopes as they are typed, `person @alice`, that may
    have been meant; ``rest`` is what was typed beside.
    """

    what: What | None
    rest: str
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What can be locked down."""

    people: Sequence[Person]
    accesses: Collection[str]
    targets: Collection[str]


@dataclass(frozen=True, slots=True)
class _Found:
    what: What
    first: int
    last: int


def read_scope(text: str, known: Known) -> Typed:
    """What is named in ``text``, and what stands beside it."""
    words = text.split()
    found = list(_named(words, known))
    if words and words[0].casefold() in _KINDS and not any(each.first == 0 for each in found):
        return _offered(words, (), known)
    ends = [each for each in found if each.first == 0] or [each for each in found if each.last == len(words) - 1]
    amid = {each.what for each in found if each.what.scope != EVERYTHING}
    chosen = ends[0] if len({each.what for each in ends}) == 1 else None
    if not ends and len(amid) == 1:
        chosen = next(each for each in found if each.what in amid)
    if chosen is not None and chosen.first > 0 and _may_be_a_name(words[0], known):
        return _offered(words, (), known, beside=_as_typed(chosen.what, known))
    if chosen is not None:
        beside = words if not ends else [*words[: chosen.first], *words[chosen.last + 1 :]]
        return Typed(chosen.what, " ".join(beside).strip(_QUOTES).strip())
    several = dict.fromkeys(_as_typed(what, known) for what in (*amid, *(each.what for each in ends)))
    return _offered(words, tuple(several), known)


def read_lift(text: str) -> tuple[str, str] | None:
    """The lockdown to be lifted and why, of `lift L-7F3K why` in any order; None where nothing is to be. An id of
    another shape is left out.
    """
    words = text.split()
    named = next((at for at, word in enumerate(words) if _ID.fullmatch(_plain(word))), None)
    beside = {0, len(words) - 1} | ({named - 1, named + 1} if named is not None else set())
    said = next((at for at, word in enumerate(words) if at in beside and _LIFT.fullmatch(word)), None)
    if said is None:
        return None
    reason = " ".join(word for at, word in enumerate(words) if at not in {named, said})
    return (_plain(words[named]).upper() if named is not None else ""), reason


def _may_be_a_name(word: str, known: Known) -> bool:
    """Whether the first word, which is none, was perhaps meant as one: `@alise`, `orders-db/*`, `alice`."""
    wanted = _plain(word).casefold()
    if wanted.startswith(("@", "<")) or any(sign in wanted for sign in "/*%"):
        return True
    if any(wanted == each.handle.casefold() or wanted in each.name.casefold().split() for each in known.people):
        return True
    names = [name.casefold() for name in (*known.accesses, *known.targets, EVERYTHING)]
    return bool(get_close_matches(wanted, names, n=1, cutoff=_ALIKE))


def _offered(words: Sequence[str], several: tuple[str, ...], known: Known, beside: str = "") -> Typed:
    """The names that are nearly what was typed first, or behind a word that says which kind it is; and ``beside``."""
    if several:
        return Typed(None, " ".join(words), several[:MOST_OFFERED])
    if not words:
        return Typed(None, "")
    kind = words[0].casefold() if words[0].casefold() in _KINDS else ""
    named = words[1:2] if kind else words[:1]
    rest = words[len(named) + bool(kind) :]
    near = [each for word in named for each in _near(_plain(word), kind, known)]
    offered = tuple(dict.fromkeys(near))[: MOST_OFFERED - bool(beside)]
    return Typed(None, " ".join(rest), (*offered, beside) if beside else offered)


_KINDS = frozenset({"person", "access", "target"})


def _named(words: Sequence[str], known: Known) -> Iterator[_Found]:
    """Every place where something is named whole, with the word before it that says which kind it is."""
    taken = -1
    for place, word in enumerate(words):
        if place <= taken:
            continue
        kind = word.casefold()
        if kind in _KINDS and place + 1 < len(words) and (what := _whole(_plain(words[place + 1]), kind, known)):
            yield _Found(what, place, place + 1)
            taken = place + 1
        elif what := _whole(_plain(word), "", known):
            yield _Found(what, place, place)


def _whole(word: str, kind: str, known: Known) -> What | None:
    if not kind and word.casefold() == EVERYTHING:
        return What("everything")
    if kind in {"", "access"} and (access := _same(word, known.accesses)):
        return What("access", access)
    if kind in {"", "target"} and (target := _same(word, known.targets)):
        return What("target", target)
    if kind in {"", "person"} and (person := _person(word, known.people, at=not kind)):
        return What("person", person)
    return None


def _person(word: str, people: Iterable[Person], *, at: bool) -> str | None:
    """By their id, or by their handle, which takes an @ where nothing says that it is a person's. One name of two is
    nobody's.
    """
    if mentioned := _MENTION.fullmatch(word):
        return mentioned[1]
    if at and not word.startswith("@"):
        return next((each.id for each in people if each.id == word), None)
    wanted = word.removeprefix("@").casefold()
    found = {each.id for each in people if wanted in {each.handle.casefold(), each.id.casefold()}}
    return found.pop() if len(found) == 1 else None


def _same(word: str, names: Iterable[str]) -> str | None:
    return next((name for name in names if name.casefold() == word.casefold()), None)


def _near(word: str, kind: str, known: Known) -> Iterator[str]:
    wanted = word.removeprefix("@").casefold()
    if not wanted:
        return
    if kind in {"", "person"}:
        for each in known.people:
            called = [each.handle.casefold(), *each.name.casefold().split(), each.name.casefold()]
            if any(wanted in name for name in called) or get_close_matches(wanted, called, n=1, cutoff=_NEAR):
                yield _as_typed(What("person", each.id), known)
    for scope, names in (("access", known.accesses), ("target", known.targets)):
        if kind in {"", scope}:
            near = [name for name in names if wanted in name.casefold()]
            near += get_close_matches(wanted, names, n=MOST_OFFERED, cutoff=_NEAR)
            yield from (f"{scope} {name}" for name in near)
    if not kind and get_close_matches(wanted, [EVERYTHING], cutoff=0.8):
        yield EVERYTHING


def _as_typed(what: What, known: Known) -> str:
    """`person @alice`; by the id, where two have that handle."""
    if what.scope != "person":
        return f"{what.scope} {what.name}".strip()
    handles = [each.handle.casefold() for each in known.people]
    handle = next((each.handle for each in known.people if each.id == what.name), "")
    unique = handle and handles.count(handle.casefold()) == 1
    return f"person @{handle}" if unique else f"person {what.name}"


def _plain(word: str) -> str:
    return word.strip(_QUOTES).rstrip(_STOPS)
