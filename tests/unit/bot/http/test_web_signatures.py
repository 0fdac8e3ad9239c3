"""Signatures that were seen are remembered while they are good, and no longer, and never without a bound."""

import pytest

from bot.http.refusal import NotTaken, Reason
from bot.http.signatures import WINDOW, Signatures, Stamp
from jit.testing import ManualClock

SECRET = "playground-signing"


def stamp(clock: ManualClock, number: int, seconds: int = 0) -> Stamp:
    return Stamp(str(int(clock.now().timestamp()) + seconds), f"v0={number:064x}")


def remembers(signatures: Signatures, seen: Stamp) -> bool:
    """Asking makes it remember."""
    try:
        signatures.require_new(seen)
    except NotTaken as refused:
        return refused.reason is Reason.REPLAYED
    return False


def test_a_signature_is_remembered_for_as_long_as_it_is_good():
    clock = ManualClock()
    signatures = Signatures(SECRET, clock)
    seen = stamp(clock, 1)
    signatures.require_new(seen)
    clock.move(seconds=WINDOW)
    signatures.require_of_now(seen)
    assert remembers(signatures, seen)
    clock.move(seconds=1)
    with pytest.raises(NotTaken):
        signatures.require_of_now(seen)


def test_one_from_a_clock_that_is_ahead_is_remembered_longer():
    clock = ManualClock()
    signatures = Signatures(SECRET, clock)
    seen = stamp(clock, 1, seconds=WINDOW)
    signatures.require_new(seen)
    clock.move(seconds=2 * WINDOW)
    signatures.require_of_now(seen)
    assert remembers(signatures, seen)


def test_what_is_too_old_is_forgotten():
    clock = ManualClock()
    signatures = Signatures(SECRET, clock)
    old = stamp(clock, 1)
    signatures.require_new(old)
    clock.move(seconds=WINDOW + 1)
    signatures.require_new(stamp(clock, 2))
    assert not remembers(signatures, old)


def test_where_there_is_no_room_the_oldest_is_forgotten():
    clock = ManualClock()
    signatures = Signatures(SECRET, clock, most=3)
    stamps = [stamp(clock, number) for number in range(4)]
    for each in stamps:
        signatures.require_new(each)
    assert [remembers(signatures, each) for each in stamps[1:]] == [True] * 3
    assert not remembers(signatures, stamps[0])
