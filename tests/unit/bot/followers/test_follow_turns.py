"""Who may follow, and how a follower goes on after trouble."""

from functools import partial

import pytest

from bot.followers.follower import LASTS, RENEW_EVERY, Backoff, Leadership, LeaseTerm, follow
from bot.followers.outbox import NotLeading, Unreached, Unsure
from jit.ledger import Leases, LedgerUnavailable
from tests.world.face import Face


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


def leadership(house, holder="one"):
    return Leadership(Leases(house.engine, house.clock, LASTS), house.clock, holder)


def test_a_term_is_lost_when_another_bot_may_have_followed_in_between(house):
    mine = leadership(house)
    term, other = LeaseTerm(mine), LeaseTerm(leadership(house, "two"))
    assert term.begin()
    assert not other.begin()
    house.clock.move(seconds=RENEW_EVERY.total_seconds() + 1)
    assert term.holds()
    house.clock.move(seconds=LASTS.total_seconds() + 1)
    assert other.begin()
    assert not term.holds()
    house.clock.move(seconds=LASTS.total_seconds() + 1)
    mine.term()
    with pytest.raises(NotLeading):
        term.require()
    assert term.begin()


class Troubled:
    """A follower whose steps end as told."""

    name = "troubled"

    def __init__(self, *ends):
        self.ends = list(ends)
        self.begun = 0

    def begin(self):
        self.begun += 1

    def step(self):
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


def test_after_trouble_a_follower_waits_and_begins_again(house):
    for wrong, pause in (
        (Unreached("busy", 7.0), 7.0),
        (Unsure("silent"), 0.25),
        (LedgerUnavailable("gone"), 0.25),
        (NotLeading(), 0.05),
        (KeyError("a fault of ours"), 0.25),
    ):
        follower, waited = Troubled(0.0, wrong, 0.5, 0.5), []
        wait = partial(noted, waited)
        follow(follower, LeaseTerm(leadership(house)), wait)
        assert waited == [0.0, 0.0, pause, 0.5, 0.5], wrong
        assert follower.begun == 2, wrong


def noted(waited, seconds):
    """Until five waits are over."""
    waited.append(seconds)
    return len(waited) > 4


def test_waits_grow_to_a_limit_and_begin_anew():
    backoff = Backoff(1.0, 5.0)
    assert [backoff.next() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    assert backoff.next(9.0) == 9.0
    backoff.over()
    assert backoff.next() == 1.0
