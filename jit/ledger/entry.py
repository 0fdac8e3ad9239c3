"""One entry of the ledger: bytes that hold a fact, its place, and the hash of the entry before.

The bytes are what is hashed and kept; nothing is ever serialised again to check it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from jit.facts import AnyFact, read_fact, write_fact
from jit.ledger.database import LedgerUnavailable

NO_ENTRY = "0" * 64
"""Stands for the entry before the first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``index`` counts from 1 without a gap; ``hash`` is SHA-256 of ``body``, in hex."""

    index: int
    recorded_at: datetime
    previous: str
    fact: AnyFact
    body: bytes
    hash: str


class BrokenChain(LedgerUnavailable):
    """The entries do not hang together: what they say is worth no more than a ledger that does not answer.

    ``index`` is the first that is wrong.
    """

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"entry {index}: {why}")
        self.index = index


def seal(fact: AnyFact, *, index: int, recorded_at: datetime, previous: str) -> Entry:
    """Put a fact in its place."""
    head = json.dumps({"index": index, "recorded_at": recorded_at.isoformat(), "previous": previous})
    body = head[:-1].encode() + b', "fact": ' + write_fact(fact) + b"}"
    return Entry(index, recorded_at, previous, fact, body, hash_of(body))


def hash_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def open_entry(body: bytes, kept_under: str | None = None) -> Entry:
    """Read an entry's bytes. ``kept_under`` is the hash the database has for them, which `require_unchanged` compares.

    Raises ValueError (pydantic.ValidationError is one) if they are not an entry.
    """
    data = json.loads(body)
    try:
        fact = read_fact(json.dumps(data["fact"]))
        recorded_at = datetime.fromisoformat(data["recorded_at"])
        return Entry(data["index"], recorded_at, data["previous"], fact, body, kept_under or hash_of(body))
    except (KeyError, TypeError) as wrong:
        raise ValueError("not an entry of a ledger") from wrong


def require_unchanged(entry: Entry) -> None:
    """Raises BrokenChain."""
    if entry.hash != hash_of(entry.body):
        raise BrokenChain(entry.index, "its bytes do not have the hash they are kept under")


def breaks(entries: Iterable[Entry], *, after: int, previous: str | None) -> Iterator[BrokenChain]:
    """Every place where these do not follow each other from ``after``; ``previous`` is None if that is not known."""
    for entry in entries:
        try:
            check_chain([entry], after=after, previous=entry.previous if previous is None else previous)
        except BrokenChain as broken:
            yield broken
        after, previous = entry.index, entry.hash


def check_chain(entries: Iterable[Entry], *, after: int = 0, previous: str = NO_ENTRY) -> int:
    """Whether the entries follow each other without a gap, from ``after``. Returns the last index.

    Raises:
        BrokenChain: an index is missing, doubled or out of order, or a hash does not fit.
    """
    for entry in entries:
        if entry.index != after + 1:
            raise BrokenChain(after + 1, f"missing; {entry.index} stands in its place")
        require_unchanged(entry)
        if entry.previous != previous:
            raise BrokenChain(entry.index, "it does not follow the entry before it")
        after, previous = entry.index, entry.hash
    return after
