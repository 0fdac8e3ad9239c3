"""Entries closed by hand."""

from collections.abc import Mapping
from datetime import datetime

from jit.facts import Fact
from jit.ledger.entry import Entry, closed, place, told_of
from jit.ledger.privacy import fields
from jit.ledger.privacy.sealing import PersonKey


def seal_with(keys: Mapping[str, PersonKey], fact: Fact, *, index: int, recorded_at: datetime, previous: str) -> Entry:
    """The entry of a fact that is closed with ``keys``, which has one for each of `people_in` it."""
    return place(fact, closed(fact, told_of(fact), keys), index=index, recorded_at=recorded_at, previous=previous)


def people_in(fact: Fact) -> set[str]:
    """Whose keys it takes to close what this fact tells of people."""
    return fields.people_in(told_of(fact))
