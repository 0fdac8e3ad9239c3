"""A person's key deleted, and what stands of them in plain beside the entries.

What was recorded stays, byte for byte, with every hash and proof: it can no longer be read whom it tells of.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from jit.facts import PersonErased, Source, life_kinds
from jit.ledger import Ledger, LedgerUnavailable, TamperedEntry
from jit.ledger.database import writing
from jit.ledger.keys import recorded_as_erased
from jit.ledger.load import load
from jit.ledger.privacy.people import erased_person, is_nobody, known_as
from jit.ledger.schema import directory, entries, notes, person_keys, requests
from jit.ledger.snapshot import GROUPS_KEY
from jit.ledger.store import log_recorded
from jit.requests.lifecycle import OVER, State

KEY_ID = re.compile(r"[0-9a-f]{32}")
NAMEABLE = re.compile(
    r"[UW][A-Z0-9]{4,30}|cli:[^\s@]{1,100}@[^\s@]{1,100}|principal:.{1,190}|erased:[0-9a-f]{8}|" + KEY_ID.pattern
)
"""Who can be erased, to be matched whole: a Slack id, `cli:user@host`; also who is known by nothing but a name in a
target, what was recorded later of somebody who was erased before, and whose key this is: an erasure that is lost with a
restored copy is still told of, by the key's id, in the audit channel."""


_WEIGHED_AGAIN = frozenset({State.PENDING, State.APPROVED, State.GRANTING})
"""In these, approvals are looked at once more before anything is given."""


