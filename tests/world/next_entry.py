"""The next entry of a ledger in PostgreSQL, put together by hand and appended by any login."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg

from jit.clock import from_micros
from jit.facts import Fact, model_of

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


SAMPLES: dict[str, Any] = {
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "PT30M",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "integer": 1,
    "boolean": True,
    "array": [],
}


def rest_of(kind: Any) -> dict[str, Any]:
    """What a fact of this kind must have beside what every fact has: the text x where any text will do."""
    model = model_of(kind) if isinstance(kind, str) else None
    if model is None:
        return {}
    schema = model.model_json_schema(mode="serialization")
    must = [name for name in schema["required"] if name not in Fact.model_fields]
    made = {name: sample(schema["properties"][name], schema.get("$defs", {})) for name in must}
    return made | ({"key": "ab" * 16} if kind == "person.erased" else {})


def sample(told: dict[str, Any], models: dict[str, Any]) -> Any:
    """Some value that a field has of which the JSON schema tells this."""
    told = models[told["$ref"].rpartition("/")[2]] if "$ref" in told else told
    told = told["anyOf"][0] if "anyOf" in told else told
    if "enum" in told or "const" in told:
        return told.get("enum", [told.get("const")])[0]
    if told["type"] == "object":
        return {name: sample(told["properties"][name], models) for name in told["required"]}
    return SAMPLES.get(told.get("format", told["type"]), "x")


class Next:
    """The next entry as it should be, to be bent."""

    def __init__(self, login: psycopg.Connection[Any], at: datetime | None = None) -> None:
        query = "SELECT index, hash, recorded_at FROM public.entries ORDER BY index DESC LIMIT 1"
        last, self.previous, last_at = login.execute(query).fetchone() or (0, "0" * 64, 0)
        self.index = last + 1
        self.at = (at or max(datetime.now(UTC), from_micros(last_at))).isoformat()
        self.fact: dict[str, Any] = {
            "id": str(uuid4()),
            "at": self.at.replace("+00:00", "Z"),
            "actor": "bot@host",
            "source": "bot",
            "spooled": False,
        }

    def head(self) -> str:
        return json.dumps({"index": self.index, "recorded_at": self.at, "previous": self.previous})[:-1]

    def body(self, kind: Any = "alert", **changes: object) -> bytes:
        """With ``changes``, and whatever else a fact of that kind must have."""
        fact = self.fact | {"kind": kind} | rest_of(kind) | changes
        return f'{self.head()}, "fact": {as_json(fact)}}}'.encode()

    def without(self, kind: str, name: str) -> bytes:
        fact = {key: value for key, value in (self.fact | {"kind": kind} | rest_of(kind)).items() if key != name}
        return f'{self.head()}, "fact": {as_json(fact)}}}'.encode()

    def bent(self, old: str, new: str) -> bytes:
        body = self.body().decode()
        assert old in body
        return body.replace(old, new, 1).encode()


def append(login: psycopg.Connection[Any], *bodies: bytes | None) -> int:
    row = login.execute("SELECT public.jit_append(%b::bytea[])", [list(bodies)]).fetchone()
    assert row is not None
    return row[0]


def count(login: psycopg.Connection[Any]) -> int:
    row = login.execute("SELECT count(*) FROM public.entries").fetchone()
    assert row is not None
    return row[0]
