"""The lockdowns that worker and timekeeper obey: those of the ledger, and those ordered on this host's own disk."""

from dataclasses import dataclass

from jit.ledger import Ledger
from jit.requests.lifecycle import Request
from jit.requests.lockdown import Lockdown, over


@dataclass(frozen=True, slots=True)
class ObeyedLockdowns:
    """Those in force now."""

    ledger: Ledger

    def now(self) -> tuple[Lockdown, ...]:
        """Raises LedgerUnavailable, and TamperedEntry where it is not known what one of them stops."""
        return self.ledger.lockdowns()

    def over(self, request: Request) -> Lockdown | None:
        """The one by which this request ends. Raises LedgerUnavailable."""
        return over(request, self.now())
