"""Finds the kinds of provider: those that ship, and those of other distributions."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from jit.people.providers import KINDS
from jit.people.providers.provider import ProviderForm

GROUP = "jit.providers"
"""Of entry points, each of which names a module."""

F = TypeVar("F", bound=ProviderForm)


def form_of(given: object, name: str, form: type[F]) -> F:
    """The form ``given`` is, by its kind: the class called ``name`` of the kind's module.

    Raises ValidationError, which repeats no value: there is no such kind, or something does not fit it.
    """
    if not isinstance(given, Mapping):
        raise _wrong("dict_type", "must be keys and values", (), given)
    if "kind" not in given:
        raise _wrong("missing", "is missing", ("kind",), given)
    found = _found(str(given["kind"]), name)
    if not isinstance(found, type) or not issubclass(found, form):
        known = ", ".join(kind for kind in sorted({*KINDS, *entry_points(group=GROUP).names}) if _found(kind, name))
        raise _wrong("unknown_kind", f"no provider of this is called so; there is: {known}", ("kind",), given["kind"])
    return found.model_validate(dict(given))


def _found(kind: str, name: str) -> Any:
    if kind in KINDS:
        return getattr(import_module(KINDS[kind]), name, None)
    others = entry_points(group=GROUP)
    return getattr(others[kind].load(), name, None) if kind in others.names else None


def _wrong(kind: str, says: str, where: tuple[str, ...], given: object) -> ValidationError:
    what = PydanticCustomError(kind, "{says}", {"says": says})
    return ValidationError.from_exception_data("provider", [InitErrorDetails(type=what, loc=where, input=given)])
