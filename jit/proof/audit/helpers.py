"""Work that is done by as many processes as there are cores, and handed over in its order.

Whoever takes it has a few results in memory, and no more. A process takes half a second to start.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import URL

from jit.runtime.settings import CannotStart

MANY = 20_000
"""Entries for which it is worth it to start processes."""
_WAITING = 3
"""Results for each process, there or on their way."""
Part = TypeVar("Part")
Result = TypeVar("Result")


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def can_be_opened_again(url: URL) -> bool:
    """A database in memory is its process's own."""
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


def in_order(
    work: Callable[[Part], Result], parts: Iterable[Part], begin: Callable[..., None], given: tuple[object, ...]
) -> Iterator[Result]:
    """What ``work`` makes of each of the parts, in a process that has begun by ``begin`` with what is ``given``.

    Raises CannotStart, and what ``work`` raises.
    """
    helpers = ProcessPoolExecutor(cores(), get_context("spawn"), _begun, (begin, given))
    waiting: deque[Future[Result]] = deque()
    try:
        for each in parts:
            waiting.append(helpers.submit(work, each))
            if len(waiting) >= _WAITING * cores():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise CannotStart("A process that helped was killed. Run the same again.") from None
    finally:
        helpers.shutdown(cancel_futures=True)


def _begun(begin: Callable[..., None], given: tuple[object, ...]) -> None:
    """Ctrl-C is for whoever started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin(*given)
