"""Looking for entries: what is asked for, and which entries fit."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time
from itertools import chain

from sqlalchemy import Engine, select

from jit.durations import BadDuration, parse_duration
from jit.facts import Fact, said_fields
from jit.ledger import Entry, Ledger, TamperedEntry
from jit.ledger.database import reading
from jit.ledger.privacy.fields import places
from jit.ledger.privacy.people import closed_person, erased_person, is_person
from jit.ledger.schema import directory, person_keys
from jit.proof.audit.folding import folded
from jit.proof.audit.index import Found, SearchIndex, Term, key_term, term
from jit.proof.audit.reading import ALL, Part, read_at, read_entries
from jit.proof.audit.texts import folded_text

_ID = re.compile(r"[UWB][A-Z0-9]{4,30}|[a-z]+@\S+|cli:\S+")
_LIKE_AN_ID = re.compile(r"(?<![A-Za-z0-9])[UWuw](?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,30}(?![A-Za-z0-9])")
_CLI = re.compile(r"cli:[^\s@]+@[^\s@]+")
_WORD = re.compile(r"\w+")
SHORTEST_PART = 3
"""Letters of a part of a name that names its bearer."""
SOMEBODY = "(a person)"
"""Stands for somebody of whom there is no key yet."""
_PSEUDONYM = re.compile(r"(?:erased|sealed):([0-9a-f]{8})")
_PERSON = "person:"
_DAY = re.compile(r"(\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d-?\d)(Z|[+-]\d\d:?\d\d)?")
_LAST = time.max.replace(fold=1)
"""Of a day: the second one, where clocks go back over midnight."""


class BadTime(ValueError):
    """Write a time like 2026-11-21, 2026-11-21T14:30 or 2026-11-21T14:30+01:00, or how long ago it was: 2h, 3d."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class NobodyCalled(ValueError):
    """There is nobody of this name."""


