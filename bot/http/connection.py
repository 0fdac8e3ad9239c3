"""A connection: a request has to come in time, so has its answer, and only so many are open at once.

Who opens connections and sends nothing, or sends drop by drop, heads or bodies, takes none away from Slack for long.
"""

import asyncio
from math import inf
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 128
"""Open at once, far below the files that a process may have open: 1,024 as a rule, and 256 on macOS."""
HEAD_WITHIN = 5.0
"""Seconds for a request's head to come in whole, counted from the connection or from the answer before; and then for
its body.
"""
ANSWERED_WITHIN = 15.0
"""Seconds from a whole request until whoever sent it has taken the answer. Listeners need fewer."""


class Connection(H11Protocol):
    """uvicorn's own, bounded. Where there are too many, the one goes that has waited longest for a whole request:
    anybody can send a head that promises a body, and what Slack sends comes at one go.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._waits_since = 0.0

    @property
    def is_asked(self) -> bool:
        """Whether a request has come in whole and is to be answered."""
        if self.cycle is None:
            return False
        return not self.cycle.response_complete and not self.cycle.more_body

    @property
    def waits_since(self) -> float:
        """By the loop's clock; what is let go already waits for nothing."""
        return inf if self.transport.is_closing() else self._waits_since

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._wait_for_a_request()
        if len(self.connections) > MOST:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        before = self.cycle, self.is_asked
        super().data_received(data)
        if before != (self.cycle, self.is_asked):
            self._allow(ANSWERED_WITHIN if self.is_asked else HEAD_WITHIN)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.is_asked:
            self._allow(ANSWERED_WITHIN)
        else:
            self._wait_for_a_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        """At the latest this one goes."""
        waiting = [each for each in self.connections if isinstance(each, Connection) and not each.is_asked]
        min(waiting, key=lambda each: each.waits_since).transport.abort()

    def _wait_for_a_request(self) -> None:
        self._waits_since = self.loop.time()
        self._allow(HEAD_WITHIN)

    def _allow(self, seconds: float) -> None:
        self._cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
