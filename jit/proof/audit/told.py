"""Entries as they read, their facts as JSON: for whoever writes many of them out, and needs no model of a fact."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jit.facts import Fact, model_of, read_fact
from jit.ledger import Entry
from jit.ledger.entry import OpenedBody, open_at_once, open_by_values, told_of
from jit.ledger.privacy.opening import Keys
from jit.proof.audit.as_written import stands_as_written


@dataclass(frozen=True, slots=True)
class ToldEntry:
    """``told`` is what the fact says as it reads now (`told_of`), and ``model`` its class."""

    index: int
    recorded_at: datetime
    previous: str
    hash: str
    model: type[Fact]
    told: dict[str, Any]


def tell(entry: Entry) -> ToldEntry:
    """What an entry says."""
    fact = entry.fact
    return ToldEntry(entry.index, entry.recorded_at, entry.previous, entry.hash, type(fact), told_of(fact))


def tell_body(body: bytes, kept_under: str, keys: Keys) -> ToldEntry:
    """The same as of the entry that `open_entry` reads there. Raises ValueError, as that does."""
    if (opened := open_at_once(body, keys)) is not None:
        with suppress(ValueError):
            return _told(opened, kept_under)
    return _told(open_by_values(body, keys), kept_under)


def _told(opened: OpenedBody, kept_under: str) -> ToldEntry:
    told = json.loads(opened.fact)
    model = model_of(told.get("kind")) if isinstance(told, dict) else None
    if model is None or not stands_as_written(model, told):
        fact = read_fact(opened.fact)
        model, told = type(fact), told_of(fact)
    return ToldEntry(opened.index, opened.recorded_at, opened.previous, kept_under, model, told)
