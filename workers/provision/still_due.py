"""What giving and extending have in common: the look at the ledger under the target's lock."""

from dataclasses import dataclass
from datetime import datetime

from jit.facts import RefusalReason
from jit.ledger import Ledger
from jit.ports import Clock
from jit.requests.lifecycle import Request
from workers.provision.lockdowns import ObeyedLockdowns

LAPSES = {
    RefusalReason.LAPSED: "not_begun",
    RefusalReason.RULES_CHANGED: "rules_changed",
    RefusalReason.NOT_ALLOWED_TO_ASK: "left_rules",
}
"""What is said to have been in the way; anything else took the approvals their worth."""


class NoLongerDue(Exception):
    """Looked at again under the target's lock, this may not be given any more."""


@dataclass(frozen=True, slots=True)
class StillDue:
    """What the target asks under its lock, just before the effect: whether ``request`` is as it was at the intent, and
    the end in force has not come, and no lockdown stops it. Raises NoLongerDue, LedgerUnavailable.
    """

    ledger: Ledger
    clock: Clock
    request: Request
    lockdowns: ObeyedLockdowns

    def __call__(self) -> None:
        now = self.ledger.request(self.request.id)
        if now is None or now.version != self.request.version:  # any step since the intent counts
            raise NoLongerDue("the request has changed")
        if self.clock.now() >= known(self.request.ends_at):
            raise NoLongerDue("its time is over")
        if lockdown := self.lockdowns.over(now):
            raise NoLongerDue(f"{lockdown.id} stops it")


def known(ends_at: datetime | None) -> datetime:
    if ends_at is None:
        raise AssertionError("nothing fixed an end")
    return ends_at
