"""Refusing what never reached another use case: no room for it, or no shape of ours."""

from typing import NoReturn

from jit.facts import RefusalReason
from jit.policy import Access
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core


def refuse(
    core: Core,
    *,
    by: Actor,
    attempted: str,
    reason: RefusalReason,
    request_id: str | None = None,
    access: Access | None = None,
) -> NoReturn:
    """Record the refusal of an attempt, and raise it. Raises Refusal, LedgerUnavailable."""
    attempt = Attempt(core, by, attempted)
    attempt.refuse(reason, attempt.find(request_id) or access)
