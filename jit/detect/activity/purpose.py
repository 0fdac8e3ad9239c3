"""Whether what was done is what the access is for. Pure; the rules say what that is.

A name without a schema is one of `public`. Catalogs of PostgreSQL may be read by everybody who reads at all, but those
of passwords. What cannot be told from a log, the rows of a statement for instance, is not judged.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jit.detect.activity.model import MORE
from jit.facts import SESSION, ActivityClass, ActivityRecorded, Item, Tally
from jit.facts.activity import at_place
from jit.policy.model import Purpose

_CATALOGS = re.compile(r"(?:pg_catalog|information_schema)\..*|pg_(?!authid$|shadow$|user_mappings?$|largeobject$)\w*")

_SERIOUS = frozenset({ActivityClass.EXEC, ActivityClass.DDL, ActivityClass.PRIVILEGE, ActivityClass.ACCOUNT})


@dataclass(frozen=True, slots=True)
class Outside:
    """Something done that no purpose explains: ``limit`` is what it went past, and ``statement`` what was sent. What is
    ``alike`` need not be told twice.
    """

    limit: str
    statement: str
    alike: str


def outside(fact: ActivityRecorded, purposes: Sequence[Purpose], rows_before: int = 0) -> list[Outside]:
    """What of ``fact`` is outside each of the ``purposes`` of the grants that were held then; one of what is alike.

    ``rows_before`` are those that the grant has touched before.
    """
    if not purposes:
        return []
    found: dict[str, Outside] = {}
    for one in _each(fact):
        of_each = [_past(one, purpose) for purpose in purposes]
        if all(of_each):
            limit = of_each[0] or ""
            alike = limit if one.objects and MORE not in one.objects else f"{limit} {one.statement}"
            found.setdefault(alike, Outside(limit, one.statement, alike))
    rows = rows_before + rows_of(fact)
    most = [purpose.rows for purpose in purposes]
    if rows > max((each or 0 for each in most), default=0) and None not in most:
        largest = max(fact.items, key=lambda item: item.rows or 0, default=None)
        statement = fact.statement_of(largest) if largest else ""
        found["rows"] = Outside(f"{rows} rows; it is for {max(each or 0 for each in most)}", statement, "rows")
    return list(found.values())


def rows_of(fact: ActivityRecorded) -> int:
    return sum(each.rows for each in fact.tallies())


@dataclass(frozen=True, slots=True)
class _Done:
    class_: ActivityClass
    objects: tuple[str, ...]
    statement: str


def _each(fact: ActivityRecorded) -> Iterable[_Done]:
    everything: Sequence[Item | Tally] = [*fact.items, *fact.sampled]
    for each in everything:
        objects = tuple(at_place(fact.objects, place) for place in each.objects)
        yield _Done(each.activity, objects, _statement(fact, each))


def _statement(fact: ActivityRecorded, each: Item | Tally) -> str:
    """Of what is only counted one that is like it, where one is kept."""
    if isinstance(each, Tally):
        alike = (item for item in fact.items if (item.activity, item.objects) == (each.activity, each.objects))
        return next((fact.statement_of(item) for item in alike), "")
    return fact.statement_of(each)


def _past(done: _Done, purpose: Purpose) -> str | None:
    """Which limit it went past, in words; None where it is inside."""
    reads = done.class_ is ActivityClass.READ
    if done.class_ in SESSION or (reads and not done.objects):
        return None
    if done.class_ is ActivityClass.EXEC and purpose.commands:
        if any(_like(pattern).fullmatch(done.statement) for pattern in purpose.commands):
            return None
        return f"a command; it is for {_listed(purpose.commands)}"
    if purpose.classes and done.class_ not in purpose.classes:
        named = f" of {done.objects[0]}" if done.objects else ""
        return f"{done.class_}{named}; it is for {_listed(purpose.classes)}"
    return _past_objects(done, purpose) if purpose.objects else None


def _past_objects(done: _Done, purpose: Purpose) -> str | None:
    """What is serious and names nothing is about nobody knows what; it is inside where its class is."""
    says = f"; it is for {_listed(purpose.objects)}"
    if not done.objects and done.class_ in _SERIOUS and not purpose.classes:
        return f"{done.class_} of nobody knows what{says}"
    for named in done.objects:
        catalog = done.class_ is ActivityClass.READ and _CATALOGS.fullmatch(named)
        if not catalog and not _is_one_of(named, purpose.objects):
            return f"{done.class_} of {named}{says}"
    return None


def _is_one_of(named: str, patterns: Iterable[str]) -> bool:
    names = {named, named.removeprefix("public.")} if "." in named else {named, f"public.{named}"}
    return any(_like(pattern).fullmatch(name) for pattern in patterns for name in names)


@lru_cache(maxsize=1000)
def _like(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _listed(words: Iterable[str], most: int = 5) -> str:
    listed = list(words)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
