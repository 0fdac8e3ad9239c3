"""A worker falls or stalls in the middle of a grant: the access is given once and on record, or it is not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from jit.facts import EndCause, Ended, Granted
from jit.requests.due import GRANT_GIVEN_UP, GRANT_STUCK
from jit.requests.lifecycle import Request, State
from playground.sample import REQUESTS
from tests.world.exhaustive import distinct, exhaustive
from tests.world.processes import frozen
from tests.world.product import Product
from workers.timekeeper.inspection import INSPECT_EVERY

pytestmark = [pytest.mark.fault, pytest.mark.real]

BEFORE = ("before-lock", "before-effect")
"""Between intent and effect: on the way to the target, and inside its lock."""
FALLS = "falls of a worker at every point"


@contextmanager
def stalled(it: Product, point: str, *, alone: bool = False) -> Iterator[Request]:
    """A request whose worker is frozen at ``point`` for the length of the block; then it goes on to its end.

    ``alone`` leaves no other worker.
    """
    request, worker = it.begun(point)
    with frozen(worker):
        if alone:
            it.kill(*{"worker-1", "worker-2"} - {it.name_of(worker)})
        it.go_on(point)
        yield request
    it.until(it.workers_are_idle)


class TestKilled:
    @pytest.mark.parametrize("point", distinct([*BEFORE, "after-effect"], ["before-effect", "after-effect"], FALLS))
    def test_another_worker_takes_it_up(self, it: Product, point: str):
        request, worker = it.begun(point)
        it.kill(it.name_of(worker))
        it.go_on(point)
        assert it.now(request).state is State.GRANTING
        it.until(lambda: it.gives(request) == (point == "after-effect"))

        it.pass_time(GRANT_STUCK)

        it.reaches(request, State.ACTIVE)
        assert it.holds("alice", "orders_read")
        assert len(it.facts(Granted, request)) == 1
        it.expire(request)

    def test_without_another_worker_what_was_given_is_taken_back(self, it: Product):
        request, _ = it.begun("after-effect")
        it.kill("worker-1", "worker-2")
        assert it.gives(request)

        it.pass_time(GRANT_GIVEN_UP)

        it.reaches(request, State.ENDED)
        assert not it.gives(request)
        (ended,) = it.facts(Ended, request)
        assert (ended.cause, ended.existed) == (EndCause.RECOVERED, True)

    @pytest.mark.parametrize("point", distinct(BEFORE, ["before-lock"], FALLS))
    def test_without_another_worker_what_was_not_given_has_failed(self, it: Product, point: str):
        request, _ = it.begun(point)
        it.kill("worker-1", "worker-2")

        it.pass_time(GRANT_GIVEN_UP)

        it.reaches(request, State.FAILED)
        it.stage.alice.finds("Not granted")
        it.go_on(point)
        it.start()
        it.until(it.workers_are_idle)
        assert not it.gives(request)


class TestStalled:
    @pytest.mark.parametrize("point", BEFORE)
    def test_until_security_ended_the_request(self, it: Product, point: str):
        with stalled(it, point) as request:
            it.stage.carol.command("/jit", f"revoke {request.id} not now", channel=REQUESTS)
            it.reaches(request, State.ENDED)

        assert not it.gives(request)
        assert it.facts(Granted, request) == []

    @pytest.mark.parametrize(
        ("point", "later"),
        [
            pytest.param("before-lock", GRANT_GIVEN_UP, marks=exhaustive(FALLS)),
            ("before-effect", GRANT_GIVEN_UP),
            ("before-lock", timedelta(minutes=31)),
            pytest.param("before-effect", timedelta(minutes=31), marks=exhaustive(FALLS)),
        ],
        ids=lambda value: value if isinstance(value, str) else f"{value.seconds} s",
    )
    def test_until_the_request_was_given_up(self, it: Product, point: str, later: timedelta):
        with stalled(it, point, alone=True) as request:
            it.pass_time(later)
            it.reaches(request, State.FAILED, State.ENDED)

        it.pass_time(INSPECT_EVERY)
        it.until(lambda: not it.gives(request))
        assert it.facts(Granted, request) == []

    def test_until_another_had_given_it_and_it_had_ended(self, it: Product):
        with stalled(it, "before-lock") as request:
            it.pass_time(GRANT_STUCK)
            it.reaches(request, State.ACTIVE)
            it.expire(request)

        assert not it.gives(request)
        assert len(it.facts(Granted, request)) == 1

    def test_in_the_lock_while_another_waits_for_it(self, it: Product):
        with stalled(it, "before-effect") as request:
            it.pass_time(GRANT_STUCK)
            it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, why="TargetUnreachable"))
            assert it.now(request).state is State.GRANTING
            it.pass_time(GRANT_GIVEN_UP)
            it.reaches(request, State.FAILED)

        it.pass_time(INSPECT_EVERY)
        it.until(lambda: not it.gives(request))
        assert it.facts(Granted, request) == []
