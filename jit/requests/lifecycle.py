"""The life of one request, pure: facts in, state out, and what may follow what.

pending → approved → granting → active → ending → ended · pending → denied · pending or approved → withdrawn or lapsed
· approved → failed when it cannot be begun · granting → failed only when reading back showed nothing given,
otherwise → ending. A press on Revoke leads from approved, granting and active to ending; Release, and that the
requester left, lead there from granting and active. What took access away (`revoke.intent`, `ended`) is accepted in
every state: the truth of the target is never refused a place in the record.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from jit.facts import (
    BEGIN_WITHIN,
    Approval,
    Approved,
    Counted,
    Denial,
    Denied,
    EndCause,
    Ended,
    Granted,
    GrantFailed,
    GrantIntent,
    Lapsed,
    Life,
    Narrowed,
    Quorum,
    Released,
    Requested,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    Withdrawn,
)
from jit.requests.terms import Terms

REQUEST_ID = re.compile(r"R-[0-9A-Z]{4,12}")
"""The shape of a request's id, to be matched whole."""
GRANT_NUDGE = timedelta(seconds=2)
"""An approval whose grant has not begun by then is announced to the workers again."""
GRANT_STUCK = timedelta(seconds=5)
"""A grant without an outcome by then is taken up by another worker."""
GRANT_GIVEN_UP = timedelta(seconds=30)
"""A grant without an outcome by then is taken back."""

LATE = timedelta(seconds=5)
"""Time within which parts that are up have gone on with what is due."""
REVOKE_STUCK = timedelta(seconds=2)
"""An end that was begun and has no outcome by then is taken up by whoever looks."""


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

MAY_FOLLOW: Mapping[type, frozenset[State]] = {
    Approval: frozenset({State.PENDING}),
    Denial: frozenset({State.PENDING}),
    Narrowed: frozenset({State.PENDING}),
    Approved: frozenset({State.PENDING}),
    Denied: frozenset({State.PENDING}),
    Withdrawn: frozenset({State.PENDING, State.APPROVED}),
    Lapsed: frozenset({State.PENDING, State.APPROVED}),
    GrantIntent: frozenset({State.APPROVED}),
    Granted: frozenset({State.GRANTING}),
    GrantFailed: frozenset({State.APPROVED, State.GRANTING}),
    Released: frozenset({State.GRANTING, State.ACTIVE}),
    Revoked: frozenset({State.APPROVED, State.GRANTING, State.ACTIVE}),
    RequesterLeft: frozenset({State.GRANTING, State.ACTIVE}),
    RevokeIntent: ANY,
    RevokeFailed: ANY,
    Ended: ANY,
}


class CannotFollow(Exception):
    """This step cannot follow in the state the request is in."""


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
    asked_at: datetime
    pending_until: datetime
    start_at: datetime | None = None
    """When it is to begin, at the earliest; None for at once."""
    narrowed: Narrowed | None = None
    """By whom ``duration`` and ``permissions`` became less than was asked; the last of them."""
    approved_more: tuple[str, ...] = ()
    """Who had said yes before it was narrowed: they are asked again."""
    rule: str = ""
    """What the policy calls the rule that decides."""
    different_people: bool = False
    denials_needed: int = 1
    inputs: str | None = None
    """What the conditions of the rules read when it was asked (`Requested.inputs`)."""
    approvals: tuple[Approval, ...] = ()
    """Those that were not taken back."""
    denials: tuple[Denial, ...] = ()
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

    @property
    def terms(self) -> Terms:
        """What is to be given."""
        return Terms(self.duration, self.permissions)

    @property
    def asked(self) -> Terms:
        less = self.narrowed
        return Terms(less.asked_duration, less.asked_permissions) if less else self.terms

    @property
    def approvers(self) -> tuple[str, ...]:
        """Everybody who said yes, once each, in order."""
        return tuple(dict.fromkeys(approval.approver for approval in self.approvals))

    @property
    def digest(self) -> str:
        """The digest of everything an approver is shown to decide on. Not of how far the decision has come: a second
        approver's press stays good after the first one's.
        """
        further: list[object] = [self.rule, self.different_people, self.denials_needed]
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
            [need.model_dump(exclude_defaults=True) for need in self.needs],
            *([further] if further != ["", False, 1] else []),  # requests of before have none of it
            *(self.asked if self.narrowed else []),
            *([self.start_at] if self.start_at else []),
        )

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
        if self.granted_at is None or self.over_at is None:
            return None
        return self.over_at - self.granted_at


