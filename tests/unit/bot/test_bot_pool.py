import threading

import pytest

from bot.pool import Pool
from tests.world.waiting import HUNG


@pytest.fixture
def one():
    pool = Pool(threads=1, waiting=1)
    yield pool
    pool.close()


def test_what_does_not_fit_is_refused_and_what_fits_is_done(one: Pool) -> None:
    begun, free, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        free.wait(HUNG)
        done.append("first")

    assert one.submit(work)
    assert begun.wait(HUNG)
    assert one.submit(lambda: done.append("second"))
    assert not one.submit(lambda: done.append("third"))
    free.set()
    one.close()
    assert done == ["first", "second"]


def test_thread_outlives_work_that_fails(one: Pool) -> None:
    done = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    one.submit(fail)
    while not one.submit(done.set):
        pass
    assert done.wait(HUNG)


def test_closed_pool_takes_nothing(one: Pool) -> None:
    one.close()
    assert not one.submit(lambda: None)
