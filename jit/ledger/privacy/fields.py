"""Which fields of a fact are closed, and whose they are.

A fact is here what its JSON says: dicts, lists and texts. Closed is what is marked `Personal` and says something: None,
an empty text and an empty list stay as they are, and so do the names of processes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from jit.facts import MODELS, Personal, model_of, personal
from jit.ledger.privacy.people import CLOSED_TEXT, ERASED_TEXT, is_nobody, is_person, known_as

_NAMED = re.compile(r"\b[UW](?=[A-Z]*[0-9])[A-Z0-9]{6,30}\b|\bcli:[^\s@]{1,100}@[\w.-]*\w")
"""A Slack id or a login, as one of our processes writes it in a sentence."""
_LONGEST = 200
"""Characters of a person in the table of keys, which cannot hold a NUL either."""
_SAYS_NOTHING: tuple[Any, ...] = (None, "", [], ERASED_TEXT, CLOSED_TEXT, [ERASED_TEXT], [CLOSED_TEXT])


class Place(NamedTuple):
    """Where a personal field stands: ``within[name]``. ``path`` leads there from the fact: `counted.0.approver`."""

    path: str
    within: dict[str, Any]
    name: str
    mark: Personal
    listed: bool
    """The value is a list of texts."""

    @property
    def value(self) -> Any:
        return self.within[self.name]


class _Field(NamedTuple):
    name: str
    mark: Personal | None
    listed: bool
    inner: type[BaseModel] | None
    """Of the models that stand in a list here, those with personal fields of their own."""


def places(fact: Mapping[str, Any]) -> Iterator[Place]:
    """Every personal field that stands in a fact. Raises TypeError, KeyError: it is none."""
    model = model_of(fact["kind"])
    if model is None:
        raise KeyError(fact["kind"])
    yield from _places(model, fact, "")


def naming_fields() -> set[str]:
    """The names of all fields that name somebody, however deep within a fact."""
    return {name for model in MODELS.values() for name in _naming(model)}


def _naming(model: type[BaseModel]) -> Iterator[str]:
    for field in _fields(model):
        if field.mark is not None and field.mark.names:
            yield field.name
        if field.inner is not None:
            yield from _naming(field.inner)


def whose(place: Place, fact: Mapping[str, Any]) -> str | None:
    """Who a field tells of, as the table of keys has them; None where it says nothing, or of nobody.

    One that names somebody tells of that one. Any other tells of the requester, and of whoever acted where there is
    none. Of what a target holds without a request no more is known than whose name it bears there; and what a process
    says of nobody's request tells of whom it names by id, the first if there are more.
    """
    who = _whose(place, fact)
    return who.replace("\0", "\ufffd")[:_LONGEST] if who else None


def _whose(place: Place, fact: Mapping[str, Any]) -> str | None:
    value = place.value
    if value in _SAYS_NOTHING:
        return None
    if place.mark.names:
        return str(value) if is_person(value) else None
    for who in (fact.get("requester"), fact.get("actor")):
        if who and (is_person(who) or is_nobody(who)):
            return str(who)
    principal = fact.get("principal")
    if principal:
        return known_as(principal)
    named = None if place.listed else _NAMED.search(value)
    return named[0] if named else None


def people_in(fact: Mapping[str, Any]) -> set[str]:
    """Whose keys it takes to close this fact."""
    return {who for place in places(fact) if (who := whose(place, fact)) is not None}


def closed(fact: dict[str, Any], close: Callable[[str, Place], Any]) -> dict[str, Any]:
    """The fact with ``close(who, place)`` in the place of what tells of somebody. Changes and returns ``fact``."""
    found = [(who, place) for place in places(fact) if (who := whose(place, fact)) is not None]
    for who, place in found:
        place.within[place.name] = close(who, place)
    return fact


def _places(model: type[BaseModel], data: Mapping[str, Any], before: str) -> Iterator[Place]:
    for field in _fields(model):
        value = data.get(field.name)
        if value is None:
            continue
        if field.mark is not None:
            yield Place(before + field.name, data, field.name, field.mark, field.listed)  # type: ignore[arg-type]
        elif field.inner is not None:
            for number, each in enumerate(value):
                yield from _places(field.inner, each, f"{before}{field.name}.{number}.")


def paths(model: type[BaseModel]) -> Iterator[str]:
    """Of every personal field, with `#` for a place in a list: `counted.#.approver`."""
    for field in _fields(model):
        if field.mark is not None:
            yield field.name
        elif field.inner is not None:
            yield from (f"{field.name}.#.{inner}" for inner in paths(field.inner))


@cache
def _fields(model: type[BaseModel]) -> tuple[_Field, ...]:
    """Those that are marked, or may hold such."""
    found = []
    for name, info in model.model_fields.items():
        listed = get_origin(info.annotation) is tuple
        inner = next((part for part in get_args(info.annotation) if _has_fields(part)), None) if listed else None
        if (mark := personal(info)) is not None or inner is not None:
            found.append(_Field(name, mark, listed, inner))
    return tuple(found)


def _has_fields(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel) and bool(_fields(part))
