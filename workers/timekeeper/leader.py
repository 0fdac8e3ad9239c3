"""The lease of the timekeeper that leads. Two that lead at a time do no harm."""

from datetime import datetime, timedelta

import structlog

from jit.ledger import Leases
from jit.ports import Clock

log = structlog.get_logger(__name__)

RENEW_EVERY = timedelta(seconds=1.2)
ASK_FOR_IT_EVERY = timedelta(seconds=0.5)
"""The lease, of whoever does not have it."""


class LeaderLease:
    """The lease ``name`` as ``holder`` has it, or has it not."""

    def __init__(self, leases: Leases, clock: Clock, *, name: str, holder: str) -> None:
        self.name = name
        self.held = False
        self._leases = leases
        self._clock = clock
        self._holder = holder
        self._asked: datetime | None = None
        self._changed = clock.ticks()

    @property
    def unchanged_for(self) -> timedelta:
        """How long it has been held, or not held, without a break."""
        return timedelta(seconds=self._clock.ticks() - self._changed)

    def hold(self) -> bool:
        """Take or renew it when it is time, and say whether it is held. Raises LedgerUnavailable."""
        now = self._clock.now()
        every = RENEW_EVERY if self.held else ASK_FOR_IT_EVERY
        if self._asked is None or not timedelta(0) <= now - self._asked < every:
            held = self._leases.hold(self.name, self._holder)
            if held != self.held:
                log.info("lease.changed", leading=held)
                self._changed = self._clock.ticks()
            self.held, self._asked = held, now
        return self.held

    def let_go(self) -> None:
        """Raises LedgerUnavailable."""
        if self.held:
            self._leases.let_go(self.name, self._holder)
