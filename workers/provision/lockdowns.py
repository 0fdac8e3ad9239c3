"""The lockdowns that worker and timekeeper obey: those of the ledger, and those ordered on this host's own disk."""

from dataclasses import dataclass, field
from uuid import UUID

import structlog

from jit.facts import LockdownBegun
from jit.ledger import Ledger, LedgerUnavailable, TamperedEntry
from jit.ledger.lockdown_orders import LockdownOrders
from jit.ledger.unavailable import Forbidden, NotTaken
from jit.requests.lifecycle import Request
from jit.requests.lockdown import Lockdown, begun, over

log = structlog.get_logger(__name__)


@dataclass(eq=False, repr=False)
class ObeyedLockdowns:
    """Those in force. Thread-safe."""

    ledger: Ledger
    orders: LockdownOrders
    _last: tuple[Lockdown, ...] = field(default=(), init=False)
    """As the ledger told them last."""
    _changed: int | None = field(default=None, init=False)
    """The changed entry that was told of last."""
    _refused: set[UUID] = field(default_factory=set, init=False)

    def now(self) -> tuple[Lockdown, ...]:
        """For giving. Raises LedgerUnavailable, and TamperedEntry where it is not known what one of them stops."""
        self._last = self.ledger.lockdowns()
        return self.known()

    def to_end_by(self) -> tuple[Lockdown, ...]:
        """For ending: those that can be read, so that a changed entry neither frees what others stop nor keeps what is
        due from ending. Raises LedgerUnavailable.
        """
        try:
            return self.now()
        except TamperedEntry as changed:
            if self._changed != changed.index:
                log.error("lockdown.changed", index=changed.index, because=str(changed))  # noqa: TRY400  no fault of ours
            self._changed = changed.index
            self._last = self.ledger.lockdowns(skip_changed=True)
            return self.known()

    def known(self) -> tuple[Lockdown, ...]:
        """Those that are known without asking the ledger."""
        ids = {each.id for each in self._last}
        ordered = (begun(fact) for fact in self.orders.read())
        return (*self._last, *(each for each in ordered if each.id not in ids))

    def over(self, request: Request) -> Lockdown | None:
        """The one by which this request ends. Raises LedgerUnavailable."""
        return over(request, self.now())

    def settle(self) -> None:
        """What was ordered on the disk is recorded, once, and counts from the ledger then. What the ledger does not
        take is obeyed from the disk. Raises LedgerUnavailable.
        """
        for fact in self.orders.read():
            try:
                self.ledger.append([fact.model_copy(update={"spooled": True})])
                self.orders.remove(fact)
            except OSError as wrong:
                log.error("lockdown.not_removed", lockdown=fact.lockdown_id, because=wrong.strerror)  # noqa: TRY400  not ours
            except (Forbidden, NotTaken) as refused:
                self._not_recorded(fact, str(refused))
            except LedgerUnavailable:
                raise
            except Exception as fault:  # noqa: BLE001  whatever lies there, what is due ends
                self._not_recorded(fact, type(fault).__name__)

    def _not_recorded(self, fact: LockdownBegun, because: str) -> None:
        """It is obeyed from the disk."""
        if fact.id not in self._refused:
            log.error("lockdown.not_recorded", lockdown=fact.lockdown_id, because=because)
        self._refused.add(fact.id)
