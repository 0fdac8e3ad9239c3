"""What one person may use up: others ask, press and are recorded whatever that one does."""

import threading
from functools import partial
from types import SimpleNamespace

import pytest

from bot.listeners.caller import Caller, Place
from bot.listeners.context import FORMS_AT_MOST, FORMS_WITHIN, ListenerContext
from bot.pool import Pool
from jit.facts import RefusalReason
from jit.requests.messages import SAYS, sentence
from jit.requests.refusal import Refusal
from jit.requests.shares import (
    ASKED_AT_MOST,
    ASKED_WITHIN,
    REFUSED_AT_MOST,
    REFUSED_WITHIN,
    WITHDRAWN_AT_MOST,
    RefusalShares,
    Share,
)
from jit.testing import ALICE, BOB, EVE, ManualClock
from tests.world.base import SAM
from tests.world.face import Face
from tests.world.office import ADMIN, ASK, READ, Office, actor
from tests.world.raised import raised
from tests.world.waiting import HUNG


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def ask_and_withdraw(office, access=READ):
    office.use_cases.withdraw(actor(ALICE), office.asked(access).id)


def refusals(office):
    return [(fact.actor, fact.reason) for fact in office.facts("refused")]


class TestAsking:
    def test_and_withdrawing_all_the_time_is_refused_and_stands_on_the_record_once(self, office):
        for _ in range(WITHDRAWN_AT_MOST):
            ask_and_withdraw(office)
        for access in (READ, ADMIN, READ):
            refusal = refused_to_ask(office, access)
            assert "Ask again in a few minutes" in sentence(refusal)
        assert refusals(office) == [(ALICE, RefusalReason.TOO_MANY)]
        assert len(office.facts("requested")) == WITHDRAWN_AT_MOST

    def test_is_possible_again_after_a_while_and_for_others_at_once(self, office):
        office.rules(("U01ALICE0: {fake: alice}", "U01ALICE0: {fake: alice}\n  U04EVE000: {fake: eve}"))
        for _ in range(WITHDRAWN_AT_MOST):
            ask_and_withdraw(office)
        assert refused_to_ask(office)
        eves = partial(office.use_cases.request, actor(EVE), ASK)
        assert eves().requester == EVE
        office.clock.move(seconds=ASKED_WITHIN.total_seconds() + 1)
        ask_and_withdraw(office)

    def test_for_very_much_is_refused_too(self, office):
        for number in range(ASKED_AT_MOST):
            office.story(f"R-{1000 + number}", access=f"orders-db/{number}").asked()
        refused_to_ask(office)
        assert refusals(office) == [(ALICE, RefusalReason.TOO_MANY)]

    def test_for_what_one_has_and_gives_back_is_not_limited(self, office):
        for _ in range(WITHDRAWN_AT_MOST + 1):
            request = office.approved()
            office.give(request)
            office.use_cases.release(actor(ALICE), request.id)
            office.story(request.id).ended()
        assert refusals(office) == []

    def test_too_often_again_is_recorded_again(self, office):
        for _ in range(2):
            for _ in range(WITHDRAWN_AT_MOST):
                ask_and_withdraw(office)
            refused_to_ask(office)
            refused_to_ask(office)
            office.clock.move(seconds=ASKED_WITHIN.total_seconds() + 1)
        assert refusals(office) == [(ALICE, RefusalReason.TOO_MANY)] * 2


def refused_to_ask(office, access=READ):
    refusal = raised(Refusal, office.asked, access)
    assert refusal
    return refusal


class TestRefusals:
    def test_of_one_person_beyond_their_share_stand_on_the_record_as_one(self, office):
        request = office.asked()
        approve = partial(office.use_cases.approve, actor(EVE), request.id, request.digest)
        told = [raised(Refusal, approve) for _ in range(REFUSED_AT_MOST + 50)]
        assert {sentence(refusal) for refusal in told} == {SAYS[RefusalReason.NOT_ALLOWED_TO_DECIDE]}
        kept = refusals(office)
        assert kept == [(EVE, RefusalReason.NOT_ALLOWED_TO_DECIDE)] * REFUSED_AT_MOST + [(EVE, RefusalReason.TOO_MANY)]

    def test_of_others_and_of_later_are_recorded(self):
        clock = ManualClock()
        shares = RefusalShares(clock.ticks)
        busy = RefusalReason.BUSY
        said = [shares.kept(EVE, busy) for _ in range(REFUSED_AT_MOST + 2)]
        assert said[-3:] == [busy, RefusalReason.TOO_MANY, None]
        assert shares.kept(BOB, busy) is busy
        clock.move(seconds=REFUSED_WITHIN.total_seconds())
        assert shares.kept(EVE, busy) is busy

    def test_a_clock_set_back_makes_nobodys_share_smaller(self):
        clock = ManualClock()
        share = Share(1, REFUSED_WITHIN, clock.ticks)
        assert share.take(EVE)
        clock.time -= ASKED_WITHIN
        assert not share.take(EVE)


