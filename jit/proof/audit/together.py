"""Lines of an export, made by as many processes as there are cores, and in the order of the record.

Each process reads some entries, and makes their lines; whoever writes them has a few blocks in memory and no more.
What is short is made without any of it: a process takes longer to start.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import URL

from jit.clock import SystemClock
from jit.ledger import Ledger, TamperedEntry, connect
from jit.proof.audit.export import LINES
from jit.proof.audit.reading import Part, read_told
from jit.runtime import logs
from jit.runtime.settings import CannotStart

BLOCK = 1000
"""Entries."""
MANY = 20_000
"""Entries for which it is worth it to start processes."""
_WAITING = 3
"""Blocks for each process, made or to be made."""


class Lines(NamedTuple):
    """``text`` of the entries up to ``upto``, a newline after each; ``broken`` is what is wrong with the others."""

    upto: int
    text: bytes
    broken: list[str]


def lines(ledger: Ledger, form: str, part: Part, *, many: int = MANY, block: int = BLOCK) -> Iterator[Lines]:
    """What `LINES` makes of the entries of a part, whose end is given, a ``block`` at a time; with help if there are
    ``many``. Raises LedgerUnavailable, CannotStart.
    """
    upto = part.upto or 0
    parts = (Part(after, min(after + block, upto)) for after in range(part.after, upto, block))
    cores = len(os.sched_getaffinity(0))
    if cores < 2 or upto - part.after < many or not _can_be_opened_again(ledger.engine.url):
        return (_lines_of(ledger, form, each) for each in parts)
    return _side_by_side(ledger.engine.url, form, parts, cores)


def _can_be_opened_again(url: URL) -> bool:
    """A database in memory is its process's own."""
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


def _side_by_side(url: URL, form: str, parts: Iterable[Part], cores: int) -> Iterator[Lines]:
    address = url.render_as_string(hide_password=False)
    helpers = ProcessPoolExecutor(cores, get_context("spawn"), _begin, (address, form))
    waiting: deque[Future[Lines]] = deque()
    try:
        for each in parts:
            waiting.append(helpers.submit(_lines_of_part, each))
            if len(waiting) >= _WAITING * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise CannotStart("A process that made lines was killed. Run the same again: it goes on.") from None
    finally:
        helpers.shutdown(cancel_futures=True)


_mine: dict[str, Callable[[Part], Lines]] = {}
"""In a process that helps, what it does."""


def _begin(address: str, form: str) -> None:
    """Ctrl-C is for whoever started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.set_up("WARNING")
    _mine["work"] = partial(_lines_of, Ledger(connect(address), SystemClock()), form)


def _lines_of_part(part: Part) -> Lines:
    return _mine["work"](part)


def _lines_of(ledger: Ledger, form: str, part: Part) -> Lines:
    text: list[bytes] = []
    broken: list[str] = []
    for each in read_told(ledger, part):
        if isinstance(each, TamperedEntry):
            broken.append(str(each))
        else:
            text.append(LINES[form](each) + b"\n")
    return Lines(part.upto or 0, b"".join(text), broken)
