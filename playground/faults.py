"""What may go wrong with Slack, switched on by a test: outages, lost answers, slowness, rate limits."""

import math
import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from playground.world import Clock


class Fault(StrEnum):
    """What befalls one call. The LOST ones take effect first and lose only the answer."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    DROPPED = "dropped"
    LOST_BY_RESET = "lost_by_reset"
    LOST_BY_SILENCE = "lost_by_silence"

    @property
    def after_effect(self) -> bool:
        return self in (Fault.LOST_BY_RESET, Fault.LOST_BY_SILENCE)


class Outage(StrEnum):
    """Slack as a whole: answering, refusing connections, or saying 503. Sockets close in both outages."""

    NONE = "none"
    DROPPING = "dropping"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One call's fate; ``retry_after`` in whole seconds belongs to RATE_LIMITED."""

    fault: Fault
    retry_after: int = 1


class Faults:
    """Switches. A method is named as in the Web API (`chat.postMessage`); `*` stands for any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: dict[str, deque[Trouble]] = {}
        self._delays: dict[str, float] = {}
        self.outage = Outage.NONE

    def plan(self, method: str, fault: Fault, times: int = 1, retry_after: int = 1) -> None:
        """Let the next ``times`` calls of ``method`` meet this fault."""
        with self._lock:
            troubles = self._planned.setdefault(method, deque())
            troubles.extend([Trouble(fault, retry_after)] * times)

    def slow(self, method: str, seconds: float) -> None:
        """Answer calls of ``method`` that much later from now on; 0 ends it."""
        with self._lock:
            self._delays[method] = seconds

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()
            self._delays.clear()
            self.outage = Outage.NONE

    def delay(self, method: str) -> float:
        with self._lock:
            return self._delays.get(method, self._delays.get("*", 0.0))

    def next(self, method: str) -> Trouble | None:
        with self._lock:
            for name in (method, "*"):
                if planned := self._planned.get(name):
                    return planned.popleft()
        return None


@dataclass
class _Bucket:
    tokens: float
    filled: float


class PostRate:
    """One post a second for each channel, after ``burst`` at once; ``enabled`` switches it off."""

    def __init__(self, clock: Clock, burst: int = 3) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self.burst = burst
        self.enabled = True

    def take(self, channel: str) -> int:
        """Count one post: 0 if it may pass, else the whole seconds to wait."""
        if not self.enabled:
            return 0
        now = self._clock()
        bucket = self._buckets.setdefault(channel, _Bucket(self.burst, now))
        bucket.tokens = min(self.burst, bucket.tokens + now - bucket.filled)
        bucket.filled = now
        if bucket.tokens < 1:
            return max(1, math.ceil(1 - bucket.tokens))
        bucket.tokens -= 1
        return 0
