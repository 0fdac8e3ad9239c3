"""The keys of people's fields, in the ledger's database: made at first need, looked up when entries are read.

Who holds the database opens everything that is not erased: the keys lie beside the entries so that one line deleted
there closes what hundreds of entries and all their copies say of somebody. What has to be kept apart is the backups.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, Engine, LargeBinary, bindparam, cast, select
from sqlalchemy.dialects import postgresql, sqlite

from jit.ledger.database import driver, reading
from jit.ledger.folded import FoldedLately
from jit.ledger.opened import deleted_keys_in, key_ids_in
from jit.ledger.privacy.sealing import KEY_BYTES, PersonKey, new_key
from jit.ledger.schema import entries, person_keys
from jit.ledger.unavailable import LedgerUnavailable
from jit.ports import Clock

KNOWN_FOR = 10.0
"""Seconds for which a key is kept in memory; a person who is erased can be read for so long by who reads them now."""

MOST_KNOWN = 10_000
"""People whose keys are kept in memory for closing."""

_ID = re.compile(r"[0-9a-f]{32}")
_AT_ONCE = 500
_KEY = cast(person_keys.c.key, LargeBinary)
_OF_PEOPLE = select(person_keys.c.person, person_keys.c.id, _KEY).where(
    person_keys.c.person.in_(bindparam("people", expanding=True))
)
_MADE = {
    "sqlite": sqlite.insert(person_keys).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(person_keys).on_conflict_do_nothing(),
}
"""Somebody else may make one for the same person at the same time."""
_BY_ID = select(person_keys.c.id, _KEY).where(person_keys.c.id.in_(bindparam("ids", expanding=True)))


class KeyRing:
    """Keys by the ids that entries name them by, and what was folded with them. Safe to use from many threads."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._known: dict[str, tuple[bytes | None, float]] = {}
        self._closing: dict[str, PersonKey] = {}
        self.folded = FoldedLately(clock, KNOWN_FOR)

    def closing(
        self, connection: Connection, people: Iterable[str], *, known_will_do: bool = False
    ) -> dict[str, PersonKey]:
        """The key of each of ``people``, made where there is none. From memory where it is there still, which whoever
        records sees to himself where ``known_will_do``. Raises LedgerUnavailable where one was changed: nobody could
        open again what it closes.
        """
        wanted = sorted(set(people))
        found = {who: self._closing[who] for who in wanted if who in self._closing}
        if not known_will_do:
            found = _still_there(connection, found) if connection.dialect.name == "sqlite" else {}
        missing = [person for person in wanted if person not in found]
        found |= _of(connection, missing)
        if missing := [person for person in missing if person not in found]:
            made = [{"id": key.id, "person": person, "key": key.key} for person, key in _new_keys(missing)]
            connection.execute(_MADE[connection.dialect.name], made)
            found |= _of(connection, missing)
        if len(self._closing) > MOST_KNOWN:
            self._closing = {}
        self._closing |= found
        return found

    def opening(self, connection: Connection, bodies: Iterable[bytes]) -> Mapping[str, bytes | None]:
        """By its id, every key that these entries name; None for one whose deletion is recorded. One that is merely
        gone is not there: whoever took it away was nobody who may.
        """
        wanted = key_ids_in(bodies)
        if not wanted:
            return {}
        now = self._clock.ticks()
        fresh = {key_id: known for key_id, known in self._known.copy().items() if known[1] > now}
        found = {key_id: fresh[key_id][0] for key_id in wanted if key_id in fresh}
        missing = sorted(wanted - found.keys())
        if missing:
            looked_up = _look_up(connection, missing)
            until = now + KNOWN_FOR
            self._known = fresh | {key_id: (key, until) for key_id, key in looked_up.items()}
            found |= looked_up
        return found

    def of(self, body: bytes) -> Mapping[str, bytes | None]:
        """The same for one entry, in a transaction of its own. Raises LedgerUnavailable."""
        with reading(self._engine) as connection:
            return self.opening(connection, [body])

    def forget(self) -> None:
        """Look up every key anew."""
        self._known, self._closing = {}, {}


def _still_there(connection: Connection, known: Mapping[str, PersonKey]) -> dict[str, PersonKey]:
    """Of the keys of people those that SQLite keeps so."""
    found: set[tuple[str, str, bytes]] = set()
    with driver(connection) as database:
        for some in _batched([key.id for key in known.values()]):
            found.update(database.execute(f"{_KEPT} ({','.join('?' * len(some))})", some))
    return {person: key for person, key in known.items() if (person, *key) in found}


_KEPT = "SELECT person, id, key FROM person_keys WHERE id IN"


def _of(connection: Connection, people: list[str]) -> dict[str, PersonKey]:
    found: dict[str, PersonKey] = {}
    for some in _batched(people):
        rows = connection.execute(_OF_PEOPLE, {"people": some})
        found |= {person: _sound(PersonKey(key_id, bytes(key))) for person, key_id, key in rows}
    return found


def _new_keys(people: Iterable[str]) -> Iterator[tuple[str, PersonKey]]:
    return ((person, new_key()) for person in people)


def _sound(key: PersonKey) -> PersonKey:
    if len(key.key) == KEY_BYTES and _ID.fullmatch(key.id):
        return key
    raise LedgerUnavailable(
        f"the record is broken: the key {key.id[:32]} in person_keys has {len(key.key)} bytes, not {KEY_BYTES}, or"
        " an id that is none; put it back from a copy"
    )


def _look_up(connection: Connection, key_ids: list[str]) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for some in _batched(key_ids):
        rows = connection.execute(_BY_ID, {"ids": some})
        found |= {key_id: bytes(key) for key_id, key in rows if len(key) == KEY_BYTES}
    if len(found) < len(key_ids):
        erased = recorded_as_erased(connection)
        found |= {key_id: None for key_id in key_ids if key_id not in found and key_id in erased}
    return found


def recorded_as_erased(connection: Connection) -> set[str]:
    """The ids of all keys of which the record says that they were deleted."""
    of_people = entries.c.request_id.is_(None) & (entries.c.kind == "person.erased")
    bodies = connection.scalars(select(cast(entries.c.body, LargeBinary)).where(of_people))
    return set(deleted_keys_in(bodies))


def _batched(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
