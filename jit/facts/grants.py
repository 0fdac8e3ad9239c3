"""Access is given."""

from typing import Literal

from jit.facts.fact import Moment, Room, SignedEnd, Words
from jit.facts.life import Life


class GrantIntent(Life):
    """About to be given. Fixes the end."""

    recorded_by = (Room.HANDS,)

    kind: Literal["grant.intent"] = "grant.intent"
    ends_at: Moment
    held_before: tuple[str, ...]
    end_order: SignedEnd | None = None
    """Names this fact and its end: what stands beside it here explains no other end. None before there were such."""


class Granted(Life):
    """Given, and read back from the target."""

    recorded_by = (Room.HANDS,)

    kind: Literal["granted"] = "granted"
    ends_at: Moment
    read_back: tuple[str, ...]


class GrantFailed(Life):
    """Not given: the target said so, and reading back found nothing; or it cannot be opened, and nothing was tried."""

    recorded_by = (Room.HANDS,)
    closes = True

    kind: Literal["grant.failed"] = "grant.failed"
    reason: Words
