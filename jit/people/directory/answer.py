"""One answer to: who is in this group of the directory?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import AwareDatetime, ConfigDict

from jit.clock import SKEW_LIMIT
from jit.people.answers import KEPT_AS, Because

FRESH_FOR = timedelta(seconds=30)
"""An answer older than this decides nothing, as with Slack's groups."""


@dataclass(frozen=True, slots=True)
class Members:
    """Those in ``group``, a name of the policy, at ``as_of``, and in the groups within it; ``entry`` is its name in the
    directory.

    ``people`` are Slack ids; ``unbound`` counts the members whom nothing binds to a Slack id. ``gone`` is a group that
    the directory has no more.
    """

    __pydantic_config__: ClassVar[ConfigDict] = KEPT_AS

    group: str
    entry: str
    people: frozenset[str]
    as_of: AwareDatetime
    unbound: int = 0
    gone: bool = False

    @property
    def nobody(self) -> bool:
        """Whether the directory itself lists no member, which may be a slip there."""
        return not self.people and not self.unbound


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Nobody counts as in ``group``, nor as not in it."""

    __pydantic_config__: ClassVar[ConfigDict] = KEPT_AS

    group: str
    reason: Because
    as_of: AwareDatetime


def is_fresh(as_of: datetime, now: datetime) -> bool:
    """Young enough to decide by. One from the future, beyond what clocks may differ by, is not."""
    return -SKEW_LIMIT <= now - as_of <= FRESH_FOR


class NotRead(Exception):
    """The directory gave no usable answer. The message is for logs, and says nothing that the directory said."""

    def __init__(self, because: Because) -> None:
        super().__init__(because.words)
        self.because = because
