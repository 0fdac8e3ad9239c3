"""One entry of the ledger: bytes that hold a fact, its place, and the hash of the entry before.

The bytes are what is hashed and kept; nothing is ever serialised again to check it. In them, what is personal is
closed with the key of the person it tells of (`jit.ledger.privacy`); an `Entry` holds the fact as it reads.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jit.facts import Fact, read_fact, write_fact
from jit.ledger.privacy import fields, opening, sealing
from jit.ledger.privacy.opening import Keys
from jit.ledger.privacy.sealing import PersonKey
from jit.ledger.unavailable import LedgerUnavailable, NotTaken

_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

NO_ENTRY = "0" * 64
"""Stands for the entry before the first."""
LONGEST = 1024 * 1024
"""Bytes of an entry. Whoever reads the record need not hold more; `guard/append.sql` says the same."""
_BEGINS = re.compile(
    rb'\{"index": ([1-9][0-9]{0,17}), "recorded_at": "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00)", '
    rb'"previous": "([0-9a-f]{64})", "fact": \{'
)


@dataclass(frozen=True, slots=True)
class Entry:
    """``index`` counts from 1 without a gap; ``hash`` is SHA-256 of ``body``, in hex."""

    index: int
    recorded_at: datetime
    previous: str
    fact: Fact
    body: bytes
    hash: str


class TamperedEntry(LedgerUnavailable):
    """The entries do not hang together: what they say is worth no more than a ledger that does not answer.

    ``index`` is the first that is wrong.
    """

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"entry {index}: {why}")
        self.index = index


def seal(fact: Fact, *, index: int, recorded_at: datetime, previous: str) -> Entry:
    """The entry of a fact, in which nothing is closed. Raises NotTaken."""
    return place(fact, write_fact(fact), index=index, recorded_at=recorded_at, previous=previous)


def told_of(fact: Fact) -> dict[str, Any]:
    """What a fact says, as JSON has it."""
    return fact.model_dump(mode="json")


def closed(fact: Fact, told: dict[str, Any], keys: Mapping[str, PersonKey]) -> bytes:
    """What stands of a fact in its entry: ``told`` of it, closed with ``keys``, which has one for each of
    `fields.people_in` it. Changes ``told``.
    """
    fact_id = str(fact.id)
    close = lambda who, place: sealing.close(place.value, keys[who], fact_id, place.path)  # noqa: E731  one line
    return _as_json(fields.closed(told, close)).encode()


def place(fact: Fact, written: bytes, *, index: int, recorded_at: datetime, previous: str) -> Entry:
    """The entry of a fact that stands there as it is ``written``.

    Raises NotTaken for one that would be longer than `LONGEST`.
    """
    begins = f'{{"index": {index}, "recorded_at": "{recorded_at.isoformat()}", "previous": "{previous}", "fact": '
    body = begins.encode() + written + b"}"
    if len(body) > LONGEST:
        raise NotTaken(f"an entry has at most {LONGEST} bytes, and this {fact.kind} would have {len(body)}")
    return Entry(index, recorded_at, previous, fact, body, hash_of(body))


def hash_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def open_entry(body: bytes, kept_under: str | None = None, keys: Keys | None = None) -> Entry:
    """Read an entry's bytes. ``kept_under`` is the hash the database has for them, which `require_unchanged` compares.

    ``keys`` has by its id every key that they name: None for one that was deleted with its person. Without ``keys``
    nobody looked, and what is closed stays so.

    Raises ValueError (pydantic.ValidationError is one) if they are not an entry, or what is closed in them does not
    open.
    """
    if (opened := open_at_once(body, keys)) is not None:
        with suppress(ValueError):
            return _entry_of(opened, body, kept_under)
    return _entry_of(open_by_values(body, keys), body, kept_under)


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """What the bytes of an entry say, opened. ``fact`` is JSON."""

    index: int
    recorded_at: datetime
    previous: str
    fact: bytes


def open_at_once(body: bytes, keys: Keys | None) -> OpenedBody | None:
    """Read bytes that stand as `place` writes them; None where they do not. That ``fact`` is JSON is not looked at."""
    begins = _BEGINS.match(body)
    if keys is None or begins is None or (fact := opening.open_in_text(body[begins.end() - 1 : -1], keys)) is None:
        return None
    index, recorded_at, previous = begins.groups()
    return OpenedBody(int(index), datetime.fromisoformat(recorded_at.decode()), previous.decode(), fact)


def open_by_values(body: bytes, keys: Keys | None) -> OpenedBody:
    """Read any bytes of an entry. Raises ValueError: they are none."""
    try:
        data = json.loads(body)
        opening.open_values(data["fact"], keys)
        recorded_at = datetime.fromisoformat(data["recorded_at"])
        return OpenedBody(data["index"], recorded_at, data["previous"], json.dumps(data["fact"]).encode())
    except (AttributeError, KeyError, TypeError, RecursionError) as wrong:
        raise ValueError("not an entry of a ledger") from wrong


def _entry_of(opened: OpenedBody, body: bytes, kept_under: str | None) -> Entry:
    fact = read_fact(opened.fact)
    return Entry(opened.index, opened.recorded_at, opened.previous, fact, body, kept_under or hash_of(body))


def require_unchanged(entry: Entry) -> None:
    """Raises TamperedEntry."""
    if entry.hash != hash_of(entry.body):
        raise TamperedEntry(entry.index, "its bytes do not have the hash they are kept under")


def breaks(entries: Iterable[Entry], *, after: int, previous: str | None) -> Iterator[TamperedEntry]:
    """Every place where these do not follow each other from ``after``; ``previous`` is None if that is not known."""
    for entry in entries:
        try:
            check_chain([entry], after=after, previous=entry.previous if previous is None else previous)
        except TamperedEntry as broken:
            yield broken
        after, previous = entry.index, entry.hash


def check_chain(entries: Iterable[Entry], *, after: int = 0, previous: str = NO_ENTRY) -> int:
    """Whether the entries follow each other without a gap, from ``after``. Returns the last index.

    Raises:
        TamperedEntry: an index is missing, doubled or out of order, or a hash does not fit.
    """
    for entry in entries:
        if entry.index != after + 1:
            raise TamperedEntry(after + 1, f"missing; {entry.index} stands in its place")
        require_unchanged(entry)
        if entry.previous != previous:
            raise TamperedEntry(entry.index, "it does not follow the entry before it")
        after, previous = entry.index, entry.hash
    return after
