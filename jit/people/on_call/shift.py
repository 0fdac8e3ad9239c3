"""One answer to: who is on call for this schedule?"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import AwareDatetime, ConfigDict

from jit.people.answers import KEPT_AS, Because, is_fresh


@dataclass(frozen=True, slots=True)
class Shift:
    """Those on call for ``schedule``, a name of the policy, at ``as_of``.

    ``people`` are Slack ids; ``unbound`` counts those on call whom nothing binds to a Slack id. ``by`` is the kind of
    provider, ``took`` the seconds until it had answered.
    """

    __pydantic_config__: ClassVar[ConfigDict] = KEPT_AS

    schedule: str
    people: frozenset[str]
    as_of: AwareDatetime
    by: str
    took: float
    unbound: int = 0

    def fresh(self, now: datetime) -> bool:
        return is_fresh(self.as_of, now)

    def includes(self, person: str) -> bool | None:
        """None where one of the unbound may be this person: then it is not known that they are *not* on call."""
        if person in self.people:
            return True
        return None if self.unbound else False


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Nobody counts as on call for ``schedule``, nor as not on call: people decide. ``by`` is empty where no provider
    stands in the policy, and ``took`` 0 where none was asked.
    """

    __pydantic_config__: ClassVar[ConfigDict] = KEPT_AS

    schedule: str
    reason: Because
    as_of: AwareDatetime
    by: str = ""
    took: float = 0.0

    def fresh(self, now: datetime) -> bool:
        return is_fresh(self.as_of, now)