@dataclass(frozen=True, slots=True)
class People:
    """Who is looked for. ``ids`` are as the facts name them, ``keys`` of what is closed about them."""

    ids: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids)

    def pseudonyms(self) -> tuple[str, ...]:
        """What `find_people` understands too, and what leads to nobody once they are erased: that somebody looked for
        them is recorded under the name of whoever looked, and stays readable.
        """
        closed = tuple(closed_person(key) for key in sorted(self.keys))
        return closed or ((SOMEBODY,) if any(is_person(who) for who in self.ids) else ())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an entry has to be; whatever is empty leaves it open. ``words`` are all to be found, in whatever case."""

    people: People = People()
    target: str = ""
    access: str = ""
    incident: str = ""
    kinds: frozenset[str] = frozenset()
    request: str = ""
    words: tuple[str, ...] = ()

    def fits(self, fact: Fact) -> bool:
        exactly = {"request_id": self.request, "access": self.access, "target": self.target}
        if any(value and getattr(fact, name, None) != value for name, value in exactly.items()):
            return False
        if self.kinds and fact.kind not in self.kinds:
            return False
        if self.incident and folded(getattr(fact, "incident", None) or "") != folded(self.incident):
            return False
        if self.people and self.people.ids.isdisjoint(_people_in(fact)):
            return False
        return not self.words or _has_words(fact, self.words)

    def terms(self) -> list[list[Term]]:
        """Of each list, an entry that fits has one. What is personal is closed there, but they name the key."""
        plain = {"request_id": [self.request], "access": [self.access], "target": [self.target], "kind": self.kinds}
        asked = [[term(name, value) for value in values if value] for name, values in plain.items()]
        people = [*(term("person", who) for who in self.people.ids), *map(key_term, self.people.keys)]
        return [any_of for any_of in (*asked, people) if any_of]


def search(
    ledger: Ledger, wanted: Wanted, part: Part = ALL, index: SearchIndex | None = None
) -> Iterator[Entry | TamperedEntry]:
    """The entries that fit, and of each that is broken what is wrong with it. Of those that cannot fit by what the
    ``index`` knows of them, nothing is read. Raises LedgerUnavailable.
    """
    terms, words = wanted.terms(), [*wanted.words, *filter(None, [wanted.incident])]
    if terms or (words and index is not None):
        upto = ledger.last_index() if part.upto is None else part.upto
        found = (index or SearchIndex()).find(ledger, terms, replace(part, upto=upto), words)
        read = read_found(ledger, found, newest_first=part.newest_first)
    else:
        read = _linked(read_entries(ledger, part))
    return (each for each in read if isinstance(each, TamperedEntry) or wanted.fits(each.fact))


def read_found(ledger: Ledger, found: Found, *, newest_first: bool) -> Iterator[Entry | TamperedEntry]:
    """What the index found, read from the record, with what is odd there. Raises LedgerUnavailable."""
    for each in reversed(list(found.in_order())) if newest_first else found.in_order():
        if isinstance(each, tuple):
            yield from _read_odd(ledger, Part(each[0] - 1, each[1], newest_first))
        else:
            yield from _read_places(ledger, found, each[::-1] if newest_first else each)


def _read_places(ledger: Ledger, found: Found, places: list[int]) -> Iterator[Entry | TamperedEntry]:
    for each in read_at(ledger, places):
        if isinstance(each, Entry) and not found.known(each.index, each.hash):
            yield TamperedEntry(each.index, "it is not what an earlier search read here")
        else:
            yield each


def _read_odd(ledger: Ledger, part: Part) -> Iterator[Entry | TamperedEntry]:
    """What stands there now, with whether the first follows the entry before."""
    before = list(read_entries(ledger, Part(part.after - 1, part.after))) if part.after else []
    within = read_entries(ledger, part)
    for each in _linked(chain(within, before) if part.newest_first else chain(before, within)):
        if each.index > part.after:
            yield each


def _linked(found: Iterable[Entry | TamperedEntry]) -> Iterator[Entry | TamperedEntry]:
    """All of it; and of each entry that does not follow the one next to it, that it does not."""
    beside: Entry | TamperedEntry | None = None
    for each in found:
        if isinstance(beside, Entry) and isinstance(each, Entry):
            earlier, later = (beside, each) if beside.index < each.index else (each, beside)
            if later.index == earlier.index + 1 and later.previous != earlier.hash:
                yield TamperedEntry(later.index, "it does not follow the entry before it")
        yield each
        beside = each


def known_names(engine: Engine) -> dict[str, tuple[str, str]]:
    """By id, the name and handle of everybody the bot has looked up. Raises LedgerUnavailable."""
    query = select(directory.c.key, directory.c.value).where(directory.c.key.startswith(_PERSON, autoescape=True))
    names: dict[str, tuple[str, str]] = {}
    with reading(engine) as connection:
        for key, value in connection.execute(query):
            with suppress(ValueError, TypeError, KeyError, RecursionError):
                told = json.loads(value)
                names[str(key).removeprefix(_PERSON)] = (str(told["name"]), str(told.get("handle") or ""))
    return names


def find_people(engine: Engine, called: str, names: Mapping[str, tuple[str, str]]) -> People:
    """Who is meant: by id, or by name or handle. Names are chosen by those who bear them, and two may have the same.

    Raises NobodyCalled, LedgerUnavailable.
    """
    pseudonym = _PSEUDONYM.fullmatch(called)
    if pseudonym or _ID.fullmatch(called):
        ids = {called}
    else:
        wanted = folded(called.removeprefix("@"))
        ids = {who for who, each in names.items() if wanted and wanted in {folded(name) for name in each}}
    if not ids:
        raise NobodyCalled(
            f"Nobody is known here as {called!r}. Give a Slack id (U01ALICE0), cli:user@host, process@host, "
            "or a name or handle that the bot has met."
        )
    meant = person_keys.c.id.startswith(pseudonym[1]) if pseudonym else person_keys.c.person.in_(sorted(ids))
    with reading(engine) as connection:
        found = connection.execute(select(person_keys.c.id, person_keys.c.person).where(meant)).all()
    if not pseudonym:
        return People(frozenset(ids), frozenset(row.id for row in found))
    return People(frozenset({erased_person(pseudonym[1]), *(row.person for row in found)}), frozenset([pseudonym[1]]))


def words_as_recorded(engine: Engine, words: Iterable[str], names: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """What of the words searched for is recorded: one that names somebody stands there as their pseudonym, which leads
    to nobody once they are erased. Raises LedgerUnavailable.
    """
    words = tuple(words)
    ids = {who for word in words for who in (_named_in(word, names) | _ids_in(word))}
    with reading(engine) as connection:
        found = connection.execute(
            select(person_keys.c.id, person_keys.c.person).where(person_keys.c.person.in_(sorted(ids)))
        ).all()
    keys = {row.person: closed_person(row.id) for row in found}

    def recorded(word: str) -> str:
        named = sorted(_named_in(word, names) | _ids_in(word))
        return " ".join(dict.fromkeys(keys.get(who, SOMEBODY) for who in named)) if named else word

    return tuple(recorded(word) for word in words)


def _ids_in(word: str) -> set[str]:
    return {found.upper() for found in _LIKE_AN_ID.findall(word)} | set(_CLI.findall(word))


def _named_in(text: str, names: Mapping[str, tuple[str, str]]) -> set[str]:
    """Whose id, handle, name or part of a name stands in it, as a word."""
    said = set(_WORD.findall(folded(text)))
    found = set()
    for who, each in names.items():
        parts = {part for name in each for part in _WORD.findall(folded(name)) if len(part) >= SHORTEST_PART}
        if said & (parts | {folded(who)}) or folded(text).strip(" @") in {folded(name) for name in each if name}:
            found.add(who)
    return found


def read_moment(text: str, now: datetime, *, to_its_end: bool = False) -> datetime:
    """A moment in ISO 8601, by this machine's zone where it names none, or a duration before ``now``. A bare date is
    the day's first moment, or its last.

    Raises BadTime.
    """
    with suppress(BadDuration):
        return now - parse_duration(text)
    try:
        if day := _DAY.fullmatch(text.strip()):
            midnight = datetime.fromisoformat(f"{day[1]}T00:00{day[2] or ''}")
            return (datetime.combine(midnight, _LAST, midnight.tzinfo) if to_its_end else midnight).astimezone(
                now.tzinfo
            )
        return datetime.fromisoformat(text.strip()).astimezone(now.tzinfo)
    except (ValueError, OverflowError, OSError):
        raise BadTime from None


def _people_in(fact: Fact) -> set[str]:
    return {place.value for place in places(fact.model_dump(mode="json")) if place.mark.names}


def _has_words(fact: Fact, words: tuple[str, ...]) -> bool:
    found = (getattr(fact, name) for name in said_fields(type(fact)))
    text = folded_text(each for each in found if each)
    return all(folded(word) in text for word in words)