class StillInvolved(Exception):
    """Requests of theirs are not over, or hang on their approval: who has access, and why, has to be known. Nothing was
    erased.

    ``requests`` has for each id its state.
    """

    def __init__(self, found: dict[str, State]) -> None:
        super().__init__(", ".join(f"{request_id} is {state}" for request_id, state in found.items()))
        self.requests = found


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done.

    ``keys`` are the ids of the keys deleted, ``requests`` how many requests no longer say whose they were, and
    ``plain`` the ids of those that still do: they were recorded before personal fields were closed.
    """

    keys: tuple[str, ...]
    requests: int
    plain: tuple[str, ...]
    index: int | None
    """Of the last entry that records this; None if there was nothing to delete, and nothing is recorded."""


def erase(ledger: Ledger, person: str, *, legal_basis: str, actor: str, source: Source = Source.CLI) -> Erasure | None:
    """Forget somebody, in one transaction that also records it. None if there is nothing of them; nothing is done then.

    Raises StillInvolved, LedgerUnavailable.
    """
    with _erasing(ledger) as connection:
        person = _whose(connection, person)
        if involved := _involved(connection, ledger, person):
            raise StillInvolved(involved)
        theirs = _theirs(connection, person)
        if not _anything(connection, person):
            return Erasure((), 0, theirs, None) if theirs else None
        keys = _keys(connection, ledger, person, theirs)
        at = ledger.clock.now()
        facts = [PersonErased(at=at, actor=actor, source=source, key=key, legal_basis=legal_basis) for key in keys]
        recorded = ledger.append_within(connection, facts).entries
        connection.execute(delete(person_keys).where(person_keys.c.id.in_(keys)))
        ledger.ring.forget()
        plain = _rewrite(connection, ledger, theirs, person, erased_person(keys[0]))
        _forget(connection, person)
    log_recorded(recorded)
    return Erasure(keys, len(theirs) - len(plain), plain, recorded[-1].index)


def delete_restored(ledger: Ledger) -> int:
    """Delete again every key of which the record says that it was deleted: a backup brought it back. Returns how many.

    Raises LedgerUnavailable.
    """
    with _erasing(ledger) as connection:
        back = sorted(set(connection.scalars(select(person_keys.c.id))) & recorded_as_erased(connection))
        for key_id in back:
            connection.execute(delete(person_keys).where(person_keys.c.id == key_id))
    return len(back)


def written_back(ledger: Ledger) -> bool:
    """Whether the files of the database hold nothing of what was deleted: on SQLite once its log is written back,
    which waits for readers. On PostgreSQL that is its owner's to see to.
    """
    if ledger.engine.dialect.name != "sqlite":
        return False
    with ledger.engine.connect() as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            raise LedgerUnavailable("no connection")
        busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


@contextmanager
def _erasing(ledger: Ledger) -> Iterator[Connection]:
    """The one transaction that writes; whatever comes of it, no key is remembered from before."""
    try:
        with writing(ledger.engine) as connection:
            yield connection
    finally:
        ledger.ring.forget()


def _whose(connection: Connection, person: str) -> str:
    """Themselves, or the person whose key has this id."""
    if KEY_ID.fullmatch(person) is None:
        return person
    return connection.scalar(select(person_keys.c.person).where(person_keys.c.id == person)) or person


def _involved(connection: Connection, ledger: Ledger, person: str) -> dict[str, State]:
    """What is not over, by the facts, and by the read model where those cannot be read: their own requests, and those
    that were not begun yet and have their approval.
    """
    closing = select(entries.c.request_id).where(entries.c.kind.in_(life_kinds(closing=True)))
    asked = select(entries.c.request_id).where(entries.c.kind == "requested")
    not_over = (requests.c.requester == person) & requests.c.state.not_in(sorted(OVER))
    found: dict[str, State] = {
        row.id: State(row.state)
        for row in connection.execute(select(requests.c.id, requests.c.state).where(not_over).order_by(requests.c.id))
    }
    for request_id in connection.scalars(asked.except_(closing)):
        try:
            request = load(connection, ledger.ring, request_id)
        except TamperedEntry:
            continue
        if request is None or request.state.over:
            continue
        if request.requester == person or (person in request.approvers and request.state in _WEIGHED_AGAIN):
            found[request_id] = request.state
    return found


def _theirs(connection: Connection, person: str) -> tuple[str, ...]:
    if is_nobody(person):
        return ()
    found = connection.scalars(select(requests.c.id).where(requests.c.requester == person).order_by(requests.c.id))
    return tuple(found)


def _anything(connection: Connection, person: str) -> bool:
    """Whether a key of theirs, or something about them in plain, lies in the database."""
    return any(
        connection.scalar(select(func.count()).select_from(table).where(of_them))
        for table, of_them in (
            (person_keys, person_keys.c.person == person),
            (directory, directory.c.key == _looked_up(person)),
            (notes, _about(person)),
        )
    )


def _keys(connection: Connection, ledger: Ledger, person: str, theirs: Iterable[str]) -> tuple[str, ...]:
    """The ids of the keys to delete: the person's first, made if need be so that the record can name one, then those
    of the names they had in targets.
    """
    known_as_too = {known_as(name) for name in _names_in_targets(connection, ledger, theirs)}
    more = select(person_keys.c.id).where(person_keys.c.person.in_(sorted(known_as_too)))
    return (ledger.ring.closing(connection, [person])[person].id, *connection.scalars(more))


def _names_in_targets(connection: Connection, ledger: Ledger, theirs: Iterable[str]) -> Iterator[str]:
    for request_id in theirs:
        with suppress(TamperedEntry):
            if (request := load(connection, ledger.ring, request_id)) is not None:
                yield request.principal


def _rewrite(
    connection: Connection, ledger: Ledger, theirs: Iterable[str], person: str, instead: str
) -> tuple[str, ...]:
    """Let the read model say what the facts say now. Returns those of which these still name the person."""
    plain = []
    for request_id in theirs:
        now = instead
        with suppress(TamperedEntry):
            if (request := load(connection, ledger.ring, request_id)) is not None:
                now = request.requester
        if now == person:
            plain.append(request_id)
        else:
            connection.execute(update(requests).where(requests.c.id == request_id).values(requester=now))
    return tuple(plain)


def _forget(connection: Connection, person: str) -> None:
    """What followers and the directory keep beside the entries."""
    connection.execute(delete(notes).where(_about(person)))
    connection.execute(delete(directory).where(directory.c.key == _looked_up(person)))
    groups = connection.scalar(select(directory.c.value).where(directory.c.key == GROUPS_KEY))
    if groups is not None and person in groups:
        told: dict[str, Any] = json.loads(groups)
        told["members"] = {
            group: [member for member in members if member != person] for group, members in told["members"].items()
        }
        connection.execute(update(directory).where(directory.c.key == GROUPS_KEY).values(value=json.dumps(told)))


def _about(person: str) -> ColumnElement[bool]:
    """Followers put a person last in the key of a note."""
    return notes.c.key.endswith(f":{person}", autoescape=True)


def _looked_up(person: str) -> str:
    return f"person:{person}"
