"""Others are asked as well, because nobody decided in time: of a request, and of an extension."""

from dataclasses import replace
from datetime import datetime

from jit.requests.request import Request


def can_escalate(request: Request) -> bool:
    """Whether the rules name others to be asked, and they were not."""
    return request.escalation is not None and request.escalated_at is None


def escalated(request: Request, at: datetime) -> Request:
    """What the request itself says about it counts, and nothing that a fact may say beside. Approvals of before count
    for the same quorums.
    """
    if request.escalation is None:
        raise AssertionError("nobody else is named to be asked")
    to = request.escalation.to
    needs = tuple(need.or_of(to) for need in request.needs)
    labels = {before.label: after.label for before, after in zip(request.needs, needs, strict=True)}
    approvals = tuple(
        each.model_copy(update={"quorums": tuple(labels.get(label, label) for label in each.quorums)})
        for each in request.approvals
    )
    return replace(request, escalated_at=at, needs_before=request.needs, needs=needs, approvals=approvals)
