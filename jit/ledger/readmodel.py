"""What the ledger says of each request, one row each, for asking. Ids, states, versions and times; no free text.

It is written in the transaction that appends, and only for finding: a decision reads the facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, func, select, text, update

from jit.clock import SKEW_LIMIT, to_micros
from jit.ledger.schema import EMERGENCIES, HELD, entries, requests
from jit.requests.due import next_action
from jit.requests.lifecycle import OPEN, Request, State

_ASKED_FOR = exists().where(entries.c.request_id == requests.c.id, entries.c.kind == "requested")
"""By the facts. Some logins can write rows here: of what nobody asked for there is none."""
STANDARD = "standard"
"""The kind of a request that waits for approval."""
EMERGENCY = "emergency"
"""The kind of a break-glass: beside an open request for the same access."""
_REVIEWED = exists().where(entries.c.request_id == requests.c.id, entries.c.kind == "break_glass.reviewed")
_NEVER_GIVEN = sorted({State.DENIED, State.WITHDRAWN, State.LAPSED, State.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which requests; every part left out fits all."""

    states: frozenset[State] = field(default_factory=frozenset)
    requester: str | None = None
    access: str | None = None
    target: str | None = None
    over_since: datetime | None = None
    asked_since: datetime | None = None
    kind: str | None = None
    unreviewed: bool = False
    """Of break-glass those alone that nobody has reviewed."""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldQuestion:
    """Which of what is held now; every part left out fits all. ``but`` leaves out one person's own."""

    requester: str | None = None
    target: str | None = None
    but: str | None = None
    skip: int = 0
    limit: int = 10


def row(request: Request, last_entry: int) -> dict[str, Any]:
    """What is kept of a request whose life ends, so far, with the entry ``last_entry``; times in microseconds."""
    coming = next_action(request)
    times = {"asked_at": request.asked_at, "ends_at": request.ends_at, "over_at": request.over_at}
    return {
        "id": request.id,
        "kind": kind_of(request),
        "state": request.state,
        "version": request.version,
        "requester": request.requester,
        "access": request.access,
        "target": request.target,
        **{name: at and to_micros(at) for name, at in times.items()},
        "wakes_at": to_micros(coming[0]) if coming else None,
        "last_entry": last_entry,
    }


def kind_of(request: Request) -> str:
    return STANDARD if request.emergency is None else EMERGENCY


def save(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put in the place of what is there, if anything is."""
    if rows:
        connection.execute(_SAVE, rows)


_NAMES = [column.name for column in requests.columns]
_SAVE = text(
    f"INSERT INTO requests ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)})"  # noqa: S608  names of ours
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES[1:])}"
)


def in_the_way(connection: Connection, request: Request) -> list[tuple[str, int]]:
    """Other rows that say that this person has an open request of its kind for this access, with their last entry."""
    same = (requests.c.requester == request.requester, requests.c.access == request.access, requests.c.id != request.id)
    alike = (*same, requests.c.kind == kind_of(request))
    query = select(requests.c.id, requests.c.last_entry).where(*alike, requests.c.state.in_(sorted(OPEN)))
    return [(row.id, row.last_entry) for row in connection.execute(query)]


def close(connection: Connection, request_id: str) -> None:
    """The row of what nobody asked for."""
    nothing = {"state": State.LAPSED, "wakes_at": None}
    connection.execute(update(requests).where(requests.c.id == request_id).values(nothing))


def waking(connection: Connection, now: datetime, limit: int) -> list[str]:
    query = (
        select(requests.c.id)
        .where(requests.c.wakes_at <= now, _ASKED_FOR)
        .order_by(requests.c.wakes_at, requests.c.id)
        .limit(limit)
    )
    return list(connection.scalars(query))


class Found(NamedTuple):
    """What a row says of whose request it is."""

    id: str
    requester: str


def find(connection: Connection, question: Question) -> list[Found]:
    newest_first = select(requests.c.id, requests.c.requester).order_by(requests.c.asked_at.desc())
    query = newest_first.where(_ASKED_FOR).limit(question.limit)
    if question.states:
        query = query.where(requests.c.state.in_(sorted(question.states)))
    if question.unreviewed:
        query = query.where(text(EMERGENCIES), requests.c.state.not_in(_NEVER_GIVEN), ~_REVIEWED)
    for column in ("requester", "access", "target", "kind"):
        wanted = getattr(question, column)
        if wanted is not None:
            query = query.where(requests.c[column] == wanted)
    if question.over_since is not None:
        query = query.where(requests.c.over_at >= question.over_since)
    if question.asked_since is not None:
        query = query.where(requests.c.asked_at >= question.asked_since)
    return [Found(*row) for row in connection.execute(query)]


def held(connection: Connection, question: HeldQuestion) -> list[str]:
    """Ids of what is held now: break-glass first, then what ends first. So what should be over leads its kind."""
    by = "INDEXED BY requests_held" if connection.dialect.name == "sqlite" else ""  # it would sort all of them
    where, values = _held(question)
    values |= {"limit": question.limit, "skip": question.skip}
    found = text(
        f"SELECT id FROM requests {by} WHERE {where}"  # noqa: S608  words of ours
        " AND EXISTS (SELECT 1 FROM entries WHERE request_id = requests.id AND kind = 'requested')"
        " ORDER BY kind, ends_at, id LIMIT :limit OFFSET :skip"  # EMERGENCY comes before STANDARD
    )
    return list(connection.scalars(found, values))


def count_held(connection: Connection, question: HeldQuestion, most: int) -> int:
    """How many are held now, counted no further than ``most``."""
    where, values = _held(question)
    first = f"SELECT 1 FROM requests WHERE {where} LIMIT :most"  # noqa: S608  words of ours
    counted = text(f"SELECT count(*) FROM ({first}) AS first")  # noqa: S608  words of ours
    return connection.scalar(counted, {**values, "most": most}) or 0


def _held(question: HeldQuestion) -> tuple[str, dict[str, str | int]]:
    wanted = {
        "requester = :requester": ("requester", question.requester),
        "target = :target": ("target", question.target),
        "requester <> :but": ("but", question.but),
    }
    asked = {words: value for words, value in wanted.items() if value[1] is not None}
    return " AND ".join((HELD, *asked)), {name: value for name, value in asked.values() if value is not None}


def count_asked(connection: Connection, requester: str, since: datetime, until: datetime) -> dict[State, int]:
    """How many requests this person made between the two moments, both included, by state."""
    theirs = (requests.c.requester == requester) & requests.c.asked_at.between(since, until)
    lately = _ASKED_FOR.where(entries.c.recorded_at >= since - SKEW_LIMIT)
    query = select(requests.c.state, func.count()).where(theirs, lately).group_by(requests.c.state)
    return {State(row[0]): row[1] for row in connection.execute(query)}


def asked_often(connection: Connection, requester: str) -> dict[str, int]:
    """How often this person asked for each access."""
    query = select(requests.c.access, func.count()).where(requests.c.requester == requester).group_by(requests.c.access)
    return {row[0]: row[1] for row in connection.execute(query)}
