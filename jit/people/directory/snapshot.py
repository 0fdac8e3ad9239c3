"""All groups of the directory that the policy names, as they were when they were last read, and how that is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError

from jit.people.answers import KEPT_AS, NEVER, Because
from jit.people.directory.answer import Members, NotKnown, is_fresh


@dataclass(frozen=True, slots=True)
class DirectorySnapshot:
    """The newest answer for each group, each with an age of its own.

    ``found`` are the Slack ids of those who are bound to somebody in the directory, ``disabled`` those whose account is
    disabled there. Both are of the last time that the directory answered, however long ago.
    """

    __pydantic_config__: ClassVar = KEPT_AS

    answers: Mapping[str, Members | NotKnown] = field(default_factory=dict)
    found: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()

    @property
    def as_of(self) -> datetime:
        """When what came last was read."""
        return max((answer.as_of for answer in self.answers.values()), default=NEVER)

    def who(self, group: str, now: datetime) -> Members | NotKnown:
        """The answer, if it is fresh; never older."""
        answer = self.answers.get(group)
        if answer is None:
            return NotKnown(group, Because.NOT_ASKED, now)
        if not is_fresh(answer.as_of, now):
            return NotKnown(group, Because.STALE, answer.as_of)
        return answer

    def people(self, group: str) -> frozenset[str]:
        """Those who were in it when it was last read, for whatever decides nothing."""
        answer = self.answers.get(group)
        return answer.people if isinstance(answer, Members) else frozenset()

    def is_empty(self, group: str) -> bool:
        """Whether the directory lists no member of it, or has it no more."""
        answer = self.answers.get(group)
        return isinstance(answer, Members) and answer.nobody

    def may_hide(self, group: str, person: str, now: datetime) -> bool:
        """Whether one of its members may be this person without being bound to them; or nobody can tell, as it is gone:
        a group that the directory does not show is the same to whoever reads it.
        """
        answer = self.who(group, now)
        return isinstance(answer, Members) and (answer.gone or (answer.unbound > 0 and person not in self.found))

    def to_json(self) -> str:
        return _WRITTEN.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "DirectorySnapshot":
        """What `to_json` wrote; what cannot be read is nothing known."""
        try:
            read = _WRITTEN.validate_json(text)
        except ValidationError:
            return NOTHING_READ
        return read if all(name == answer.group for name, answer in read.answers.items()) else NOTHING_READ


_WRITTEN = TypeAdapter(DirectorySnapshot)

NOTHING_READ = DirectorySnapshot()
"""What is known before the first answer: of nobody whether they are in a group of the directory."""
