"""What begins later, while parts fall before its time: it begins by then and once, or lapses and nothing was given."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from jit.facts import BEGIN_WITHIN, EndCause, Ended, Granted, GrantIntent, Lapsed, RefusalReason, Source
from jit.ledger import StoredDirectory
from jit.ledger.database import writing
from jit.ledger.schema import requests
from jit.requests.due import GRANT_STUCK
from jit.requests.lifecycle import Request, State
from jit.runtime.queue import RqQueue
from playground.sample import BOB, CAROL
from tests.world.exhaustive import distinct, exhaustive
from tests.world.product import STATED_LAG, Product

pytestmark = [pytest.mark.fault, pytest.mark.real]

READ, REPORT = "orders-db/read", "orders-db/report"
ANALYSTS = "S0DBA0001"
"""The group in Slack that approves reports."""
AHEAD = timedelta(hours=6)
A_LITTLE = timedelta(seconds=20)
FALLS = "what falls before an access is to begin"


def approved(it: Product, access: str = READ, *, less: str = "") -> Request:
    """Approved now, by Bob, to begin in six hours; given ``less`` time than the half hour asked, if that is said."""
    start = (it.clock.now() + AHEAD).replace(second=0, microsecond=0)
    request = it.ask(it.stage.alice, f"{access} 30m at {start:%Y-%m-%d %H:%M} UTC INC-42 look after the backup")
    assert request.start_at == start
    if less:
        give_less(it, request, less)
    else:
        it.approve(it.stage.bob, request)
    return it.reaches(request, State.APPROVED)


def give_less(it: Product, request: Request, less: str) -> None:
    bob = it.stage.bob
    assert bob.press(it.card(bob, request, "Approve less…"), "Approve less…").ok
    assert bob.form().fill({"Duration": less}).submit().ok


def starts(request: Request) -> datetime:
    assert request.start_at is not None
    return request.start_at


def comes_near(it: Product, request: Request) -> None:
    """A little before it begins, with all that is up at its work: the bot has asked Slack since."""
    it.pass_time(starts(request) - it.clock.now() - A_LITTLE)
    known = StoredDirectory(it.stage.ledger.engine)
    it.until(
        lambda: it.groups_are_fresh() and known.heard_within([request.requester, BOB], BEGIN_WITHIN, it.clock.now())
    )
    assert nothing_given(it, request)


def begins(it: Product, request: Request) -> Request:
    """At its time, or now where that is past, once; and then it ends after as long as was given."""
    it.pass_time(max(timedelta(0), starts(request) - it.clock.now()))
    it.reaches(request, State.ACTIVE)
    (intent,) = it.facts(GrantIntent, request)
    assert intent.at >= starts(request)
    assert intent.ends_at == intent.at + request.duration
    assert it.gives(request)
    it.expire(request)
    assert len(it.facts(Granted, request)) == len(it.facts(Ended, request)) == 1
    return it.now(request)


def nothing_given(it: Product, request: Request) -> bool:
    return not it.gives(request) and not it.facts(GrantIntent, request)


def lapses(it: Product, request: Request, because: str) -> None:
    it.reaches(request, State.LAPSED)
    (lapsed,) = it.facts(Lapsed, request)
    assert lapsed.because == because
    assert nothing_given(it, request)


def all_of_it(it: Product) -> None:
    it.kill()
    it.stage.valkey.kill()


def all_and_what_redis_held(it: Product) -> None:
    with it.redis() as client:
        client.flushall()
    it.kill()


FALL = {
    "the timekeeper": lambda it: it.kill("timekeeper"),
    "every worker": lambda it: it.kill("worker-1", "worker-2"),
    "the bot": lambda it: it.kill("bot-1"),
    "all and Redis": all_of_it,
    "all and what Redis held": all_and_what_redis_held,
}


class TestKilledBeforeItBegins:
    @pytest.mark.parametrize("fall", distinct(FALL, ["all and what Redis held"], FALLS))
    def test_and_back_by_then_it_begins_on_time_and_once(self, it: Product, fall: str):
        request = approved(it)
        FALL[fall](it)
        it.pass_time(AHEAD / 2)
        it.stage.valkey.start()
        it.start()
        comes_near(it, request)
        begins(it, request)

    @pytest.mark.parametrize("fall", distinct(["the timekeeper", "every worker"], ["the timekeeper"], FALLS))
    def test_and_back_late_it_begins_then_and_has_all_of_its_time(self, it: Product, fall: str):
        request = approved(it)
        comes_near(it, request)
        FALL[fall](it)
        it.pass_time(A_LITTLE + BEGIN_WITHIN / 2)
        it.start()
        begins(it, request)

    def test_and_back_too_late_it_lapses(self, it: Product):
        request = approved(it)
        all_and_what_redis_held(it)
        it.pass_time(AHEAD + BEGIN_WITHIN)
        it.start()
        lapses(it, request, "not_begun")

    @exhaustive(FALLS)
    def test_a_worker_at_its_begin_is_followed_by_another(self, it: Product):
        request = approved(it)
        comes_near(it, request)
        it.pause("before-effect")
        it.pass_time(A_LITTLE)
        worker = it.paused()
        it.kill(it.name_of(worker))
        it.go_on("before-effect")
        it.pass_time(GRANT_STUCK)
        begins(it, request)


class TestTheBotDownSinceThePress:
    def test_keeps_what_rests_on_people_nobody_asked_about_from_beginning(self, it: Product):
        """Bob may have been deactivated meanwhile: the workers cannot know."""
        request = approved(it)
        it.kill("bot-1")
        it.pass_time(starts(request) - it.clock.now())
        because = RefusalReason.CANNOT_LOOK_UP.value
        it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, because=because))
        assert nothing_given(it, request)
        it.stage.stage.change_user(BOB, deleted=True)
        try:
            it.start("bot-1")
            lapses(it, request, "no_longer_approved")
        finally:
            it.stage.stage.change_user(BOB, deleted=False)
            known = StoredDirectory(it.stage.ledger.engine)
            it.until(lambda: not known.people([BOB])[BOB].deleted)


class TestRedis:
    def test_that_is_told_to_begin_it_early_and_again_and_again_begins_it_once(self, it: Product):
        request = approved(it)
        queue = RqQueue(it.stage.valkey.url)
        for _ in range(5):
            queue.grant(request.id)
        it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, because=RefusalReason.NOT_YET.value))
        it.until(it.workers_are_idle)
        assert it.kinds(request) == ["requested", "approval", "approved"]
        comes_near(it, request)
        it.pass_time(A_LITTLE)
        for _ in range(5):
            queue.grant(request.id)
        after = begins(it, request)
        queue.grant(request.id)
        it.until(it.workers_are_idle)
        assert it.now(request) == after

    def test_that_is_down_when_it_is_to_begin_puts_it_off(self, it: Product):
        request = approved(it)
        comes_near(it, request)
        it.stage.valkey.kill()
        it.pass_time(A_LITTLE)
        it.until(lambda: it.log_lines("queue.unavailable", request_id=request.id))
        assert nothing_given(it, request)
        it.stage.valkey.start()
        begins(it, request)


def test_a_read_model_that_says_it_is_due_begins_nothing_and_one_that_says_never_puts_nothing_off(it: Product):
    request = approved(it)
    for wakes_at in (it.clock.now(), None):
        with writing(it.stage.ledger.engine) as connection:
            theirs = update(requests).where(requests.c.id == request.id)
            connection.execute(theirs.values(wakes_at=wakes_at, asked_at=it.clock.now()))
        it.pass_time(timedelta(seconds=6))
        it.until(it.workers_are_idle)
        assert nothing_given(it, request)
    comes_near(it, request)
    begins(it, request)


class TestDecidedAgain:
    def test_an_approver_who_left_since_lets_nothing_begin(self, it: Product):
        request = approved(it, REPORT)
        it.stage.stage.set_members(ANALYSTS, [CAROL])
        try:
            it.until(lambda: BOB not in it.groups().members[ANALYSTS])
            comes_near(it, request)
            it.pass_time(A_LITTLE)
            lapses(it, request, "no_longer_approved")
        finally:
            it.stage.stage.set_members(ANALYSTS, [BOB, CAROL])
            it.until(lambda: BOB in it.groups().members[ANALYSTS])


class TestTakenBackAsItBegins:
    @pytest.mark.parametrize("point", distinct(["before-intent", "before-effect"], ["before-intent"], FALLS))
    def test_has_one_outcome(self, it: Product, point: str):
        request = approved(it)
        comes_near(it, request)
        it.pause(point)
        it.pass_time(A_LITTLE)
        it.paused()
        alice = it.stage.alice
        alice.press(it.card(alice, request, "End access"), "End access")
        taken_back = "withdrawn" if point == "before-intent" else "released"
        it.until(lambda: taken_back in it.kinds(request))
        it.go_on(point)
        it.until(it.workers_are_idle)
        it.reaches(request, State.WITHDRAWN, State.ENDED)
        assert not it.gives(request)
        assert it.facts(Granted, request) == []


class TestWhatWasNarrowed:
    """Ten minutes of the half hour that was asked are all there is, whichever clock ends it."""

    @pytest.mark.parametrize("alone", distinct(["timekeeper", "order"], ["order"], "clocks that end what was narrowed"))
    def test_ends_when_less_time_is_over(self, it: Product, alone: str):
        request = approved(it, less="10m")
        assert request.duration == timedelta(minutes=10)
        comes_near(it, request)
        it.pass_time(A_LITTLE)
        it.reaches(request, State.ACTIVE)
        it.until(it.workers_are_idle)
        if alone == "order":
            it.kill("timekeeper", "bot-1")
        else:
            it.kill("worker-1", "worker-2")
            it.stage.valkey.kill()
        it.pass_time(request.duration + STATED_LAG)
        it.reaches(request, State.ENDED)
        assert not it.gives(request)
        (ended,) = it.facts(Ended, request)
        assert ended.cause is EndCause.EXPIRED
        assert ended.source is (Source.WORKER if alone == "order" else Source.TIMEKEEPER)
