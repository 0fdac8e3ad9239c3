"""Which providers are left alone for a while: because they asked for it, or do not answer."""

from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

from jit.people.answers import Because
from jit.people.providers.http import NotAnswered
from jit.people.providers.ticking import Ticking

FIRST, LONGEST = timedelta(seconds=15), timedelta(minutes=2)
"""After a failure, and after many: each pause is twice the one before."""
OF_THE_PROVIDER = frozenset({Because.BUSY, Because.NO_ANSWER, Because.UNREACHABLE, Because.UNTRUSTED})
"""What befalls all that a provider is asked about. Everything else may be about one schedule, or one incident."""


@dataclass(frozen=True, slots=True)
class _Pause:
    because: Because
    until: float
    lasted: timedelta


class Pauses:
    """One for each account with a provider. Thread-safe."""

    def __init__(self, clock: Ticking) -> None:
        self._clock = clock
        self._lock = Lock()
        self._pauses: dict[str, _Pause] = {}

    def of(self, account: str) -> Because | None:
        """Why it is not to be asked now; None if it is."""
        pause = self._pauses.get(account)
        return pause.because if pause is not None and self._clock.ticks() < pause.until else None

    def failed(self, account: str, silent: NotAnswered) -> None:
        if silent.because not in OF_THE_PROVIDER:
            return
        with self._lock:
            before = self._pauses.get(account)
            lasts = min(before.lasted * 2, LONGEST) if before else FIRST
            wait = max(lasts, silent.pause or timedelta(0))
            self._pauses[account] = _Pause(silent.because, self._clock.ticks() + wait.total_seconds(), lasts)

    def answered(self, account: str) -> None:
        with self._lock:
            self._pauses.pop(account, None)
