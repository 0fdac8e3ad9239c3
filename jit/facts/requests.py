"""A request is made and decided."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from jit.facts.fact import Digest, FreeText, Moment, Room, Who
from jit.facts.life import Life

BEGIN_WITHIN = timedelta(minutes=15)
"""An approval whose grant has not begun by then lapses."""


class Need(BaseModel):
    """One quorum as it stood when asked: ``count`` people out of ``who`` (expressions of the policy)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    who: tuple[str, ...]
    count: int


class Counted(BaseModel):
    """One approval that a decision counted, and the quorum it was counted for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approval: UUID
    approver: Who
    quorum: str


class Requested(Life):
    recorded_by = (Room.BOT,)

    kind: Literal["requested"] = "requested"
    duration: timedelta
    channel: str
    risk: str
    needs: tuple[Need, ...]
    pending_until: Moment


class Approval(Life):
    """One person's yes; it decides nothing by itself."""

    recorded_by = (Room.BOT,)

    kind: Literal["approval"] = "approval"
    approver: Who
    digest: Digest
    """Of what the card showed when the button was pressed."""
    quorums: tuple[str, ...]
    """Those this person counts for."""
    groups_as_of: Moment | None
    proof: str | None = None
    """The approver's own proof, once there is a way to give one."""


class Approved(Life):
    """The decision: every quorum is met by approvals that all counted at this moment."""

    recorded_by = (Room.BOT,)

    kind: Literal["approved"] = "approved"
    digest: Digest
    counted: tuple[Counted, ...]
    begin_by: Moment


class Denied(Life):
    recorded_by = (Room.BOT,)
    closes = True

    kind: Literal["denied"] = "denied"
    approver: Who
    digest: Digest
    reason: FreeText


class Withdrawn(Life):
    recorded_by = (Room.BOT,)
    closes = True

    kind: Literal["withdrawn"] = "withdrawn"


class Lapsed(Life):
    recorded_by = (Room.BOT, Room.HANDS)
    closes = True

    kind: Literal["lapsed"] = "lapsed"
    because: Literal["unanswered", "not_begun", "no_longer_approved", "rules_changed", "left_rules", "deactivated"]
