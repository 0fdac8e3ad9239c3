"""That a worker is at work, for `jit doctor`: each holds a lease of its own for as long as its loop goes round."""

from datetime import timedelta
from threading import Event, Thread

import structlog

from jit.ledger import Leases, LedgerUnavailable
from jit.ports import Clock

log = structlog.get_logger(__name__)

LEASE = "worker#"
"""How the names of these leases begin."""
LEASE_LASTS = timedelta(minutes=1)
"""Longer than it takes to find out that a target does not answer."""
RENEW_EVERY = 15.0
STUCK_AFTER = 60.0
"""Seconds."""
FORGET_AFTER = timedelta(days=1)


class Presence:
    """Said in a thread of its own: a ledger that does not answer holds up no order."""

    def __init__(self, *, leases: Leases, clock: Clock, token: str, holder: str) -> None:
        """``token`` tells this worker from all others, as in no run before."""
        self._leases = leases
        self._clock = clock
        self._name = LEASE + token
        self._holder = holder
        self._seen = clock.ticks()
        self._silent = False

    def seen(self) -> None:
        """The loop goes round."""
        self._seen = self._clock.ticks()

    def begin(self, stop: Event) -> Thread:
        thread = Thread(target=self._keep, args=(stop,), name="presence", daemon=True)
        thread.start()
        return thread

    def renew(self) -> None:
        """Unless the loop hangs. What workers left that were killed long ago is cleared away."""
        if self._clock.ticks() - self._seen > STUCK_AFTER:
            return
        try:
            self._leases.hold(self._name, self._holder)
            self._leases.forget(LEASE, self._clock.now() - FORGET_AFTER)
            self._silent = False
        except LedgerUnavailable as silent:
            if not self._silent:
                log.warning("presence.not_said", because=str(silent))
            self._silent = True

    def leave(self) -> None:
        """In good order."""
        try:
            self._leases.let_go(self._name, self._holder)
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))

    def _keep(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                self.renew()
            except Exception:
                log.exception("presence.failed")
            stop.wait(RENEW_EVERY)
        self.leave()