def digest_of(*shown: object) -> str:
    """SHA-256 over the JSON of what is shown, in hex."""
    text = json.dumps(shown, default=str, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def begin_by(request: Request, decided: datetime) -> datetime:
    """Until when what is decided then has to be begun."""
    return max(decided, request.start_at or decided) + BEGIN_WITHIN


def may_follow(request: Request, step: type[Life]) -> bool:
    """Whether this step can follow in the state that the request is in."""
    return request.state in MAY_FOLLOW.get(step, frozenset())


def replay(facts: Iterable[Life]) -> Request | None:
    """The request that these facts tell; None if there are none. Raises CannotFollow."""
    request: Request | None = None
    for fact in facts:
        request = apply(request, fact)
    return request


def apply(request: Request | None, fact: Life) -> Request:
    """The request after one more step. Raises CannotFollow."""
    if isinstance(fact, Requested):
        if request is not None:
            raise CannotFollow(f"{fact.request_id} was asked for already")
        return _new_request(fact)
    if request is None:
        raise CannotFollow(f"{fact.request_id} was never asked for")
    if not may_follow(request, type(fact)):
        raise CannotFollow(f"{request.id} is {request.state}: {fact.kind} cannot follow")
    return replace(_step(request, fact), version=request.version + 1)


def _new_request(fact: Requested) -> Request:
    return Request(
        id=fact.request_id,
        state=State.PENDING,
        version=1,
        requester=fact.requester,
        access=fact.access,
        target=fact.target,
        permissions=fact.permissions,
        principal=fact.principal,
        why=fact.why,
        incident=fact.incident,
        policy_version=fact.policy_version,
        duration=fact.duration,
        channel=fact.channel,
        risk=fact.risk,
        needs=fact.needs,
        asked_at=fact.at,
        pending_until=fact.pending_until,
        rule=fact.rule,
        different_people=fact.different_people,
        denials_needed=fact.denials_needed,
        inputs=fact.inputs,
        start_at=fact.start_at,
    )


def _step(request: Request, fact: Life) -> Request:  # noqa: C901, PLR0911, PLR0912  one case for each kind of step
    match fact:
        case Approval():
            denials = tuple(each for each in request.denials if each.approver != fact.approver)
            return replace(request, approvals=(*request.approvals, fact), denials=denials)
        case Denial():
            approvals = tuple(each for each in request.approvals if each.approver != fact.approver)
            return replace(request, approvals=approvals, denials=(*request.denials, fact))
        case Narrowed():
            return _narrowed(request, fact)
        case Approved():
            return replace(
                request,
                state=State.APPROVED,
                counted=fact.counted,
                by_rule=fact.by_rule,
                approved_at=fact.at,
                begin_by=fact.begin_by,
                policy_version=fact.policy_version,
            )
        case Denied():
            return _closed(request, State.DENIED, fact.at, by=fact.approver, because=fact.reason)
        case Withdrawn():
            return _closed(request, State.WITHDRAWN, fact.at, by=fact.actor)
        case Lapsed():
            return _closed(request, State.LAPSED, fact.at, because=fact.because)
        case GrantIntent():
            return replace(
                request,
                state=State.GRANTING,
                intent_at=fact.at,
                ends_at=fact.ends_at,
                fixed_ends=(*request.fixed_ends, FixedEnd(fact.id, fact.end_order)),
            )
        case Granted():
            return replace(request, state=State.ACTIVE, granted_at=fact.at, how_to_connect=fact.how_to_connect)
        case GrantFailed():
            return _closed(request, State.FAILED, fact.at, because=fact.reason)
        case Released():
            return replace(_ending(request, EndCause.RELEASED, fact.at), closed_by=fact.actor)
        case Revoked():
            ending = _ending(request, EndCause.REVOKED, fact.at)
            return replace(ending, closed_by=fact.actor, closed_because=fact.reason)
        case RequesterLeft():
            return _ending(request, EndCause(fact.because), fact.at)
        case RevokeIntent():
            return replace(
                request,
                state=request.state if request.state.over else State.ENDING,
                end_cause=request.end_cause or fact.cause,
                ending_since=request.ending_since or fact.at,
                revoke_begun_at=request.revoke_begun_at or fact.at,
            )
        case RevokeFailed():
            return replace(request, revoke_attempts=fact.attempts, revoke_trouble=fact.reason)
        case Ended():
            return _ended(request, fact)
        case Requested():
            raise CannotFollow(f"{request.id} was asked for already")
        case _:
            raise AssertionError(fact.kind)


def _narrowed(request: Request, fact: Narrowed) -> Request:
    """Whoever records it: never more than there was. What people approved by then was another card."""
    asked = Terms(fact.asked_duration, fact.asked_permissions)
    if asked != request.asked or not Terms(fact.duration, fact.permissions).is_less_than(request.terms):
        raise CannotFollow(f"{request.id} would not be narrowed")
    before = tuple(dict.fromkeys((*request.approved_more, *request.approvers)))
    less = replace(request, duration=fact.duration, permissions=fact.permissions, narrowed=fact)
    return replace(less, approvals=(), approved_more=before)


def _closed(
    request: Request, state: State, at: datetime, *, by: str | None = None, because: str | None = None
) -> Request:
    return replace(request, state=state, over_at=at, closed_by=by, closed_because=because)


def _ending(request: Request, cause: EndCause, since: datetime) -> Request:
    return replace(request, state=State.ENDING, end_cause=cause, ending_since=since)


def _ended(request: Request, fact: Ended) -> Request:
    """The first end counts; a later one adds what it found."""
    first = request.state is not State.ENDED
    return replace(
        request,
        state=State.ENDED,
        end_cause=request.end_cause or fact.cause,
        over_at=fact.at if first else request.over_at,
        sessions=request.sessions + fact.sessions,
        left_behind=(*request.left_behind, *fact.left_behind),
        revoke_trouble=None,
    )


class Action(StrEnum):
    """What has to be done about a request when its time has come."""

    LAPSE = "lapse"
    GRANT = "grant"
    ROLL_BACK = "roll_back"
    END = "end"


def next_action(request: Request) -> tuple[datetime, Action] | None:
    """When this request wants attention next, if nothing else happens, and which.

    A moment in the past means now. The caller asks again after each step.
    """
    match request.state:
        case State.PENDING:
            return request.pending_until, Action.LAPSE
        case State.APPROVED:
            at = _moment(request.begins_at)
            return (at + GRANT_NUDGE if at == request.approved_at else at), Action.GRANT
        case State.GRANTING:
            return _moment(request.intent_at) + GRANT_STUCK, Action.GRANT
        case State.ACTIVE:
            return _moment(request.ends_at), Action.END
        case State.ENDING:
            return request.asked_at, Action.END
        case _:
            return None


def action_at(request: Request, now: datetime) -> Action | None:
    """What has to be done about ``request`` at ``now``; None if nothing yet."""
    if request.state is State.ENDING:
        return None if begun_until(request, now) else Action.END
    coming = next_action(request)
    if coming is None or coming[0] > now:
        return None
    if request.state is State.APPROVED and now >= _moment(request.begin_by):
        return Action.LAPSE
    if request.state is State.GRANTING and now >= _given_up_at(request):
        return Action.ROLL_BACK
    return coming[1]


def late_since(request: Request, now: datetime) -> datetime | None:
    """Since when nobody has taken up what is due, where those who do it are silent for longer than they need."""
    match request.state:
        case State.PENDING:
            due: datetime | None = request.pending_until
        case State.APPROVED:
            due = request.begins_at
        case State.GRANTING | State.ACTIVE:
            due = request.ends_at
        case State.ENDING if request.revoke_begun_at is None:
            due = request.ending_since
        case _:
            due = None
    return due if due is not None and now - due > LATE else None


def begun_until(request: Request, now: datetime) -> datetime | None:
    """The moment until which an end that was begun is left to whoever began it; None if anybody may carry it out.

    A beginning that lies ahead, by a clock set back, holds nobody up.
    """
    begun = request.revoke_begun_at
    if begun is None or not timedelta(0) <= now - begun < REVOKE_STUCK:
        return None
    return begun + REVOKE_STUCK


def _given_up_at(request: Request) -> datetime:
    return min(_moment(request.intent_at) + GRANT_GIVEN_UP, _moment(request.ends_at))


def _moment(moment: datetime | None) -> datetime:
    if moment is None:
        raise AssertionError("a state without the moment that led to it")
    return moment
