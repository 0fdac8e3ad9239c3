"""An extension as its facts tell it, pure: a request for more time within the life of the one it extends.

asked: pending → approved → granting → extended · pending → denied or withdrawn · pending or approved → lapsed ·
approved or granting → failed. All of it while the access is active: whatever ends that closes the extension. What is
over leaves none behind, and the end in force as it is; extended alone fixes another.
"""

from collections.abc import Mapping
from dataclasses import replace

from jit.facts import (
    Extended,
    ExtensionApproval,
    ExtensionApproved,
    ExtensionAsked,
    ExtensionDenial,
    ExtensionDenied,
    ExtensionEscalated,
    ExtensionFailed,
    ExtensionIntent,
    ExtensionLapsed,
    ExtensionWithdrawn,
    OfExtension,
)
from jit.requests.escalation import can_escalate, escalated
from jit.requests.request import Extends, FixedEnd, Request, State

MAY_FOLLOW: Mapping[type[OfExtension], frozenset[State | None]] = {
    ExtensionAsked: frozenset({None}),
    ExtensionApproval: frozenset({State.PENDING}),
    ExtensionDenial: frozenset({State.PENDING}),
    ExtensionApproved: frozenset({State.PENDING}),
    ExtensionDenied: frozenset({State.PENDING}),
    ExtensionEscalated: frozenset({State.PENDING}),
    ExtensionWithdrawn: frozenset({State.PENDING}),
    ExtensionLapsed: frozenset({State.PENDING, State.APPROVED}),
    ExtensionIntent: frozenset({State.APPROVED}),
    Extended: frozenset({State.GRANTING}),
    ExtensionFailed: frozenset({State.APPROVED, State.GRANTING}),
}
"""In which state of the extension a step can follow; None is where there is no extension."""


_ENDS = ExtensionDenied | ExtensionLapsed | ExtensionFailed | ExtensionWithdrawn
"""What closes an extension, and can follow when the access is over already."""


def why_not(request: Request, fact: OfExtension) -> str:
    """Why this step cannot follow; empty if it can. ``request`` is what it extends."""
    state = request.extension.state if request.extension else None
    if request.state is not State.ACTIVE or state not in MAY_FOLLOW[type(fact)]:
        return f"{request.id} is {request.state}, its extension {state}: {fact.kind} cannot follow"
    if request.ends_at is None or request.intent_at is None:
        return f"{request.id} has no end: {fact.kind} cannot follow"
    if fact.at >= request.ends_at and not isinstance(fact, _ENDS):
        return f"{request.id} is over: {fact.kind} cannot follow"
    if isinstance(fact, ExtensionEscalated) and request.extension and not can_escalate(request.extension):
        return f"{request.id} has nobody else to be asked for its extension"
    latest = request.extension.longest_end if request.extension else None
    if latest is not None and isinstance(fact, ExtensionIntent | Extended) and fact.ends_at > latest:
        return f"{request.id} is extended until {latest} at most"
    return ""


def extended_by(request: Request, fact: OfExtension) -> Request:
    """``request`` after a step of its extension that can follow."""
    if isinstance(fact, ExtensionAsked):
        return replace(request, extension=_asked(request, fact))
    if isinstance(fact, Extended):
        fixed = (*request.fixed_ends, FixedEnd(fact.id, fact.end_order))
        return replace(request, extension=None, ends_at=fact.ends_at, fixed_ends=fixed)
    if isinstance(fact, ExtensionWithdrawn):
        return replace(request, extension=None, extensions_withdrawn=(*request.extensions_withdrawn, fact.at))
    return replace(request, extension=_step(request.extension, fact) if request.extension else None)


def _asked(request: Request, fact: ExtensionAsked) -> Request:
    if request.intent_at is None or request.ends_at is None:
        raise AssertionError("active without an end")
    return Request(
        id=request.id,
        state=State.PENDING,
        version=request.version,
        requester=request.requester,
        access=request.access,
        target=request.target,
        permissions=request.permissions,
        principal=request.principal,
        why=fact.why,
        incident=request.incident,
        policy_version=fact.policy_version,
        duration=fact.duration,
        channel=request.channel,
        risk=request.risk,
        needs=fact.needs,
        asked_at=fact.at,
        pending_until=fact.pending_until,
        rule=fact.rule,
        different_people=fact.different_people,
        denials_needed=fact.denials_needed,
        escalation=fact.escalation,
        inputs=fact.inputs,
        narrowed=request.narrowed,
        extends=Extends(fact.id, request.intent_at, request.ends_at),
    )


def _step(extension: Request, fact: OfExtension) -> Request | None:
    """The extension after this step; None where it is over."""
    match fact:
        case ExtensionApproval():
            denials = tuple(each for each in extension.denials if each.approver != fact.approver)
            return replace(extension, approvals=(*extension.approvals, fact), denials=denials)
        case ExtensionDenial():
            approvals = tuple(each for each in extension.approvals if each.approver != fact.approver)
            return replace(extension, approvals=approvals, denials=(*extension.denials, fact))
        case ExtensionEscalated():
            return escalated(extension, fact.at)
        case ExtensionApproved():
            return replace(
                extension,
                state=State.APPROVED,
                counted=fact.counted,
                by_rule=fact.by_rule,
                approved_at=fact.at,
                begin_by=fact.begin_by,
                policy_version=fact.policy_version,
            )
        case ExtensionIntent():
            return replace(extension, state=State.GRANTING, intent_at=fact.at, ends_at=fact.ends_at)
        case _:
            return None
