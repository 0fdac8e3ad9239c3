"""All schedules of the policy as they were when they were last asked about, and how that is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from jit.people.answers import NEVER, Because, is_fresh
from jit.people.on_call.shift import NotKnown, Shift

_WRITTEN = TypeAdapter(dict[str, Shift | NotKnown])


@dataclass(frozen=True, slots=True)
class OnCallSnapshot:
    """The newest answer for each schedule; ``as_of`` is that of the one that came last."""

    as_of: datetime = NEVER
    answers: Mapping[str, Shift | NotKnown] = field(default_factory=dict)

    def fresh(self, now: datetime) -> bool:
        """Whether any answer is young enough to decide by; each has an age of its own, which `who` looks at."""
        return is_fresh(self.as_of, now)

    def who(self, schedule: str, now: datetime) -> Shift | NotKnown:
        """The answer, if it is fresh; never older."""
        answer = self.answers.get(schedule)
        if answer is None:
            return NotKnown(schedule, Because.NOT_ASKED, now)
        if not answer.fresh(now):
            return NotKnown(schedule, Because.STALE, answer.as_of, answer.by, answer.took)
        return answer

    def with_answer(self, answer: Shift | NotKnown) -> "OnCallSnapshot":
        answers = {**self.answers, answer.schedule: answer}
        return replace(self, as_of=answer.as_of, answers=answers)

    def to_json(self) -> str:
        return _WRITTEN.dump_json(dict(self.answers)).decode()

    @classmethod
    def from_json(cls, text: str) -> "OnCallSnapshot":
        """What `to_json` wrote; what cannot be read is nothing known."""
        try:
            answers = _WRITTEN.validate_json(text)
        except ValidationError:
            return NOTHING_KNOWN
        if any(name != answer.schedule for name, answer in answers.items()):
            return NOTHING_KNOWN
        return cls(as_of=max((answer.as_of for answer in answers.values()), default=NEVER), answers=answers)


NOTHING_KNOWN = OnCallSnapshot()
"""What is known before the first answer: of nobody whether they are on call, and it is stale."""
