"""A connection: a request's head has to come in time, so has its answer, and only so many are open at once.

Who opens connections and sends nothing, or sends drop by drop, takes none away from Slack for long.
"""

import asyncio
from math import inf
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 128
"""Open at once, far below the files that a process may have open: 1,024 as a rule, and 256 on macOS."""
HEAD_WITHIN = 5.0
"""Seconds for a request's head to come in whole, counted from the connection or from the answer before."""
ANSWERED_WITHIN = 15.0
"""Seconds from a request's head until whoever sent it has taken the answer. Bodies and listeners need fewer."""


class Connection(H11Protocol):
    """uvicorn's own, bounded. Where there are too many, the one goes that has waited longest for a head."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    @property
    def until(self) -> float:
        """When its time is over, by the loop's clock; what is let go already has all the time."""
        return self._deadline.when() if self._deadline and not self.transport.is_closing() else inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._allow(HEAD_WITHIN)
        if len(self.connections) > MOST:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._allow(ANSWERED_WITHIN)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._allow(ANSWERED_WITHIN if self.is_asked else HEAD_WITHIN)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        """At the latest this one goes."""
        waiting = [each for each in self.connections if isinstance(each, Connection) and not each.is_asked]
        min(waiting, key=lambda each: each.until).transport.abort()

    def _allow(self, seconds: float) -> None:
        self._cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
