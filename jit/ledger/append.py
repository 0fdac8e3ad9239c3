"""Recording facts.

What they rest on is read first, and without a lock. Then one call gives them their place, under the lock that orders
all appends: it looks whether what was read is still so, chains the entries, and brings the read model up to date.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from jit.clock import from_micros, to_micros
from jit.facts import Fact, Lapsed, Life, OrdersEnd, Requested, TakesAway
from jit.ledger import readmodel
from jit.ledger.entry import Entry, closed, place, told_of
from jit.ledger.keys import KeyRing
from jit.ledger.load import lives, load
from jit.ledger.privacy.fields import people_in
from jit.ledger.privacy.people import is_closed
from jit.ledger.rows import RECORD, call, insert_entries, last_entry, without_doubles
from jit.ledger.unavailable import Overtaken
from jit.requests.lifecycle import CannotFollow, Request, apply
from jit.requests.reviews import unreviewed

log = structlog.get_logger(__name__)


class Conflict(Exception):
    """Somebody was faster: the request is no longer what the decision was based on. Nothing was recorded."""


class InTheWay(Overtaken):
    """Somebody seems to have an open request like it: whether that is so is looked at under the lock."""


class AlreadyOpen(Conflict):
    """This person has an open request of this kind for this access. Nothing was recorded."""


class ReviewOpen(Conflict):
    """A break-glass of this person is not reviewed, and here is another without a co-signer. Nothing was recorded."""


class AskedMeanwhile(Exception):
    """There are requests that were not counted when it was decided. Nothing was recorded."""


@dataclass(frozen=True, slots=True)
class CountedRequests:
    """What a decision counted: the ids that answered ``question``. There may be none more when it is recorded."""

    question: readmodel.Question
    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an append recorded: its entries, and the requests they are steps of as they are now, by id."""

    entries: tuple[Entry, ...]
    requests: Mapping[str, Request]


@dataclass(frozen=True, slots=True)
class Draft:
    """Facts that are ready to be given their place."""

    facts: Sequence[Fact]
    written: Sequence[bytes]
    """Each as it will stand in its entry."""
    keys: Sequence[str]
    """Ids of the keys with which they are closed."""
    follows: Mapping[str, int]
    """By request, the index of the last entry of its life; 0 if it has none."""
    requests: Mapping[str, Request]
    """As the facts leave them."""

    def rows(self, first: int) -> list[dict[str, Any]]:
        """Of the read model, if the first of the facts is the entry ``first``."""
        last = {fact.request_id: first + at for at, fact in enumerate(self.facts) if isinstance(fact, Life)}
        return [readmodel.row(request, last[request.id]) for request in self.requests.values()]


def draft(
    connection: Connection,
    ring: KeyRing,
    facts: Sequence[Fact],
    expect: Mapping[str, int],
    counted: Sequence[CountedRequests] = (),
    *,
    locked: bool,
) -> Draft:
    """Read what the facts rest on; ``locked`` says that nobody else can record meanwhile.

    Raises Conflict, AskedMeanwhile, TamperedEntry, NotTaken; and InTheWay, unless ``locked``.
    """
    if counted and not locked:
        raise InTheWay("two at the same time would not count each other")
    for before in counted:
        if not {each.id for each in readmodel.find(connection, before.question)} <= before.ids:
            raise AskedMeanwhile("others asked since it was counted")
    new = without_doubles(connection, facts)
    follows, requests = _steps(connection, ring, [fact for fact in new if isinstance(fact, Life)], expect)
    for fact in new:
        if isinstance(fact, Requested) and (others := readmodel.in_the_way(connection, requests[fact.request_id])):
            if not locked:
                raise InTheWay("rows of the read model are in the way")
            _clear_the_way(connection, ring, requests[fact.request_id], others)
        if isinstance(fact, Requested) and fact.basis == "emergency" and not fact.needs:
            if not locked:
                raise InTheWay("two at the same time would not see each other")
            _require_no_open_review(connection, ring, fact)
    told = [told_of(fact) for fact in new]
    keys = ring.closing(connection, (who for each in told for who in people_in(each)), known_will_do=not locked)
    written = [closed(fact, each, keys) for fact, each in zip(new, told, strict=True)]
    return Draft(new, written, sorted(key.id for key in keys.values()), follows, requests)


