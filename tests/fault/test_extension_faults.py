"""More time, while parts fall: the end on record is the one that comes, and what was begun is taken up."""

from datetime import timedelta

import pytest

from jit.facts import EndCause, Ended, Extended, ExtensionIntent, Source
from jit.requests.due import GRANT_STUCK
from jit.requests.lifecycle import Request, State
from playground.person import Shown
from playground.sample import REQUESTS
from tests.world.exhaustive import distinct, exhaustive
from tests.world.product import STATED_LAG, Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

WRITE = "orders-db/write 30m INC-42 mend a row"
WHY = "two rows left"
MORE = timedelta(minutes=30)
POINTS = ("before-lock", "before-effect", "after-effect")
FALLS = "falls of a worker at every point of an extension"


def asked(it: Product, request: Request) -> Request:
    it.stage.alice.command("/jit", f"extend {request.id} 30m {WHY}", channel=REQUESTS)
    it.until(lambda: it.now(request).extension)
    return it.now(request)


def approved(it: Product, request: Request) -> None:
    """Bob presses where it says why: until the card is drawn anew, it has the button of the request."""
    asked(it, request)
    bob = it.stage.bob

    def shown() -> Shown | None:
        seen = [each for each in bob.sees(REQUESTS) if request.id in each.text and not each.ephemeral]
        return next((each for each in seen if WHY in each.text and "Approve" in each.buttons), None)

    found = it.until(shown)
    assert isinstance(found, Shown)
    assert bob.press(found, "Approve").ok
    it.until(lambda: "extension.approved" in it.kinds(request))


def extended(it: Product, request: Request) -> Request:
    it.until(lambda: it.facts(Extended, request))
    return it.now(request)


def begun(it: Product, point: str) -> tuple[Request, int]:
    """Active, and its extension stopped at ``point`` by a worker."""
    request = it.granted(it.stage.alice, WRITE)
    it.pause(point)
    approved(it, request)
    return request, it.paused()


def goes_to_its_old_end(it: Product, request: Request) -> None:
    assert it.now(request).ends_at == request.ends_at
    it.expire(request)
    assert it.facts(Extended, request) == []


def test_it_goes_on_past_the_old_end_and_ends_at_the_later_one(it: Product):
    request = it.granted(it.stage.alice, WRITE)
    approved(it, request)
    after = extended(it, request)
    assert (request.ends_at, after.ends_at) == (after.ends_at - MORE, request.ends_at + MORE)
    it.pass_time(request.ends_at - it.clock.now() + STATED_LAG)
    it.until(it.workers_are_idle)
    assert it.gives(request)
    assert it.now(request).state is State.ACTIVE
    it.expire(request)


class TestAWorkerThatIsKilled:
    @pytest.mark.parametrize("point", distinct(POINTS, ["after-effect"], FALLS))
    def test_leaves_the_earlier_end_where_nobody_goes_on(self, it: Product, point: str):
        request, _ = begun(it, point)
        it.kill("worker-1", "worker-2")
        it.go_on(point)
        assert len(it.facts(ExtensionIntent, request)) == 1
        goes_to_its_old_end(it, request)

    @pytest.mark.parametrize("point", distinct(POINTS, ["before-effect"], FALLS))
    def test_is_followed_by_another(self, it: Product, point: str):
        request, worker = begun(it, point)
        it.kill(it.name_of(worker))
        it.go_on(point)
        it.pass_time(GRANT_STUCK)
        after = extended(it, request)
        assert after.ends_at == request.ends_at + MORE
        assert it.gives(request)
        it.expire(request)

    @exhaustive(FALLS)
    def test_before_it_begins_leaves_it_to_another(self, it: Product):
        request = it.granted(it.stage.alice, WRITE)
        it.kill("worker-1", "worker-2")
        approved(it, request)
        it.start("worker-1")
        assert extended(it, request).ends_at == request.ends_at + MORE
        it.expire(request)


class TestAnEndInBetween:
    @pytest.mark.parametrize("point", distinct(POINTS, ["before-effect"], "points at which a release comes in between"))
    def test_is_the_one_outcome(self, it: Product, point: str):
        request, _ = begun(it, point)
        alice = it.stage.alice
        alice.press(it.card(alice, request, "End access"), "End access")
        it.until(lambda: "released" in it.kinds(request))
        it.go_on(point)
        it.reaches(request, State.ENDED)
        it.until(it.workers_are_idle)
        assert not it.gives(request)
        assert it.facts(Extended, request) == []
        (ended,) = it.facts(Ended, request)
        assert ended.cause is EndCause.RELEASED

    @exhaustive("ends that come while an extension is carried out")
    def test_of_its_time_comes_though_the_worker_goes_on_after_it(self, it: Product):
        request, _ = begun(it, "before-lock")
        it.pass_time(request.ends_at - it.clock.now())
        it.reaches(request, State.ENDED)
        it.go_on("before-lock")
        it.until(it.workers_are_idle)
        assert not it.gives(request)
        assert it.facts(Extended, request) == []


class TestEitherClockAloneEndsWhatWasExtended:
    def test_the_timekeeper(self, it: Product):
        request = it.granted(it.stage.alice, WRITE)
        approved(it, request)
        after = extended(it, request)
        it.kill("worker-1", "worker-2")
        it.stage.valkey.kill()
        it.expire(after)
        (ended,) = it.facts(Ended, request)
        assert ended.source is Source.TIMEKEEPER

    def test_the_new_order(self, it: Product):
        request = it.granted(it.stage.alice, WRITE)
        approved(it, request)
        after = extended(it, request)
        it.until(it.workers_are_idle)
        it.kill("timekeeper", "bot-1")
        it.pass_time(after.ends_at - it.clock.now() + STATED_LAG)
        it.expire(after)
        (ended,) = it.facts(Ended, request)
        assert ended.source is Source.WORKER


class TestRedis:
    @exhaustive("orders of before, replayed in the place of an extension's")
    def test_that_is_given_the_old_order_again_ends_nothing_early(self, it: Product):
        request = it.granted(it.stage.alice, WRITE)
        with it.redis() as client:
            key = next(
                each for each in client.scan_iter(match="*", _type="hash") if f"end-{request.id}".encode() in each
            )
            old = client.hgetall(key)
        approved(it, request)
        extended(it, request)
        it.until(it.workers_are_idle)
        with it.redis() as client:
            client.hset(key, mapping=old)
        it.pass_time(request.ends_at - it.clock.now() + STATED_LAG)
        it.until(lambda: it.log_lines("order.superseded", request_id=request.id) or it.workers_are_idle())
        assert it.gives(request)
        it.expire(request)

    def test_that_is_down_puts_it_off_and_nothing_else(self, it: Product):
        request = it.granted(it.stage.alice, WRITE)
        it.stage.valkey.kill()
        approved(it, request)
        it.stage.valkey.start()
        assert extended(it, request).ends_at == request.ends_at + MORE
        it.expire(request)


class TestTheLedger:
    def test_that_takes_nothing_leaves_the_earlier_end(self, it: Product):
        """The target has the later one by then, and is not believed."""
        request, _ = begun(it, "after-effect")
        with it.unwritable():
            it.go_on("after-effect")
            it.pass_time(request.ends_at - it.clock.now() + STATED_LAG)
            it.until(lambda: not it.gives(request))
        it.reaches(request, State.ENDED)
        assert it.facts(Extended, request) == []
