"""Incidents as they were when they were last asked about, and how that is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from jit.people.answers import NEVER, Because, is_fresh
from jit.people.incidents.incident import Incident, NoSuchIncident, NotKnown

_WRITTEN = TypeAdapter(dict[str, Incident | NoSuchIncident | NotKnown])


@dataclass(frozen=True, slots=True)
class IncidentSnapshot:
    """The newest answer for each incident that somebody asked about; ``as_of`` is that of the one that came
    last.
    """

    as_of: datetime = NEVER
    answers: Mapping[str, Incident | NoSuchIncident | NotKnown] = field(default_factory=dict)

    def fresh(self, now: datetime) -> bool:
        """Whether any answer is young enough to decide by; each has an age of its own, which `find` looks at."""
        return is_fresh(self.as_of, now)

    def find(self, incident: str, now: datetime) -> Incident | NoSuchIncident | NotKnown:
        """The answer, if it is fresh; never older."""
        answer = self.answers.get(incident)
        if answer is None:
            return NotKnown(incident, Because.NOT_ASKED, now)
        if not answer.fresh(now):
            return NotKnown(incident, Because.STALE, answer.as_of, answer.by, answer.took)
        return answer

    def with_answer(self, answer: Incident | NoSuchIncident | NotKnown) -> "IncidentSnapshot":
        """With this answer, and without those that are stale when it is given: they decide nothing."""
        answers = {id_: kept for id_, kept in self.answers.items() if kept.fresh(answer.as_of)} | {answer.id: answer}
        return replace(self, as_of=answer.as_of, answers=answers)

    def to_json(self) -> str:
        return _WRITTEN.dump_json(dict(self.answers)).decode()

    @classmethod
    def from_json(cls, text: str) -> "IncidentSnapshot":
        """What `to_json` wrote; what cannot be read is nothing known."""
        try:
            answers = _WRITTEN.validate_json(text)
        except ValidationError:
            return NOTHING_KNOWN
        if any(name != answer.id for name, answer in answers.items()):
            return NOTHING_KNOWN
        return cls(as_of=max((answer.as_of for answer in answers.values()), default=NEVER), answers=answers)


NOTHING_KNOWN = IncidentSnapshot()
"""What is known before the first answer: of no incident whether there is one, and it is stale."""
