"""What the values of a fact look like: for each kind a jsonpath of PostgreSQL, made from the models.

Of a value that is closed only that is seen: what is in it its key tells, and the database has no cipher.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jit.facts import Fact

_DAY = "((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
_LEAP = "([0-9][0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29"
_TIME = "([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?"
_HOURS = "([0-9]{1,2}H)?([0-9]{1,2}M)?([0-9]{1,2}([.][0-9]{1,6})?S)?"
_WRITTEN = {
    "uuid": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    "date-time": f"^((19|2[0-9])[0-9]{{2}}-{_DAY}|{_LEAP})T{_TIME}Z$",
    "duration": f"^P(?=[0-9T])([0-9]{{1,2}}Y)?([0-9]{{1,3}}D)?(T(?=[0-9]){_HOURS})?$",
}
"""As our processes write them, which are in no other millennium."""
_TYPES = {"integer": "number"}
"""What a jsonpath calls them. No fact has other numbers than whole ones: `facts.sql` sees to that."""
_EXACTLY = {("", "request_id"): "^[!-~]{1,16}$", ("person.erased", "key"): "^[0-9a-f]{32}$"}
"""How a text is written in such a field, of one kind or of all; the models do not say it."""
_MOST_AT_ONCE = 200
"""What one bound of a regular expression of PostgreSQL may count to is 255."""


def shape(kind: str, model: type[Fact]) -> str:
    """What is true of a fact of this kind: of each field, where the fact has it."""
    schema = model.model_json_schema(mode="serialization")
    models = schema.get("$defs", {})
    return " && ".join(
        f"(!exists({place}) || {_shape(place, told, models)}{_exactly(kind, name, place)})"
        for name, told in schema["properties"].items()
        for place in [f'$."{name}"']
    )


def _exactly(kind: str, name: str, place: str) -> str:
    pattern = _EXACTLY.get((kind, name), _EXACTLY.get(("", name)))
    return f" && ({_is(place, 'string', '!=')} || {_like(place, pattern)})" if pattern else ""


def _shape(place: str, told: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    if "$ref" in told:
        return _shape(place, models[told["$ref"].rpartition("/")[2]], models)
    if "anyOf" in told:
        found = " || ".join(_shape(place, one, models) for one in told["anyOf"])
    elif "enum" in told or "const" in told:
        found = " || ".join(f"{place} == {json.dumps(one)}" for one in told.get("enum", [told.get("const")]))
        found = f"{_is(place, 'string')} && ({found})"
    else:
        found = " && ".join(_of_type(place, told, models))
    return f'({found} || {_is(place, "object")} && exists({place}."sealed"))' if "personal" in told else f"({found})"


def _of_type(place: str, told: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[str]:
    """All of these. Nothing is asked of a value before its type is known: of a list a jsonpath asks each part."""
    if "properties" in told:
        yield from _of_object(place, told["properties"], models)
        return
    yield _is(place, told["type"])
    if "format" in told:
        yield _like(place, _WRITTEN[told["format"]])
    if "maxLength" in told:
        times, rest = divmod(told["maxLength"], _MOST_AT_ONCE)
        longer = _like(place, f"^(.{{{_MOST_AT_ONCE}}}){{{times}}}.{{{rest}}}.")
        yield f'({place} == "" || !({longer}))'
    if "items" in told:
        yield from _each(f"{place}[*]", told["items"], models)


def _each(places: str, told: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[str]:
    told = models[told["$ref"].rpartition("/")[2]] if "$ref" in told else told
    yield f"!({_is(places, told['type'], '!=')})"
    if told.keys() - {"type", "title"}:
        yield f"!exists({places} ? (!{_shape('@', told, models)}))"


def _of_object(place: str, parts: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[str]:
    yield _is(place, "object")
    others = " && ".join(f"@.key != {json.dumps(name)}" for name in parts)
    yield f"!exists({place}.keyvalue() ? ({others}))"
    for name, part in parts.items():
        yield _shape(f'{place}."{name}"', part, models)


def _is(place: str, type_: str, how: str = "==") -> str:
    return f'{place}.type() {how} "{_TYPES.get(type_, type_)}"'


def _like(place: str, pattern: str) -> str:
    return f'{place} like_regex "{pattern}" flag "s"'
