"""The review of a break-glass, pure: whether one stands open, until when, and who may close it."""

from datetime import datetime
from typing import TYPE_CHECKING

from jit.requests.lifecycle import Request, State

if TYPE_CHECKING:  # whoever records needs no rules
    from jit.policy import Policy

_MAY_BE_REVIEWED = frozenset({State.ACTIVE, State.ENDING, State.ENDED})
_NOTHING_GIVEN = frozenset({State.PENDING, State.DENIED, State.WITHDRAWN, State.LAPSED, State.FAILED})


def unreviewed(request: Request) -> bool:
    """Whether this is a break-glass by which something was given, or is about to be, and of which nobody said yet
    whether it was justified. What was taken back half-way counts: something may have been there for a moment.
    """
    if request.emergency is None or request.reviewed is not None or request.state in _NOTHING_GIVEN:
        return False
    return request.given or request.state is State.APPROVED


def review_open(request: Request) -> bool:
    """Whether it can be reviewed now: not before something was given."""
    return unreviewed(request) and request.given and request.state in _MAY_BE_REVIEWED


def review_due(request: Request) -> datetime | None:
    """Until when it has to be reviewed; None where no review stands open."""
    since = request.granted_at or request.intent_at
    if not review_open(request) or since is None or request.emergency is None:
        return None
    within = request.emergency.review_within
    return since + within if within is not None else since


def reviewers(request: Request, policy: "Policy") -> tuple[str, ...]:
    """Who may review it, as who-expressions: by the rules in force, and where these have no break-glass there any more
    as the rules were, and security, so that nothing stays open for good.
    """
    access = policy.accesses.get(request.access)
    if access is not None and access.break_glass is not None:
        return access.break_glass.review_by
    then = request.emergency.review_by if request.emergency else ()
    return tuple(dict.fromkeys((*then, *policy.security)))


def took_part(request: Request, policy: "Policy") -> frozenset[str]:
    """Whoever broke the glass and whoever co-signed, with all who have a name of theirs: none of them reviews it."""
    people = {request.requester, *(counted.approver for counted in request.counted)}
    return frozenset(account for person in people for account in policy.namesakes_of(person))
