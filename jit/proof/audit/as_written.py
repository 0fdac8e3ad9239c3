"""Whether a fact's JSON stands as jit writes it. It reads as it stands then, and no model has to be made to know that.

An export reads a million facts: to make a model of each, and JSON of that again, takes longer than all the rest. So of
each kind a table is made once, from its class, that has what each field may look like.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache, partial
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from annotated_types import MaxLen
from pydantic import AwareDatetime, BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from jit.facts import Moment, Personal, Said

Fits = Callable[[Any], bool]

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}").fullmatch
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?!000000)\d{6})?Z", re.ASCII).fullmatch
_IN_UTC = get_args(Moment)[1:]
_LARGEST = 1 << 53


def stands_as_written(model: type[BaseModel], value: Any) -> bool:
    """Whether this is what ``model`` takes, and what it takes of it says the same. False where that is not known."""
    names, forms = _table(model)
    if type(value) is not dict or tuple(value) != names:
        return False
    for fits, said in zip(forms, value.values(), strict=True):  # noqa: SIM110  `all` takes twice as long
        if not fits(said):
            return False
    return True


@cache
def _table(model: type[BaseModel]) -> tuple[tuple[str, ...], tuple[Fits, ...]]:
    found = {name: _fits(info.annotation, info.metadata) for name, info in model.model_fields.items()}
    return tuple(found), tuple(found.values())


def _fits(form: Any, marks: Iterable[Any]) -> Fits:  # noqa: PLR0911  one return for each form
    """What a field of this form may look like; ``marks`` stand beside it in `Annotated`."""
    inner_marks = (mark.metadata if isinstance(mark, FieldInfo) else [mark] for mark in marks)
    bounds = [mark for mark in chain.from_iterable(inner_marks) if not isinstance(mark, Personal | Said)]
    parts = get_args(form)
    if get_origin(form) is Annotated:
        return _fits(parts[0], [*parts[1:], *bounds])
    if form is str and all(isinstance(bound, MaxLen) for bound in bounds):
        return partial(_is_text, min((bound.max_length for bound in bounds), default=_LARGEST))
    if form is AwareDatetime and tuple(bounds) == _IN_UTC:
        return _is_moment
    if bounds:
        return lambda _: False
    if get_origin(form) in {Union, UnionType} and len(parts) == 2 and NoneType in parts:
        inner = _fits(next(part for part in parts if part is not NoneType), ())
        return lambda value: value is None or inner(value)
    if get_origin(form) is tuple and len(parts) == 2 and parts[1] is Ellipsis:
        each = _fits(parts[0], ())
        return lambda value: type(value) is list and all(map(each, value))
    return _fits_one(form)


def _fits_one(form: Any) -> Fits:
    """Of a form that has no parts."""
    if form is UUID:
        return lambda value: type(value) is str and _ID(value) is not None
    if form is bool:
        return lambda value: type(value) is bool
    if form is int:
        return lambda value: type(value) is int and -_LARGEST < value < _LARGEST
    if get_origin(form) is Literal or (isinstance(form, type) and issubclass(form, StrEnum)):
        words = frozenset(map(str, get_args(form) or form))
        return lambda value: type(value) is str and value in words
    if isinstance(form, type) and issubclass(form, BaseModel):
        return partial(stands_as_written, form)
    return _reads_the_same(TypeAdapter(form))


def _is_text(most: int, value: Any) -> bool:
    return type(value) is str and len(value) <= most and (value.isascii() or _has_an_encoding(value))


def _has_an_encoding(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_moment(value: Any) -> bool:
    try:
        return type(value) is str and _MOMENT(value) is not None and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _reads_the_same(adapter: TypeAdapter[Any]) -> Fits:
    """Of what is rare, or has few values: asked of pydantic itself, once for each value."""

    @lru_cache(1000)
    def same(value: str) -> bool:
        try:
            return bool(adapter.dump_python(adapter.validate_python(value), mode="json") == value)
        except ValueError:
            return False

    return lambda value: type(value) is str and same(value)