def test_people_of_whom_nothing_is_left_to_know_are_forgotten():
    clock = ManualClock()
    share = Share(1, REFUSED_WITHIN, clock.ticks)
    for number in range(10_000):
        share.take(f"U{number}")
    clock.move(seconds=REFUSED_WITHIN.total_seconds())
    assert share.take("U0")
    assert share.take(EVE)
    assert not share.take(EVE)


class TestPool:
    """Of threads that everybody waits for."""

    def test_takes_from_one_person_as_much_as_leaves_room_for_others(self):
        pool, free = Pool(threads=4, waiting=8, share=3), threading.Event()
        done = threading.Event()
        try:
            taken = [pool.submit(lambda: free.wait(HUNG) and None, ALICE) for _ in range(6)]
            assert taken == [True, True, True, False, False, False]
            assert pool.submit(done.set, BOB)
            assert done.wait(HUNG)
        finally:
            free.set()
            pool.close()

    def test_gives_a_share_back_when_work_is_done_or_fails(self):
        pool = Pool(threads=1, waiting=8, share=1)
        try:
            for work in (lambda: None, lambda: 1 // 0, lambda: None):
                over = threading.Event()
                while not pool.submit(work, ALICE):
                    pass
                assert pool.submit(over.set)
                assert over.wait(HUNG)
            assert pool.submit(lambda: None, ALICE)
        finally:
            pool.close()


class TestListeners:
    """Their threads acknowledge what everybody does, and wait for Slack meanwhile."""

    def context(self, pool, tell=lambda _place, _said: None):
        core = SimpleNamespace(refusals=SimpleNamespace(record=lambda *_: None), clock=ManualClock())
        return ListenerContext(
            core=core,
            directory=None,
            opener=None,
            responder=SimpleNamespace(respond=tell),
            pool=pool,
        )

    def caller(self, person):
        return Caller(actor(person), Place(person))

    def test_open_a_few_forms_of_one_person_at_a_time(self):
        ctx, free, opened = self.context(pool=None), threading.Event(), []
        begun = threading.Semaphore(0)

        def slowly():
            begun.release()
            free.wait(HUNG)

        threads = [
            threading.Thread(target=ctx.open_here, args=(self.caller(ALICE), "request", slowly)) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
            assert begun.acquire(timeout=HUNG)
        ctx.open_here(self.caller(ALICE), "request", lambda: opened.append(ALICE))
        ctx.open_here(self.caller(BOB), "request", lambda: opened.append(BOB))
        assert opened == [BOB]
        free.set()
        for thread in threads:
            thread.join()
        ctx.open_here(self.caller(ALICE), "request", lambda: opened.append(ALICE))
        assert opened == [BOB, ALICE]

    def test_open_so_many_forms_of_one_person_within_a_minute(self):
        """Slack opens about a hundred a minute for all together."""
        told, opened = [], []
        ctx = self.context(
            SimpleNamespace(submit=lambda _work, _whose: True), lambda place, _: told.append(place.person)
        )
        for _ in range(FORMS_AT_MOST + 1):
            ctx.open_here(self.caller(ALICE), "request", lambda: opened.append(ALICE))
        ctx.open_here(self.caller(BOB), "request", lambda: opened.append(BOB))
        assert opened == [ALICE] * FORMS_AT_MOST + [BOB]
        assert told == [ALICE]
        ctx.core.clock.move(seconds=FORMS_WITHIN.total_seconds())
        ctx.open_here(self.caller(ALICE), "request", lambda: opened.append(ALICE))
        assert opened[-1] == ALICE

    def test_tell_one_person_of_no_room_one_after_the_other_and_every_time(self):
        """While Slack does not answer, they press again: no more than one of Bolt's threads is theirs."""
        told = []
        pool = SimpleNamespace(submit=lambda _work, _whose: False)

        def tell(place, _said):
            told.append(place.person)
            if len(told) == 1:
                ctx.run(self.caller(ALICE), "approve", lambda: None)
                ctx.run(self.caller(BOB), "approve", lambda: None)
                assert told == [ALICE, BOB]

        ctx = self.context(pool, tell)
        ctx.run(self.caller(ALICE), "approve", lambda: None)
        assert told == [ALICE, BOB, ALICE]


def test_whoever_asks_for_very_much_hides_nothing_of_others_from_those_who_decide(tmp_path):
    """Lists are cut, and the newest come first."""
    face = Face(tmp_path)
    face.story("R-7F3K").asked()
    for number in range(120):
        face.clock.move(seconds=1)
        face.story(f"R-{1000 + number}", access=f"orders-db/{number}", requester=EVE).asked()
    others = face.visibility().others(SAM, (), 30)
    assert (len(others.first), others.number) == (30, 121)
    waiting = face.visibility().waiting(BOB)
    assert len(waiting) == 121
    for seen in (waiting, others.first):
        assert [request.requester for request in seen[:3]] == [EVE, ALICE, EVE]
