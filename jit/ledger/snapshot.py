"""People and groups as the bot last saw them, beside the ledger: for processes that cannot ask Slack."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, Engine, Row, bindparam, delete, insert, select, type_coerce, update

from jit.clock import SKEW_LIMIT, from_micros, to_micros
from jit.ledger.database import reading, writing
from jit.ledger.schema import directory
from jit.ledger.unavailable import LedgerUnavailable
from jit.people.directory import NOTHING_READ, DirectorySnapshot
from jit.people.on_call import NOTHING_KNOWN, OnCallSnapshot
from jit.people.person import NO_GROUPS, Groups, Person
from jit.ports import DirectoryUnavailable

GROUPS_KEY = "groups"
ON_CALL_KEY = "on_call"
DIRECTORY_KEY = "directory"
WORKSPACE_KEY = "workspace"
PERSON = "person:"
_UNREADABLE = (TypeError, ValueError, KeyError, AttributeError, OverflowError)


class StoredDirectory:
    """A `Directory` that knows what the bot last wrote, and how old that is. Raises LedgerUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def seen_together(self, people: Iterable[str]) -> "StoredDirectory":
        """As all of it is now: what is asked about these people, the groups and the workspace was read by one
        question.
        """
        return _SeenTogether(
            self._engine, self._rows([GROUPS_KEY, ON_CALL_KEY, DIRECTORY_KEY, WORKSPACE_KEY, *map(_of_person, people)])
        )

    @property
    def workspace(self) -> str:
        row = self._row(WORKSPACE_KEY)
        return json.loads(row.value)["team"] if row is not None else ""

    def look_up(self, person: str) -> Person:
        row = self._row(_of_person(person))
        if row is None:
            raise DirectoryUnavailable(f"{person} has never been looked up")
        return _read(row.value)

    def recall(self, person: str, within: timedelta) -> Person:  # noqa: ARG002  there is nobody to ask
        return self.look_up(person)

    def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """Those of them that are known, by id; what is kept of one and cannot be read hides no other."""
        keys = [_of_person(person) for person in ids]
        found: dict[str, Person] = {}
        for row in self._rows(keys).values() if keys else ():
            with suppress(DirectoryUnavailable):
                person = _read(row.value)
                found[person.id] = person
        return found

    def groups(self) -> Groups:
        told, read, row = self._row(ON_CALL_KEY), self._row(DIRECTORY_KEY), self._row(GROUPS_KEY)
        on_call = OnCallSnapshot.from_json(told.value) if told is not None else NOTHING_KNOWN
        in_directory = DirectorySnapshot.from_json(read.value) if read is not None else NOTHING_READ
        nobody = replace(NO_GROUPS, on_call=on_call, directory=in_directory) if told or read else NO_GROUPS
        if row is None:
            return nobody
        try:
            data = json.loads(row.value)
            members = {group: frozenset(people) for group, people in data["members"].items()}
            as_of, handles = from_micros(row.as_of), dict(data["handles"])
        except _UNREADABLE:
            return nobody
        return Groups(as_of=as_of, members=members, handles=handles, on_call=on_call, directory=in_directory)

    def keep_directory(self, read: DirectorySnapshot) -> None:
        with writing(self._engine) as connection:
            _keep(connection, DIRECTORY_KEY, json.loads(read.to_json()), read.as_of)

    def keep_on_call(self, told: OnCallSnapshot) -> None:
        with writing(self._engine) as connection:
            _keep(connection, ON_CALL_KEY, json.loads(told.to_json()), told.as_of)

    def keep_workspace(self, team: str, as_of: datetime) -> None:
        with writing(self._engine) as connection:
            _keep(connection, WORKSPACE_KEY, {"team": team}, as_of)

    def keep_person(self, person: Person, as_of: datetime) -> None:
        """Writes only what is new: each press looks people up, and must not wait for a disk to say what is there."""
        if self.known(person.id) == person:
            return
        with writing(self._engine) as connection:
            _keep(connection, _of_person(person.id), _as_kept(person), as_of)

    def confirm(self, person: str, as_of: datetime) -> None:
        """Slack says of this person what is kept, if anything is."""
        with writing(self._engine) as connection:
            theirs = update(directory).where(directory.c.key == _of_person(person))
            connection.execute(theirs.values(as_of=as_of))

    def heard_within(self, people: Iterable[str], age: timedelta, now: datetime) -> bool:
        """Whether Slack told of each of these people no longer ago. What is dated ahead, by a clock set back since,
        says nothing.
        """
        rows = [self._row(_of_person(person)) for person in people]
        earliest, latest = to_micros(now - age), to_micros(now + SKEW_LIMIT)
        return all(row is not None and earliest <= row.as_of <= latest for row in rows)

    def known(self, person: str) -> Person | None:
        """What is kept of this person; None if nothing that can be read."""
        try:
            return self.look_up(person)
        except DirectoryUnavailable:
            return None

    def emails(self) -> dict[str, str]:
        """As they were seen first, of those who have been seen, by id; none while the ledger does not answer."""
        try:
            return {person.id: person.first_email for person in self.everybody() if person.first_email}
        except LedgerUnavailable:
            return {}

    def everybody(self) -> list[Person]:
        """Everybody of whom something is kept, by id."""
        query = select(directory.c.value).where(directory.c.key.startswith(PERSON)).order_by(directory.c.key)
        with reading(self._engine) as connection:
            values = list(connection.scalars(query))
        found = []
        for value in values:
            with suppress(DirectoryUnavailable):
                found.append(_read(value))
        return found

    def keep_groups(self, groups: Groups) -> None:
        members = {group: sorted(people) for group, people in groups.members.items()}
        data = {"members": members, "handles": dict(groups.handles)}
        with writing(self._engine) as connection:
            _keep(connection, GROUPS_KEY, data, groups.as_of)

    def _row(self, key: str) -> "_Row | None":
        return self._rows([key]).get(key)

    def _rows(self, keys: Sequence[str]) -> "Mapping[str, _Row]":
        with reading(self._engine) as connection:
            return {row.key: row for row in connection.execute(_ROWS, {"keys": keys})}


class _SeenTogether(StoredDirectory):
    def __init__(self, engine: Engine, seen: "Mapping[str, _Row]") -> None:
        super().__init__(engine)
        self._seen = seen

    def _row(self, key: str) -> "_Row | None":
        return self._seen.get(key)


_Row = Row[str, str, int]
_ROWS = select(directory.c.key, directory.c.value, type_coerce(directory.c.as_of, BigInteger).label("as_of")).where(
    directory.c.key.in_(bindparam("keys", expanding=True))
)
"""As it is kept: a moment that is none hides nothing else."""


def _of_person(person: str) -> str:
    """The key under which somebody is kept."""
    return f"{PERSON}{person}"


_LATER = frozenset({"teams", "email", "first_email"})


def _as_kept(person: Person) -> dict[str, object]:
    """Without what most have not: workers of before do not know it."""
    return {name: value for name, value in asdict(person).items() if name not in _LATER or value}


def _read(value: str) -> Person:
    """What another version kept, with more in it, may mean something else. Raises DirectoryUnavailable."""
    try:
        said = json.loads(value)
        return Person(**(said | {"teams": tuple(said.get("teams", ()))}))
    except _UNREADABLE as wrong:
        raise DirectoryUnavailable("what is kept of somebody cannot be read") from wrong


def _keep(connection: Connection, key: str, data: Mapping[str, object], as_of: datetime) -> None:
    connection.execute(delete(directory).where(directory.c.key == key))
    connection.execute(insert(directory).values(key=key, value=json.dumps(data), as_of=as_of))
