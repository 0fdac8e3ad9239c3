"""All schedules of the policy as they were when they were last asked about, and how that is written down."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError

from jit.clock import SKEW_LIMIT
from jit.people.answers import KEPT_AS, NEVER, Because, is_fresh
from jit.people.on_call.shift import NotKnown, Shift

LAST_KNOWN_FOR = timedelta(hours=24)
"""As long the last answer counts in an emergency, where the provider gives none."""
_SILENT = frozenset(Because) - {
    Because.NOBODY,
    Because.BOUND_TWICE,
    Because.SEVERAL,
    Because.NOT_THERE,
    Because.NOT_NAMED,
}
"""With these the provider said nothing; the others are an answer, or there is none to be had."""


@dataclass(frozen=True, slots=True)
class OnCallSnapshot:
    """The newest answer for each schedule; ``as_of`` is that of the one that came last."""

    as_of: datetime = NEVER
    answers: Mapping[str, Shift | NotKnown] = field(default_factory=dict)
    last: Mapping[str, Shift] = field(default_factory=dict)
    """The newest answer that told who is on call, unless another kind of answer came since."""
    emergency: bool = False
    """As `in_emergency`."""

    def fresh(self, now: datetime) -> bool:
        """Whether any answer is young enough to decide by; each has an age of its own, which `who` looks at."""
        return is_fresh(self.as_of, now)

    def who(self, schedule: str, now: datetime) -> Shift | NotKnown:
        """The answer, if it is fresh; never older, but in an emergency."""
        answer = self._fresh(schedule, now)
        if isinstance(answer, Shift) or not self.emergency:
            return answer
        return self.last_known(schedule, now) or Shift(schedule, frozenset(), answer.as_of, answer.by, answer.took)

    def last_known(self, schedule: str, now: datetime) -> Shift | None:
        """The newest answer that told who is on call; None where another kind came since, or it is too old."""
        last = self.last.get(schedule)
        return last if last and -SKEW_LIMIT <= now - last.as_of <= LAST_KNOWN_FOR else None

    def in_emergency(self) -> "OnCallSnapshot":
        """The same for break-glass, which has to work while a provider is down: what was known last counts, for as long
        as `LAST_KNOWN_FOR`, and where nothing is known nobody is on call.
        """
        return replace(self, emergency=True)

    def only(self, schedules: Collection[str]) -> "OnCallSnapshot":
        answers = {name: each for name, each in self.answers.items() if name in schedules}
        return replace(self, answers=answers, last={name: at for name, at in self.last.items() if name in schedules})

    def _fresh(self, schedule: str, now: datetime) -> Shift | NotKnown:
        answer = self.answers.get(schedule)
        if answer is None:
            return NotKnown(schedule, Because.NOT_ASKED, now)
        if not answer.fresh(now):
            return NotKnown(schedule, Because.STALE, answer.as_of, answer.by, answer.took)
        return answer

    def with_answer(self, answer: Shift | NotKnown) -> "OnCallSnapshot":
        answers, last = {**self.answers, answer.schedule: answer}, dict(self.last)
        if isinstance(answer, Shift):
            last[answer.schedule] = answer
        elif answer.reason not in _SILENT:
            last.pop(answer.schedule, None)
        return replace(self, as_of=answer.as_of, answers=answers, last=last)

    def to_json(self) -> str:
        return _WRITTEN.dump_json(_Written(dict(self.answers), dict(self.last))).decode()

    @classmethod
    def from_json(cls, text: str) -> "OnCallSnapshot":
        """What `to_json` wrote; what cannot be read is nothing known."""
        try:
            written = _WRITTEN.validate_json(text)
        except ValidationError:
            return NOTHING_KNOWN
        answers, last = written.answers, written.last
        if any(name != answer.schedule for each in (answers, last) for name, answer in each.items()):
            return NOTHING_KNOWN
        return cls(max((answer.as_of for answer in answers.values()), default=NEVER), answers, last)


@dataclass(frozen=True, slots=True)
class _Written:
    """As it is kept."""

    __pydantic_config__: ClassVar = KEPT_AS

    answers: dict[str, Shift | NotKnown]
    last: dict[str, Shift]


_WRITTEN = TypeAdapter(_Written)


NOTHING_KNOWN = OnCallSnapshot()
"""What is known before the first answer: of nobody whether they are on call, and it is stale."""
