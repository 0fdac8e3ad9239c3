"""A request as its facts tell it: one value, and the states that it goes through."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from jit.facts import (
    ActivitySummed,
    Approval,
    Basis,
    BreakGlassReviewed,
    Counted,
    Denial,
    EndCause,
    Escalation,
    ExtensionApproval,
    ExtensionDenial,
    Narrowed,
    Quorum,
    Requested,
)
from jit.requests.terms import Terms

REQUEST_ID = re.compile(r"R-[0-9A-Z]{4,12}")
"""The shape of a request's id, to be matched whole."""


class State(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    GRANTING = "granting"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """Asked for and neither settled nor ending: there is at most one such per person and access."""
        return self in OPEN

    @property
    def over(self) -> bool:
        """Nothing more is expected to happen."""
        return self in OVER


OPEN = frozenset({State.PENDING, State.APPROVED, State.GRANTING, State.ACTIVE})
OVER = frozenset({State.ENDED, State.DENIED, State.WITHDRAWN, State.LAPSED, State.FAILED})
LIVE = frozenset({State.GRANTING, State.ACTIVE, State.ENDING})
"""A target may hold something of it."""
ANY = frozenset(State)


class Extends(NamedTuple):
    """What an extension adds to: the fact that asked for it, when the access began, and the end in force."""

    fact: UUID
    given_at: datetime
    ends_at: datetime


class FixedEnd(NamedTuple):
    """An end as a fact fixed it: the fact's id, and the signed order that it holds, if any."""

    fact: UUID
    order: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as its facts tell it. ``version`` is the number of its steps so far."""

    id: str
    state: State
    version: int
    requester: str
    access: str
    target: str
    permissions: tuple[str, ...]
    principal: str
    why: str
    incident: str | None
    policy_version: str
    duration: timedelta
    channel: str
    risk: str
    needs: tuple[Quorum, ...]
    """Those who count now; `first_needs` are those who were asked first."""
    asked_at: datetime
    pending_until: datetime
    start_at: datetime | None = None
    """When it is to begin, at the earliest; None for at once."""
    together: tuple[str, ...] = ()
    """What its fact says it was asked together with, itself among them; `jit.requests.together` says whether it was."""
    narrowed: Narrowed | None = None
    """By whom ``duration`` and ``permissions`` became less than was asked; the last of them."""
    approved_more: tuple[str, ...] = ()
    """Who had said yes before it was narrowed: they are asked again."""
    rule: str = ""
    """What the policy calls the rule that decides."""
    different_people: bool = False
    denials_needed: int = 1
    escalation: Escalation | None = None
    escalated_at: datetime | None = None
    needs_before: tuple[Quorum, ...] = ()
    """Before it was escalated."""
    inputs: str | None = None
    """What the conditions of the rules read when it was asked (`Requested.inputs`)."""
    approvals: tuple[Approval | ExtensionApproval, ...] = ()
    """Those that were not taken back."""
    denials: tuple[Denial | ExtensionDenial, ...] = ()
    """Those that were not taken back; none where one is enough."""
    by_rule: str = ""
    """The rule that decided it without people, and what that rested on."""
    counted: tuple[Counted, ...] = ()
    approved_at: datetime | None = None
    begin_by: datetime | None = None
    intent_at: datetime | None = None
    granted_at: datetime | None = None
    how_to_connect: str | None = None
    ends_at: datetime | None = None
    fixed_ends: tuple[FixedEnd, ...] = ()
    """Every one so far, the newest last."""
    closed_by: str | None = None
    """Who denied, withdrew, released or revoked."""
    closed_because: str | None = None
    """The denier's or revoker's words, why it lapsed, or what the target said."""
    end_cause: EndCause | None = None
    ending_since: datetime | None = None
    """When its end was ordered, or begun unordered."""
    revoke_begun_at: datetime | None = None
    revoke_attempts: int = 0
    revoke_trouble: str | None = None
    over_at: datetime | None = None
    sessions: int = 0
    left_behind: tuple[str, ...] = ()
    lockdown: str | None = None
    """The lockdown by which it ended, ends or, as the timekeeper knows it, has to end."""
    used: tuple[ActivitySummed, ...] = ()
    """What was done with it, by each log that shows it."""
    basis: Basis = "rule"
    emergency: Requested | None = None
    """By which somebody broke the glass."""
    reviewed: BreakGlassReviewed | None = None
    review_escalated_at: datetime | None = None
    extension: "Request | None" = None
    """The extension of active access that is not settled: decided as a request is, ``duration`` is how much more, and
    ``version`` that of the whole request.
    """
    extensions_withdrawn: tuple[datetime, ...] = ()
    """When its holder took one back. Of an extension: none."""
    extends: Extends | None = None
    """Of an extension."""

    @property
    def terms(self) -> Terms:
        """What is to be given."""
        return Terms(self.duration, self.permissions)

    @property
    def asked(self) -> Terms:
        """An extension is asked for by itself, whatever was made less of what it extends."""
        less = self.narrowed if self.extends is None else None
        return Terms(less.asked_duration, less.asked_permissions) if less else self.terms

    @property
    def may_be_narrowed(self) -> bool:
        """A break-glass and an extension are decided as they were asked."""
        return self.emergency is None and self.extends is None

    @property
    def approvers(self) -> tuple[str, ...]:
        """Everybody who said yes, once each, in order."""
        return tuple(dict.fromkeys(approval.approver for approval in self.approvals))

    @property
    def digest(self) -> str:
        """The digest of everything an approver is shown to decide on. Not of how far the decision has come: a second
        approver's press stays good after the first one's, and after others were asked as well, as the card announced.
        """
        further: list[object] = [self.rule, self.different_people, self.denials_needed]
        if self.escalation is not None:
            further.append(self.escalation.model_dump(mode="json"))
        if self.extends is not None:
            further += self.extends
        return digest_of(
            self.id,
            self.requester,
            self.access,
            self.target,
            self.permissions,
            self.principal,
            self.duration,
            self.why,
            self.incident,
            self.risk,
            [need.model_dump(exclude_defaults=True) for need in self.first_needs],
            *([further] if further != ["", False, 1] else []),  # requests of before have none of it
            *([self.basis, self.emergency.rested_on if self.emergency else ""] if self.basis != "rule" else []),
            *(self.asked if self.narrowed else []),
            *([self.start_at] if self.start_at else []),
            *([self.together] if self.together else []),
        )

    @property
    def undecided(self) -> "Request":
        """What a press on Approve or Deny is about: the extension, where there is one."""
        return self.extension or self

    @property
    def longest_end(self) -> datetime | None:
        """The latest end that was approved, of an extension or of what was begun."""
        since = self.extends.ends_at if self.extends else self.intent_at
        return since + self.duration if since else None

    @property
    def first_needs(self) -> tuple[Quorum, ...]:
        """As the rule says, before anybody was asked because others had not decided."""
        return self.needs_before or self.needs

    @property
    def escalates_at(self) -> datetime | None:
        """When others are asked, too, if nobody decides; None if nobody is, or they were."""
        return self.asked_at + self.escalation.after if self.escalation and self.escalated_at is None else None

    @property
    def decided_by_rule(self) -> bool:
        """Whether a rule decides without people."""
        return not self.needs

    @property
    def begins_at(self) -> datetime | None:
        """When it may be begun, once it is approved."""
        if self.approved_at is None or self.start_at is None:
            return self.approved_at
        return max(self.approved_at, self.start_at)

    @property
    def given(self) -> bool:
        """Whether a worker has begun to give it."""
        return self.intent_at is not None

    @property
    def held_for(self) -> timedelta | None:
        return self.over_at - self.granted_at if self.granted_at and self.over_at else None


def digest_of(*shown: object) -> str:
    """SHA-256 over the JSON of what is shown, in hex."""
    text = json.dumps(shown, default=str, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
