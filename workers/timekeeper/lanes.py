"""Threads that do what may take long, lane by lane, so that one silent target holds up nobody else."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

import structlog

log = structlog.get_logger(__name__)

THREADS = 4
"""Threads of one lane."""


class ThreadLanes:
    """A key is worked on once at a time in a lane: ask `busy` before submitting it again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._busy: dict[tuple[str, str], Future[None]] = {}

    @property
    def any_busy(self) -> bool:
        with self._lock:
            return bool(self._busy)

    def busy(self, lane: str, key: str) -> bool:
        with self._lock:
            return (lane, key) in self._busy

    def submit(self, lane: str, keys: Collection[str], work: Callable[[], object]) -> None:
        """Do ``work`` for these keys, none of which may be busy. What it raises is logged, never lost."""
        with self._lock:
            pool = self._lanes.get(lane)
            if pool is None:
                pool = self._lanes[lane] = ThreadPoolExecutor(THREADS, thread_name_prefix=lane)
            future = pool.submit(_guarded, lane, work)
            for key in keys:
                self._busy[lane, key] = future
        future.add_done_callback(lambda _: self._free(lane, keys))

    def _free(self, lane: str, keys: Collection[str]) -> None:
        with self._lock:
            for key in keys:
                self._busy.pop((lane, key), None)

    def wait_until_idle(self, seconds: float = 30) -> None:
        """Wait until nothing is being worked on, what is submitted meanwhile included."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with self._lock:
                busy = set(self._busy.values())
            if not busy:
                return
            wait(busy, left)

    def dismiss(self) -> None:
        """Begin nothing more, and do not wait: everything here can be done again."""
        with self._lock:
            lanes = list(self._lanes.values())
        for pool in lanes:
            pool.shutdown(wait=False, cancel_futures=True)


def _guarded(lane: str, work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        log.exception("work.failed", lane=lane)
