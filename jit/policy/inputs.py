"""What a condition decides on, as plain values: recorded with the decision, and decided again from the record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from pydantic import AwareDatetime, ConfigDict, TypeAdapter


@dataclass(frozen=True, slots=True)
class IncidentInputs:
    """The incident that the request names, and what its provider said of it. None is what was not known.

    ``known`` is False if the provider has no such incident. ``severity`` is 1 (the worst) to 5. ``responder`` is
    whether the requester is named on it.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    id: str
    known: bool | None = None
    open: bool | None = None
    severity: int | None = None
    service: str | None = None
    responder: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider was asked, and what it said, for whoever reads the record later; no condition reads it. ``by`` is
    its kind, ``took`` the seconds until it had answered.
    """

    asked: str
    answered: str
    by: str
    as_of: AwareDatetime
    took: float


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a condition can read. None is what was not known; a condition that hangs on it is not known either.

    ``groups`` are the policy's names of groups. ``on_call`` is by schedule, and one that is not in it is not known.
    ``grants_by_day`` counts this person's grants of this access: the first number is of the 24 hours before ``now``,
    the second of the 24 hours before these. ``automatic_for_person`` and ``automatic_for_access`` are the requests for
    this access that rules decided without people in the 24 hours before ``now``. ``answers`` say where the rest comes
    from. Raises ValueError if ``now`` has no zone.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    requester: str
    groups: tuple[str, ...]
    access: str
    target: str
    risk: str
    duration: timedelta
    reason: str
    now: AwareDatetime
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    incident: IncidentInputs | None = None
    on_call: Mapping[str, bool | None] = field(default_factory=dict)
    grants_by_day: tuple[int, ...] | None = None
    break_glass_open: bool | None = None
    automatic_for_person: int = 0
    automatic_for_access: int = 0
    answers: tuple[Answer, ...] = ()

    def __post_init__(self) -> None:
        if self.now.utcoffset() is None:
            raise ValueError("now has no zone, and would be taken for UTC")

    def to_json(self) -> str:
        """For the record."""
        return _JSON.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "Inputs":
        """What `to_json` wrote, by this version or one before. Raises ValueError."""
        return _JSON.validate_json(text, strict=True)


_JSON = TypeAdapter(Inputs)
