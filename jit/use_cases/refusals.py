"""Refusals on the record: every attempt that was not let through, holding nothing that was typed."""

from typing import Any

import structlog

from jit.facts import RefusalReason, Refused, Source
from jit.ledger import Ledger
from jit.policy import Access, PolicyFolder
from jit.ports import Clock
from jit.requests.lifecycle import Request
from jit.requests.shares import RefusalShares

log = structlog.get_logger(__name__)


class RefusalRecorder:
    """Records them, of one person no more than their share one by one. Thread-safe."""

    def __init__(self, ledger: Ledger, policies: PolicyFolder, clock: Clock) -> None:
        self._ledger = ledger
        self._policies = policies
        self._clock = clock
        self._shares = RefusalShares(clock.ticks)

    def record(
        self, person: str, source: Source, attempted: str, reason: RefusalReason, about: Request | Access | None
    ) -> None:
        """Raises LedgerUnavailable."""
        kept = self._shares.kept(person, reason)
        if kept is None:
            log.warning("refusal.not_recorded", attempted=attempted)
            return
        common = {"at": self._clock.now(), "actor": person, "source": source}
        self._ledger.append([Refused(**common, attempted=attempted, reason=kept, **_of(about), **self._rules(about))])

    def _rules(self, about: Request | Access | None) -> dict[str, Any]:
        """Strangers are told nothing, and of them nothing is said, either."""
        policy = self._policies.last_good
        return {"checked_version": policy.version} if about is not None and policy else {}


def _of(about: Request | Access | None) -> dict[str, Any]:
    if about is None:
        return {}
    if isinstance(about, Access):
        return {"access": about.name, "target": about.target, "permissions": about.grants}
    return {
        "request_id": about.id,
        "requester": about.requester,
        "access": about.access,
        "target": about.target,
        "permissions": about.permissions,
        "policy_version": about.policy_version,
    }
