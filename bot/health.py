"""How the process is: what is alive in it, and whether it can take presses."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from bot.directory import SlackDirectory
from bot.refusals import OF_THE_TOKEN
from jit.ledger import Ledger, LedgerUnavailable
from jit.ledger.undelivered import Undelivered, undelivered
from jit.policy import PolicyError, PolicyFolder
from jit.ports import Clock

log = structlog.get_logger(__name__)

HOLDS_FOR = 1.0
"""Seconds for which an answer holds: whoever can ask must not be able to keep the ledger busy."""


class Health:
    """Thread-safe. ``connected`` says whether what people press reaches the bot; each way in has its own answer."""

    def __init__(self, *, ledger: Ledger, directory: SlackDirectory, policies: PolicyFolder, clock: Clock) -> None:
        self.connected: Callable[[], bool] = lambda: False
        self._ledger = ledger
        self._directory = directory
        self._policies = policies
        self._clock = clock
        self._threads: dict[str, threading.Thread] = {}
        self._asking = threading.Lock()
        self._asked: float | None = None
        self._ready: Mapping[str, bool] = {}
        self._refused: Sequence[Undelivered] = ()

    def watch(self, thread: threading.Thread) -> None:
        """Count this thread among those that must be alive."""
        self._threads[thread.name] = thread

    def alive(self) -> dict[str, bool]:
        return {name: thread.is_alive() for name, thread in self._threads.copy().items()}

    def ready(self) -> Mapping[str, bool]:
        """Whether each part that a press needs is there, as it was within `HOLDS_FOR`. Waits for the ledger."""
        with self._asking:
            now = self._clock.ticks()
            if self._asked is None or now - self._asked >= HOLDS_FOR:
                self._refused = self._refusals()
                before, self._ready, self._asked = self._ready, self._look(), now
                if before != self._ready:
                    log.info("health.changed", **self._ready)
            return self._ready

    def shown(self) -> bool:
        """Whether Slack takes all that is to be shown. What it refuses in one channel keeps no press from another."""
        self.ready()
        return not self._refused

    def _refusals(self) -> Sequence[Undelivered]:
        try:
            return list(undelivered(self._ledger.engine))
        except LedgerUnavailable:
            return self._refused

    def _look(self) -> Mapping[str, bool]:
        return {
            "slack": self.connected() and self._token_is_good(),
            "ledger": self._ledger_is_open(),
            "groups": self._directory.groups().fresh(self._clock.now()),
            "policies": self._rules_are_in_force(),
        }

    def _token_is_good(self) -> bool:
        return not any(each.because in OF_THE_TOKEN for each in self._refused)

    def _ledger_is_open(self) -> bool:
        with suppress(LedgerUnavailable):
            self._ledger.require_writable()
            return True
        return False

    def _rules_are_in_force(self) -> bool:
        """Those of before will do: an alert tells of a mistake in the files, and no press has to wait for that."""
        with suppress(PolicyError):
            self._policies.current()
            return True
        return False
