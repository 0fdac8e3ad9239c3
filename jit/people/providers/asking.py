"""Where providers are asked: an event loop in a thread of its own, on which every question ends at its deadline."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

import structlog

from jit.people.answers import Because
from jit.people.providers.http import Http, NotAnswered

log = structlog.get_logger(__name__)

T = TypeVar("T")
_GRACE = 0.25
"""Seconds by which whoever waits is more patient than the question: the loop may be busy."""


class Asking:
    """Asks for any number of threads at once. The loop starts with the first question."""

    def __init__(self) -> None:
        self.http = Http()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, question: Callable[[], Coroutine[Any, Any, T]], within: float) -> T:
        """The answer, within so many seconds. Raises NotAnswered, and nothing else."""
        return self.wait(self.begin(lambda: bounded(question, within)), within)

    def begin(self, work: Callable[[], Coroutine[Any, Any, T]]) -> "Future[T]":
        """Have work done that bounds itself, question by question."""
        return asyncio.run_coroutine_threadsafe(work(), self._running())

    def wait(self, asked: "Future[T]", within: float) -> T:
        """Raises NotAnswered."""
        try:
            return asked.result(within + _GRACE)
        except (TimeoutError, CancelledError):
            asked.cancel()
            raise NotAnswered(Because.NO_ANSWER) from None

    def close(self) -> None:
        """What is under way is not answered."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._close(), loop)

    async def _close(self) -> None:
        await self.http.close()
        loop = asyncio.get_running_loop()
        under_way = asyncio.all_tasks(loop) - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)  # whoever waits for one hears of it
        loop.call_soon(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(self._loop,), name="providers", daemon=True).start()
            return self._loop


async def bounded(question: Callable[[], Coroutine[Any, Any, T]], within: float) -> T:
    """Raises NotAnswered, and nothing else."""
    try:
        async with asyncio.timeout(within):
            return await question()
    except NotAnswered:
        raise
    except TimeoutError:
        raise NotAnswered(Because.NO_ANSWER) from None
    except Exception as fault:  # noqa: BLE001  whatever it is, nothing is known, and its words may hold what was answered
        log.error("provider.fault", because=type(fault).__name__)  # noqa: TRY400
        raise NotAnswered(Because.UNREADABLE) from None


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
