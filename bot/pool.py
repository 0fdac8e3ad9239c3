"""A bounded pool for what takes longer than a listener may. What does not fit is refused at once."""

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], None]


class Slots:
    """A limit on what one person has under way at a time. Thread-safe."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, whose: str) -> bool:
        """False if this person has all of theirs; nobody in particular has no limit."""
        with self._lock:
            if whose and self._taken[whose] >= self._each:
                return False
            self._taken[whose] += 1
            return True

    def give_back(self, whose: str) -> None:
        with self._lock:
            self._taken[whose] -= 1
            if not self._taken[whose]:
                del self._taken[whose]


class InTurn:
    """Runs the work of one person in turn: what comes while a thread runs some is left to that thread. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Work]] = {}

    def run(self, whose: str, work: Work) -> None:
        with self._lock:
            if whose in self._waiting:
                self._waiting[whose].append(work)
                return
            self._waiting[whose] = deque([work])
        while (following := self._next(whose)) is not None:
            _survive(following)

    def _next(self, whose: str) -> Work | None:
        with self._lock:
            if self._waiting[whose]:
                return self._waiting[whose].popleft()
            del self._waiting[whose]
            return None


class Pool:
    """Threads that run work: ``threads`` at once, ``waiting`` wait, and of both together ``share`` are one person's.

    What work raises is logged and told to nobody.
    """

    def __init__(self, *, threads: int = 8, waiting: int = 64, share: int = 6) -> None:
        """A ``share`` below ``threads`` leaves some for others, whatever one person does."""
        self._places = Slots(share)
        self._queue: queue.Queue[Work | None] = queue.Queue(maxsize=waiting)
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"pool-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work, whose: str = "") -> bool:
        """Take this on; False if there is no room, or the pool is closing, or this person has their share in it."""
        if self._closing.is_set() or not self._places.take(whose):
            return False

        def theirs() -> None:
            try:
                work()
            finally:
                self._places.give_back(whose)

        try:
            self._queue.put_nowait(theirs)
        except queue.Full:
            self._places.give_back(whose)
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
            _survive(work)


def _survive(work: Work) -> None:
    try:
        work()
    except Exception as fault:  # noqa: BLE001  a thread outlives whatever it runs
        log.error("pool.work_failed", fault=type(fault).__name__)  # noqa: TRY400  its message may repeat free text
