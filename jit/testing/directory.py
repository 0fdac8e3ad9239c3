"""People and groups in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from jit.people import directory
from jit.people.answers import Because
from jit.people.directory import DirectorySnapshot, Members
from jit.people.on_call import NOTHING_KNOWN, NotKnown, Shift
from jit.people.person import Groups, Person
from jit.ports import Clock, DirectoryUnavailable, UnknownPerson

WORKSPACE = "T0TEST001"


class InMemoryDirectory:
    """A `Directory` of these people, all full members of ``workspace``.

    While ``gone`` it answers nobody. ``members`` holds Slack's user groups, ``groups_age`` how old the snapshot of
    them is; ``on_call`` and ``on_call_age`` the same of schedules, of which those in ``silent`` have no answer now, and
    ``unbound`` how many more are on call whom nobody knows. ``in_directory`` holds groups of the company's directory,
    of which one that is empty is gone, ``directory_age`` how old that is, ``unread`` those that were not answered, and
    ``disabled`` whose account is disabled there. ``meanwhile`` is called with each person who was looked up:
    what happens while a press is being decided.
    """

    def __init__(self, clock: Clock, *people: str, workspace: str = WORKSPACE) -> None:
        self.workspace = workspace
        self.people = {person: Person(id=person, team=workspace, name=person) for person in people}
        self.members: dict[str, frozenset[str]] = {}
        self.groups_age = timedelta(0)
        self.on_call: dict[str, frozenset[str]] = {}
        self.on_call_age = timedelta(0)
        self.unbound = 0
        self.silent: dict[str, Because] = {}
        self.in_directory: dict[str, frozenset[str]] = {}
        self.unread: dict[str, Because] = {}
        self.disabled: frozenset[str] = frozenset()
        self.directory_age = timedelta(0)
        self.gone = False
        self.meanwhile: Callable[[str], None] = lambda _person: None
        self._clock = clock

    def look_up(self, person: str) -> Person:
        if self.gone:
            raise DirectoryUnavailable(person)
        if person not in self.people:
            raise UnknownPerson(person)
        found = self.people[person]
        self.meanwhile(person)
        return found

    def recall(self, person: str, within: timedelta) -> Person:  # noqa: ARG002  what it knows is never old
        return self.look_up(person)

    def groups(self) -> Groups:
        now, told = self._clock.now(), NOTHING_KNOWN
        for schedule, people in self.on_call.items():
            told = told.with_answer(
                Shift(schedule, people, now - self.on_call_age, by="fake", took=0.1, unbound=self.unbound)
            )
        for schedule, because in self.silent.items():
            told = told.with_answer(NotKnown(schedule, because, now, by="fake"))
        return Groups(
            as_of=now - self.groups_age, members=dict(self.members), on_call=told, directory=self.directory_read(now)
        )

    def directory_read(self, now: datetime) -> DirectorySnapshot:
        read, as_of = dict[str, Members | directory.NotKnown](), now - self.directory_age
        for group, people in self.in_directory.items():
            read[group] = Members(group, f"cn={group}", people, as_of, gone=not people)
        for group, because in self.unread.items():
            read[group] = directory.NotKnown(group, because, now)
        return DirectorySnapshot(read, frozenset(self.people), self.disabled)

    def change(self, person: str, **how: Any) -> None:
        """Fields of a `Person` that are other from now on."""
        self.people[person] = replace(self.people[person], **how)
