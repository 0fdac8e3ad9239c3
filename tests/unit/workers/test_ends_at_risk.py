"""What would keep active access from being ended is told while there is time to mend it."""

from datetime import timedelta

import pytest

from jit.facts import AlertName
from jit.ports import Finding, TargetUnreachable
from jit.requests.lifecycle import State
from jit.testing import T0
from tests.world.hands import Hands

NO_SIGNALS = Finding(
    ok=False,
    what="jit_worker may not end other people's sessions",
    remedy="GRANT pg_signal_backend TO jit_worker;",
    is_sql=True,
)


@pytest.fixture
def house(tmp_path):
    return Hands(tmp_path)


def passes(house, **time):
    """With the timekeeper at work."""
    until = house.clock.now() + timedelta(**time)
    while house.clock.now() < until:
        house.clock.move(seconds=5)
        house.timekeeper.sweep()


def told(house):
    return [alert.says for alert in house.alerts() if alert.name is AlertName.END_AT_RISK]


def test_a_right_that_is_taken_away_while_access_is_active_is_told_before_the_end_with_the_sql(house):
    house.active(minutes=30)
    house.target.in_the_way = [NO_SIGNALS]
    passes(house, minutes=1)
    (says,) = told(house)
    assert "R-TEST could not be ended as it is now" in says
    assert f"Mend it before {T0 + timedelta(minutes=30):%Y-%m-%d %H:%M} UTC." in says
    assert says.endswith("sessions. GRANT pg_signal_backend TO jit_worker;")
    assert house.request().state is State.ACTIVE


def test_it_is_told_once_again_every_hour_and_once_when_it_is_over(house):
    house.active(minutes=300)
    house.target.in_the_way = [NO_SIGNALS]
    passes(house, minutes=50)
    assert len(told(house)) == 1
    passes(house, minutes=30)
    assert len(told(house)) == 2
    house.target.in_the_way = []
    passes(house, minutes=10)
    assert told(house)[2:] == ["It is over: what is active there can be ended again."]


def test_a_target_that_starts_again_is_no_news(house):
    house.active(minutes=30)
    house.target.trouble = TargetUnreachable("orders-db: cannot be reached: connection refused")
    passes(house, seconds=15)
    house.target.trouble = None
    passes(house, minutes=1)
    assert told(house) == []


def test_a_target_that_is_down_for_long_is_told_before_the_end(house):
    house.active(minutes=30)
    house.target.trouble = TargetUnreachable("orders-db: cannot be reached: connection refused")
    passes(house, minutes=1)
    (says,) = told(house)
    assert "cannot be reached: connection refused" in says


def test_what_is_due_within_a_minute_is_told_at_once(house):
    house.active(minutes=0.9)
    house.target.in_the_way = [NO_SIGNALS]
    passes(house, seconds=5)
    assert len(told(house)) == 1


def test_a_target_where_nothing_is_active_is_not_asked(house):
    house.target.in_the_way = [NO_SIGNALS]
    passes(house, minutes=2)
    assert told(house) == []
    assert house.target.calls.count(("obstacles", "")) == 0


def test_trouble_that_was_over_with_the_access_is_told_anew_with_the_next(house):
    house.active(minutes=5)
    house.target.in_the_way = [NO_SIGNALS]
    passes(house, minutes=6)
    assert house.request().state is State.ENDED
    house.active("R-NEXT", minutes=30)
    passes(house, minutes=1)
    assert len(told(house)) == 2


def test_a_fault_of_the_target_is_told_like_what_it_finds(house):
    def fails(_):
        raise RuntimeError("xoxb-1-secret")

    house.active(minutes=30)
    house.target.obstacles = fails
    passes(house, minutes=1)
    (says,) = told(house)
    assert "a fault in the target: RuntimeError" in says
    assert "secret" not in says


def test_who_does_not_lead_tells_nothing(house):
    house.active(minutes=30)
    house.target.in_the_way = [NO_SIGNALS]
    house.timekeeper.sweep()
    house.timekeeper, first = house.make_timekeeper("two"), house.timekeeper
    for _ in range(12):
        house.clock.move(seconds=3)
        first.ask_ledger()
        house.timekeeper.sweep()
    assert told(house) == []


def test_what_should_be_gone_already_is_not_to_be_mended_before_then(house):
    """The alert *end late* says that, with the role to take away by hand."""
    house.active(minutes=0.2)
    house.target.trouble = TargetUnreachable("orders-db: cannot be reached: connection refused")
    house.clock.move(minutes=1)
    passes(house, minutes=2)
    assert told(house) == []
    assert {alert.name for alert in house.alerts()} == {AlertName.END_LATE}