def give_place(connection: Connection, drafted: Draft, now: datetime) -> Recorded:
    """Raises AlreadyOpen; and of LedgerUnavailable Overtaken, where what was read is not so any more."""
    if not drafted.facts:
        return Recorded((), drafted.requests)
    try:
        if connection.dialect.name == "postgresql":
            first, at, previous, *_ = _record(connection, drafted, now)
            chained = _chained(drafted, first, from_micros(at), previous)
        else:
            last, at_least, previous = last_entry(connection)
            chained = _chained(drafted, last + 1, max(now, at_least), previous)
            insert_entries(connection, chained)
            readmodel.save(connection, drafted.rows(last + 1))
    except IntegrityError as wrong:
        raise AlreadyOpen("there is an open request for this already") from wrong
    return Recorded(chained, drafted.requests)


def _record(connection: Connection, drafted: Draft, now: datetime) -> Any:
    """By the function that alone may write there, which checks each entry once more."""
    known = json.dumps(drafted.follows), json.dumps(drafted.rows(0))
    return call(connection, RECORD, (drafted.written, to_micros(now), drafted.keys, *known))


def _chained(drafted: Draft, first: int, recorded_at: datetime, previous: str) -> tuple[Entry, ...]:
    chained: list[Entry] = []
    for at, (fact, written) in enumerate(zip(drafted.facts, drafted.written, strict=True)):
        entry = place(fact, written, index=first + at, recorded_at=recorded_at, previous=previous)
        chained.append(entry)
        previous = entry.hash
    return tuple(chained)


def _steps(
    connection: Connection, ring: KeyRing, facts: Sequence[Life], expect: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, Request]]:
    """Where the life of each request ends now, and what the requests become by these facts. What takes access away, or
    orders that, is recorded behind changed entries too; so is that something lapsed, or it would stand in the
    requester's way for good.
    """
    steps = {fact.request_id for fact in facts}
    checked = {fact.request_id for fact in facts if not isinstance(fact, TakesAway | OrdersEnd | Lapsed)}
    before = lives(connection, ring, steps | expect.keys(), allow_tampered=steps - checked)
    for request_id, version in expect.items():
        found = before[request_id][1]
        if (found.version if found else 0) != version:
            raise Conflict(f"{request_id} has changed meanwhile")
    after: dict[str, Request] = {}
    for fact in facts:
        try:
            after[fact.request_id] = apply(after.get(fact.request_id) or before[fact.request_id][1], fact)
        except CannotFollow as wrong:
            raise Conflict(str(wrong)) from wrong
    return {request_id: last for request_id, (last, _) in before.items()}, after


def _clear_the_way(connection: Connection, ring: KeyRing, request: Request, others: Iterable[tuple[str, int]]) -> None:
    """A row that says of an open request what the facts do not is put right, and keeps nobody from asking. Under the
    lock: else a step of that request could come in between, and its row would stay behind.
    """
    for other, index in others:
        found = load(connection, ring, other, allow_tampered=True)
        if found is None:
            readmodel.close(connection, other)
        elif not (found.state.open and _is_like(found, request) and _may_be_of(found, request.requester)):
            readmodel.save(connection, [readmodel.row(found, index)])
        else:
            continue
        log.error("readmodel.put_right", request_id=other)


def _require_no_open_review(connection: Connection, ring: KeyRing, fact: Requested) -> None:
    """Raises ReviewOpen."""
    question = readmodel.Question(requester=fact.requester, unreviewed=True)
    for other in readmodel.find(connection, question):
        found = load(connection, ring, other.id, allow_tampered=True)
        if other.id != fact.request_id and (found is None or unreviewed(found)):
            raise ReviewOpen(f"{other.id} is not reviewed")


def _is_like(request: Request, other: Request) -> bool:
    return request.access == other.access and readmodel.kind_of(request) == readmodel.kind_of(other)


def _may_be_of(request: Request, person: str) -> bool:
    return request.requester == person or is_closed(request.requester)
