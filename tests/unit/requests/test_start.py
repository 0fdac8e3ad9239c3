"""When an access is to begin, as people type it, by their own clocks, also on the days on which these change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.requests.start import FURTHEST, BadStart, read_start

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # 13:00 in Berlin


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "zone", "means"),
    [
        ("22:00", BERLIN, "2026-11-21 21:00"),
        (" 22:00 ", BERLIN, "2026-11-21 21:00"),
        ("22:00", "UTC", "2026-11-21 22:00"),
        ("22:00 UTC", BERLIN, "2026-11-21 22:00"),
        ("22:00 America/New_York", BERLIN, "2026-11-22 03:00"),
        ("22:00 america/new_york", BERLIN, "2026-11-22 03:00"),
        ("8:30", BERLIN, "2026-11-22 07:30"),
        ("13:00", BERLIN, "2026-11-22 12:00"),
        ("13:01", BERLIN, "2026-11-21 12:01"),
        ("tomorrow 8:00", BERLIN, "2026-11-22 07:00"),
        ("Tomorrow 22:00", BERLIN, "2026-11-22 21:00"),
        ("2026-11-24 08:00", BERLIN, "2026-11-24 07:00"),
        ("2026-11-24T08:00", BERLIN, "2026-11-24 07:00"),
        ("00:30", "Pacific/Kiritimati", "2026-11-22 10:30"),
        ("22:00", "Not/AZone", "2026-11-21 22:00"),
    ],
)
def test_it_is_read_by_the_clock_of_whoever_types(typed, zone, means):
    assert read_start(typed, zone, NOON) == utc(means)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("soon", "like 22:00"),
        ("22", "like 22:00"),
        ("25:00", "like 22:00"),
        ("22:60", "like 22:00"),
        ("2026-02-30 08:00", "like 22:00"),
        ("\u0662\u0662:\u0660\u0660", "like 22:00"),
        ("22:00 Europe/Nowhere", "No time zone"),
        ("2026-11-21 12:59", "is past"),
        ("2026-11-21 13:00", "is past"),
        ("2020-01-01 08:00", "is past"),
        ("2026-11-28 13:01", "At most 7 days"),
        ("9999-12-31 08:00", "At most 7 days"),
    ],
)
def test_what_is_no_such_moment_is_told_with_what_to_write(typed, says):
    with pytest.raises(BadStart, match=says):
        read_start(typed, BERLIN, NOON)


@pytest.mark.parametrize(("typed", "zone"), [("0001-01-01 00:00", "Asia/Tokyo"), ("9999-12-31 23:59", NEW_YORK)])
def test_the_calendars_first_and_last_day_which_are_none_in_utc_make_nothing_fall_over(typed, zone):
    with pytest.raises(BadStart, match="like 22:00"):
        read_start(typed, zone, NOON)


def test_seven_days_ahead_is_the_furthest():
    assert read_start("2026-11-28 13:00", BERLIN, NOON) - NOON == FURTHEST


def test_a_time_that_clocks_leave_out_is_none():
    before = utc("2026-03-28 12:00")
    with pytest.raises(BadStart, match="clocks go forward"):
        read_start("2026-03-29 02:30", BERLIN, before)
    with pytest.raises(BadStart, match="clocks go forward"):
        read_start("2:30", BERLIN, before)
    assert read_start("2026-03-29 03:00", BERLIN, before) == utc("2026-03-29 01:00")


def test_of_a_time_that_clocks_show_twice_the_first_ahead_counts():
    assert read_start("2026-10-25 02:30", BERLIN, utc("2026-10-24 12:00")) == utc("2026-10-25 00:30")
    assert read_start("2:30", BERLIN, utc("2026-10-25 00:45")) == utc("2026-10-25 01:30")
    assert read_start("2:30", BERLIN, utc("2026-10-25 01:45")) == utc("2026-10-26 01:30")


def test_a_day_on_which_clocks_change_keeps_the_time_that_was_typed():
    assert read_start("tomorrow 8:00", BERLIN, utc("2026-10-24 12:00")) == utc("2026-10-25 07:00")
    assert read_start("tomorrow 8:00", NEW_YORK, utc("2026-03-07 17:00")) == utc("2026-03-08 12:00")


@given(
    st.integers(0, 60 * 24 * 700).map(lambda minutes: utc("2026-01-01 00:00") + timedelta(minutes=minutes)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from([BERLIN, NEW_YORK, "UTC", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati"]),
)
def test_a_time_alone_is_the_next_such_on_their_clock(now, hour, minute, zone):
    try:
        moment = read_start(f"{hour}:{minute:02}", zone, now)
    except BadStart as wrong:
        assert "clocks go forward" in str(wrong)  # noqa: PT017  either of both
        return
    there = moment.astimezone(ZoneInfo(zone))
    assert (there.hour, there.minute) == (hour, minute)
    assert timedelta(0) < moment - now <= timedelta(hours=25)
