"""Revoking somebody's access."""

from jit.facts import RefusalReason, Revoked, Source
from jit.policy import StaleGroups
from jit.requests.decision import groups_for
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core


def may_revoke(core: Core, *, by: Actor, request_id: str) -> Request:
    """Whether a press on End access leads anywhere, before a reason is asked for. Ends nothing. Raises as `revoke`."""
    return _to_revoke(Attempt(core, by, "revoke"), request_id)


def revoke(core: Core, *, by: Actor, request_id: str, reason: str) -> Request:
    """Order the end of an access: security, who could approve it, and the command line may.

    One whose entries were changed in the database ends as well. Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "revoke")

    def act() -> Request:
        request = _to_revoke(attempt, request_id)
        attempt.require_text(request, reason)
        after = attempt.record(request, [Revoked.about(request, **attempt.signed(), reason=reason)])
        attempt.announce(core.queue.revoke, request.id)
        return after

    return attempt.until_recorded(request_id, act)


def _to_revoke(attempt: Attempt, request_id: str) -> Request:
    request = attempt.request(request_id, allow_tampered=True)
    if attempt.by.source is not Source.CLI and not _may_end(attempt, request):
        attempt.refuse(RefusalReason.NOT_ALLOWED_TO_END, request)
    attempt.require_may_follow(request, Revoked)
    return request


def _may_end(attempt: Attempt, request: Request) -> bool:
    """Whether the actor may end it, by the last rules that could be read, and without waiting for rules that are being
    read: no file must keep access alive.
    """
    core, person = attempt.core, attempt.by.id
    policy = core.policies.newest() or attempt.policy(request)
    groups, now = groups_for(request, core.directory), core.clock.now()
    try:
        if policy.is_security(person, groups, now):
            return True
        skipped = request.emergency.skipped if request.emergency else ()
        who = [who for need in (*request.needs, *skipped) for who in need.who]
        return person != request.requester and policy.includes(who, person, groups, now)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
