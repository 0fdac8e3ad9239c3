"""Reviewing a break-glass: one verdict, by somebody who took no part."""

from jit.facts import BreakGlassReviewed, RefusalReason, Verdict
from jit.policy import StaleGroups
from jit.requests.lifecycle import Request
from jit.requests.reviews import review_open, reviewers, took_part
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core
from jit.use_cases.deciding import require_own_say


def may_review(core: Core, *, by: Actor, request_id: str) -> Request:
    """Whether a verdict leads anywhere, before a reason is asked for. Decides nothing. Raises as `review`."""
    return _to_review(Attempt(core, by, "review"), request_id)


def review(core: Core, *, by: Actor, request_id: str, verdict: Verdict, reason: str) -> Request:
    """Close the review of a break-glass. Raises Refusal, LedgerUnavailable."""
    attempt = Attempt(core, by, "review")

    def act() -> Request:
        request = _to_review(attempt, request_id)
        attempt.require_reason(request, reason)
        more = {"reviewer": by.id, "verdict": verdict, "reason": reason}
        return attempt.record(request, [BreakGlassReviewed.about(request, **attempt.signed(), **more)])

    return attempt.until_recorded(request_id, act)


def _to_review(attempt: Attempt, request_id: str) -> Request:
    """Raises Refusal."""
    core, person = attempt.core, attempt.by.id
    request = attempt.request(request_id)
    policy = attempt.policy(request)
    if request.emergency is None:
        attempt.refuse(RefusalReason.NOT_POSSIBLE_NOW, request)
    if person in policy.shared:
        attempt.refuse(RefusalReason.SHARED_ACCOUNT, request)
    require_own_say(attempt, request, policy, took_part(request, policy), RefusalReason.OWN_REVIEW)
    groups, now = core.directory.groups().in_emergency(), core.clock.now()
    try:
        if not policy.includes(reviewers(request, policy), person, groups, now):
            attempt.refuse(RefusalReason.NOT_ALLOWED_TO_REVIEW, request)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    if request.reviewed is not None:
        attempt.refuse(RefusalReason.ALREADY_REVIEWED, request)
    if not review_open(request):
        attempt.refuse(RefusalReason.NOT_POSSIBLE_NOW, request)
    return request
