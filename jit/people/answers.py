"""What answers about schedules and incidents have in common: how old they may be, and why nothing is known."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import ConfigDict

from jit.clock import SKEW_LIMIT

FRESH_FOR = timedelta(seconds=60)
"""An answer older than this decides nothing."""
NEVER = datetime.min.replace(tzinfo=UTC)
KEPT_AS = ConfigDict(extra="forbid", strict=True)
"""How answers are read that were written down: what another version wrote, with more in it, may mean something else."""


def is_fresh(as_of: datetime, now: datetime) -> bool:
    """Young enough to decide by. One from the future, beyond what clocks may differ by, is not."""
    return -SKEW_LIMIT <= now - as_of <= FRESH_FOR


class Because(StrEnum):
    """Why nothing is known, so that people decide. The value goes into the record; ``words`` are for people. Neither
    holds anything that a provider said.
    """

    NOT_NAMED = "not_named"
    NOT_ASKED = "not_asked"
    STALE = "stale"
    NO_CREDENTIAL = "no_credential"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    REDIRECT = "redirect"
    REFUSED = "refused"
    BUSY = "busy"
    NOT_THERE = "not_there"
    ERROR = "error"
    UNREADABLE = "unreadable"
    TOO_LONG = "too_long"
    UNUSABLE = "unusable"
    NOBODY = "nobody"
    BOUND_TWICE = "bound_twice"
    CUT_SHORT = "cut_short"
    TOO_DEEP = "too_deep"
    HIDDEN = "hidden"
    OUTSIDE = "outside"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Because.NOT_NAMED: "the policy names no provider",
    Because.NOT_ASKED: "the provider was not asked yet",
    Because.STALE: "the last answer is too old",
    Because.NO_CREDENTIAL: "the bot has no token for the provider",
    Because.NO_ANSWER: "the provider did not answer in time",
    Because.UNREACHABLE: "the provider could not be reached",
    Because.UNTRUSTED: "the provider's certificate is not trusted",
    Because.REDIRECT: "the provider sent elsewhere, where nobody followed",
    Because.REFUSED: "the provider did not accept the token",
    Because.BUSY: "the provider asked for a pause",
    Because.NOT_THERE: "the provider knows nothing of that name",
    Because.ERROR: "the provider answered with an error",
    Because.UNREADABLE: "the provider's answer could not be understood",
    Because.TOO_LONG: "the provider's answer was too long",
    Because.UNUSABLE: "the calendar has entries that jit does not follow",
    Because.NOBODY: "nobody is on call there",
    Because.BOUND_TWICE: "one of those named there is bound to two people",
    Because.CUT_SHORT: "the provider gave only a part of the answer",
    Because.TOO_DEEP: "groups in groups lie deeper there than is read",
    Because.HIDDEN: "the provider hides the members of the group from this login",
    Because.OUTSIDE: "the group has members outside the base, of whom nothing is known",
}
