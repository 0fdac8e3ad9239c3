"""A bounded pool for what takes longer than a listener may. What does not fit is refused at once."""

import queue
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], None]


class Pool:
    """``threads`` work at once and ``waiting`` may wait. Work answers for its own errors."""

    def __init__(self, *, threads: int = 8, waiting: int = 64) -> None:
        self._queue: queue.Queue[Work | None] = queue.Queue(maxsize=waiting)
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"pool-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work) -> bool:
        """Take this on; False if there is no room, or the pool is closing."""
        if self._closing.is_set():
            return False
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            return False
        return True

    def close(self, timeout: float = 5.0) -> None:
        """Take nothing more, finish what was taken on, for up to ``timeout`` seconds for each thread."""
        self._closing.set()
        for _ in self._threads:
            try:
                self._queue.put(None, timeout=timeout)
            except queue.Full:
                return
        for thread in self._threads:
            thread.join(timeout)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except Exception as fault:  # noqa: BLE001  a thread of the pool outlives whatever it runs
                log.error("pool.work_failed", fault=type(fault).__name__)  # noqa: TRY400  its message may repeat free text
