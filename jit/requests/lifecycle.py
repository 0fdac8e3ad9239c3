"""The life of one request, pure: facts in, state out, and what may follow what.

pending → approved → granting → active → ending → ended · pending → denied · pending or approved → withdrawn or lapsed
· approved → failed when it cannot be begun · granting → failed only when reading back showed nothing given,
otherwise → ending. A press on Revoke leads from approved, granting and active to ending; Release, that the requester
left, and that it was used for something else, lead there from granting and active. What took access away
(`revoke.intent`, `ended`) is accepted in every state: the truth of the target is never refused a place in the record.
Steps of an extension follow while it is active, and leave it so: `jit.requests.extension`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from jit.facts import (
    ActivitySummed,
    Approval,
    Approved,
    BreakGlassEscalated,
    BreakGlassReviewed,
    Denial,
    Denied,
    EndCause,
    Ended,
    Escalated,
    Exceeded,
    Granted,
    GrantFailed,
    GrantIntent,
    Lapsed,
    Life,
    Narrowed,
    OfExtension,
    Released,
    Requested,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    Withdrawn,
)
from jit.requests import extension
from jit.requests.escalation import can_escalate, escalated
from jit.requests.request import (
    ANY,
    LIVE,
    OPEN,
    OVER,
    REQUEST_ID,
    FixedEnd,
    Request,
    State,
    digest_of,
)
from jit.requests.terms import Terms

__all__ = [
    "LIVE",
    "MAY_FOLLOW",
    "OPEN",
    "OVER",
    "REQUEST_ID",
    "CannotFollow",
    "FixedEnd",
    "Request",
    "State",
    "apply",
    "digest_of",
    "may_follow",
    "replay",
]

MAY_FOLLOW: Mapping[type, frozenset[State]] = {
    Approval: frozenset({State.PENDING}),
    Denial: frozenset({State.PENDING}),
    Escalated: frozenset({State.PENDING}),
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
    Exceeded: frozenset({State.GRANTING, State.ACTIVE}),
    BreakGlassReviewed: frozenset({State.ACTIVE, State.ENDING, State.ENDED}),
    BreakGlassEscalated: frozenset({State.ACTIVE, State.ENDING, State.ENDED}),
    ActivitySummed: frozenset({State.ENDED}),
    RevokeIntent: ANY,
    RevokeFailed: ANY,
    Ended: ANY,
    **dict.fromkeys(extension.MAY_FOLLOW, frozenset({State.ACTIVE})),
}


class CannotFollow(Exception):
    """This step cannot follow in the state the request is in."""


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
    if isinstance(fact, OfExtension):
        if why_not := extension.why_not(request, fact):
            raise CannotFollow(why_not)
        return _next(extension.extended_by(request, fact))
    if not may_follow(request, type(fact)):
        raise CannotFollow(f"{request.id} is {request.state}: {fact.kind} cannot follow")
    return _next(_step(request, fact))


def _next(request: Request) -> Request:
    """With the next version, which its extension shares."""
    version = request.version + 1
    of_it = replace(request.extension, version=version) if request.extension else None
    return replace(request, version=version, extension=of_it)


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
        basis=fact.basis,
        emergency=fact if fact.basis == "emergency" else None,
        escalation=fact.escalation,
        start_at=fact.start_at,
        together=fact.together,
    )


def _step(request: Request, fact: Life) -> Request:  # noqa: C901, PLR0911, PLR0912  one case for each kind of step
    match fact:
        case Approval():
            denials = tuple(each for each in request.denials if each.approver != fact.approver)
            return replace(request, approvals=(*request.approvals, fact), denials=denials)
        case Denial():
            approvals = tuple(each for each in request.approvals if each.approver != fact.approver)
            return replace(request, approvals=approvals, denials=(*request.denials, fact))
        case Escalated():
            if not can_escalate(request):
                raise CannotFollow(f"{request.id} has nobody else to be asked")
            return escalated(request, fact.at)
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
            lapsed = _closed(request, State.LAPSED, fact.at, because=fact.because)
            return replace(lapsed, lockdown=fact.lockdown)
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
        case Exceeded():
            return _ending(request, EndCause.EXCEEDED, fact.at)
        case BreakGlassReviewed():
            return replace(request, reviewed=fact)
        case BreakGlassEscalated():
            return replace(request, review_escalated_at=fact.at)
        case ActivitySummed():
            return replace(request, used=(*(each for each in request.used if each.log != fact.log), fact))
        case RevokeIntent():
            return replace(
                request,
                state=request.state if request.state.over else State.ENDING,
                end_cause=request.end_cause or fact.cause,
                ending_since=request.ending_since or fact.at,
                revoke_begun_at=request.revoke_begun_at or fact.at,
                lockdown=request.lockdown or fact.lockdown,
                extension=None,
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
    if (
        not request.may_be_narrowed
        or asked != request.asked
        or not Terms(fact.duration, fact.permissions).is_less_than(request.terms)
    ):
        raise CannotFollow(f"{request.id} would not be narrowed")
    before = tuple(dict.fromkeys((*request.approved_more, *request.approvers)))
    less = replace(request, duration=fact.duration, permissions=fact.permissions, narrowed=fact)
    return replace(less, approvals=(), approved_more=before)


def _closed(
    request: Request, state: State, at: datetime, *, by: str | None = None, because: str | None = None
) -> Request:
    return replace(request, state=state, over_at=at, closed_by=by, closed_because=because)


def _ending(request: Request, cause: EndCause, since: datetime) -> Request:
    return replace(request, state=State.ENDING, end_cause=cause, ending_since=since, extension=None)


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
        lockdown=request.lockdown or fact.lockdown,
        revoke_trouble=None,
        extension=None,
    )
