"""The next entry of a ledger in PostgreSQL, put together by hand and appended by any login."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg

from jit.clock import from_micros
from jit.facts import Fact, model_of

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def rest_of(kind: Any) -> dict[str, Any]:
    """What a fact of this kind must have beside what every fact has: some text."""
    model = model_of(kind) if isinstance(kind, str) else None
    told = model.model_fields.items() if model else ()
    must = [name for name, field in told if field.is_required() and name not in Fact.model_fields]
    return dict.fromkeys(must, "x") | ({"key": "ab" * 16} if kind == "person.erased" else {})


class Next:
    """The next entry as it should be, to be bent."""

    def __init__(self, login: psycopg.Connection[Any], at: datetime | None = None) -> None:
        query = "SELECT index, hash, recorded_at FROM public.entries ORDER BY index DESC LIMIT 1"
        last, self.previous, last_at = login.execute(query).fetchone() or (0, "0" * 64, 0)
        self.index = last + 1
        self.at = (at or max(datetime.now(UTC), from_micros(last_at))).isoformat()
        self.fact: dict[str, Any] = {
            "id": str(uuid4()),
            "at": self.at,
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
