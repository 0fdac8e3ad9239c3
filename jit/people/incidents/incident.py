"""One answer to: what is known of this incident?"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, ConfigDict, Field

from jit.people.answers import KEPT_AS, Because, is_fresh


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that the provider knows, at ``as_of``. Its title is not kept: it is a person's words.

    ``id`` is as it was asked for. ``severity`` is 1 (worst) to 5, and 0 where the provider told none that is
    understood: 0 must never be compared, as it would be *worse than 1*. ``service`` is the policy's word for it, else
    the provider's id, and empty where none or more than one is told. ``responders`` are Slack ids. ``by`` is the kind
    of provider, ``took`` the seconds until it had answered.
    """

    __pydantic_config__: ClassVar[ConfigDict] = KEPT_AS

    id: str
    open: bool
    severity: Annotated[int, Field(ge=0, le=5)]
    service: str
    responders: frozenset[str]
    as_of: AwareDatetime
    by: str
    took: float

    def fresh(self, now: datetime) -> bool:
        return is_fresh(self.as_of, now)


@dataclass(frozen=True, slots=True)
class NoSuchIncident:
    """The provider answered: there is none of this ``id``."""

    __pydantic_config__: ClassVar[ConfigDict] = KEPT_AS

    id: str
    as_of: AwareDatetime
    by: str
    took: float

    def fresh(self, now: datetime) -> bool:
        return is_fresh(self.as_of, now)


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Nothing counts as known of the incident ``id``: people decide."""

    __pydantic_config__: ClassVar[ConfigDict] = KEPT_AS

    id: str
    reason: Because
    as_of: AwareDatetime
    by: str = ""
    took: float = 0.0

    def fresh(self, now: datetime) -> bool:
        return is_fresh(self.as_of, now)
