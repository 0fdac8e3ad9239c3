"""Work that processes do at once, each forked from one that has imported the product already."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier

from jit.ledger import database
from tests.world.processes import forkserver
from tests.world.waiting import HUNG

Work = Callable[[str, Barrier], None]


@contextmanager
def at_once(url: str, *works: Work) -> Iterator[list[BaseProcess]]:
    """Each work is given the ledger's ``url`` and a barrier at which all of them can meet. They end here, and well."""
    together = forkserver.Barrier(len(works), timeout=HUNG)
    begun: list[BaseProcess] = [forkserver.Process(target=_begin, args=(work, url, together)) for work in works]
    for process in begun:
        process.start()
    yield begun
    for process in begun:
        process.join(HUNG)
    assert [process.exitcode for process in begun] == [0] * len(begun)


def _begin(work: Work, url: str, together: Barrier) -> None:
    database.BUSY_SECONDS = int(HUNG)  # all want to write: a slow machine is no ledger that is away
    work(url, together)
