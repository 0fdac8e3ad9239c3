"""Access is ordered to end, and is taken away."""

from enum import StrEnum
from typing import Annotated, Literal

from jit.facts.fact import FreeText, Personal, Room, Words
from jit.facts.life import Life


class EndCause(StrEnum):
    """Why access was taken away."""

    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    RECOVERED = "recovered"
    """A grant that could not be finished was taken back."""
    LATE = "late"
    """Something was found in the target after its end."""
    DEACTIVATED = "deactivated"
    """Whoever asked for it has no account in Slack any more."""
    LEFT_RULES = "left_rules"
    """Whoever asked for it may not ask for it any more."""


class OrdersEnd(Life):
    """After it the access is to be taken away, without waiting for its time."""


class TakesAway(Life):
    """The truth about an end, which finds its place in the record in every state."""

    waits = True


class Released(OrdersEnd):
    recorded_by = (Room.BOT,)

    kind: Literal["released"] = "released"


class Revoked(OrdersEnd):
    """Somebody ordered the end."""

    recorded_by = (Room.BOT, Room.AUDITOR)

    kind: Literal["revoked"] = "revoked"
    reason: FreeText


class RequesterLeft(OrdersEnd):
    """Whoever asked may hold this no longer: nobody's order, but what Slack and the rules say."""

    recorded_by = (Room.BOT,)

    kind: Literal["requester.left"] = "requester.left"
    because: Literal["deactivated", "left_rules"]


class RevokeIntent(TakesAway):
    """About to be taken away."""

    recorded_by = (Room.HANDS,)

    kind: Literal["revoke.intent"] = "revoke.intent"
    cause: EndCause


class RevokeFailed(TakesAway):
    recorded_by = (Room.HANDS,)

    kind: Literal["revoke.failed"] = "revoke.failed"
    reason: Words
    attempts: int


class Ended(TakesAway):
    """Taken away, and read back from the target: nothing is left of the grant."""

    recorded_by = (Room.HANDS,)
    closes = True

    kind: Literal["ended"] = "ended"
    cause: EndCause
    existed: bool
    """Whether the target still held anything."""
    sessions: int
    """Live sessions that were cut."""
    left_behind: Annotated[tuple[str, ...], Personal()]
