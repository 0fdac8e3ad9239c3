"""Approving less than was asked."""

from dataclasses import dataclass

from jit.facts import Narrowed
from jit.requests.intake import BadInput
from jit.requests.less import read_less
from jit.requests.lifecycle import Request
from jit.use_cases.actor import Actor
from jit.use_cases.approve import ApprovalResult, say_yes
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core
from jit.use_cases.deciding import to_decide


@dataclass(frozen=True, slots=True)
class LessForm:
    """The fields of the form, as typed and chosen: what is to be given. ``reason`` may be empty."""

    duration: str
    permissions: tuple[str, ...]
    reason: str = ""


def may_narrow(core: Core, *, by: Actor, request_id: str, digest: str) -> Request:
    """Whether a press on Approve less leads anywhere, before its form opens. Decides nothing. Raises as `narrow`."""
    return to_decide(Attempt(core, by, "narrow"), request_id, digest, Narrowed)[0]


def narrow(core: Core, *, by: Actor, request_id: str, digest: str, less: LessForm) -> ApprovalResult:
    """Make it less than the card with this digest showed, and say yes to that. Whoever said yes before is asked again.

    Raises Refusal, LedgerUnavailable.
    """
    attempt = Attempt(core, by, "narrow")
    return attempt.until_recorded(request_id, lambda: _narrow(attempt, request_id, digest, less))


def _narrow(attempt: Attempt, request_id: str, digest: str, less: LessForm) -> ApprovalResult:
    request, rules = to_decide(attempt, request_id, digest, Narrowed)
    try:
        terms = read_less(less.duration, less.permissions, less.reason, request.terms)
    except BadInput as bad:
        attempt.refuse(bad.reason, request, problems=bad.problems)
    narrowed = Narrowed.about(
        request,
        **attempt.signed(),
        policy_version=rules.policy.version,
        digest=digest,
        duration=terms.duration,
        permissions=terms.permissions,
        asked_duration=request.asked.duration,
        asked_permissions=request.asked.permissions,
        reason=less.reason if less.reason.strip() else None,
    )
    return say_yes(attempt, request, rules, narrowed)
