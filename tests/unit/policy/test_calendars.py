"""Working hours and public holidays, in the time of one place."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from jit.policy.calendars import WEEKDAYS, Calendar, known_zones

BERLIN = Calendar("Europe/Berlin", country="DE", subdivision="BE")
NEW_YORK = Calendar("America/New_York", country="US")


def local(calendar, *moment):
    return datetime(*moment, tzinfo=ZoneInfo(calendar.zone)).astimezone(UTC)


def test_hours_of_work_are_those_of_the_place_on_either_side_of_daylight_saving():
    cases = [
        (datetime(2026, 3, 27, 7, 59, 59, tzinfo=UTC), False),  # CET, 8:59:59
        (datetime(2026, 3, 27, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 30, 7, 0, tzinfo=UTC), True),  # CEST, 9:00
        (datetime(2026, 3, 30, 6, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 30, 14, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 30, 15, 0, tzinfo=UTC), False),  # just before the end, never at it
        (datetime(2026, 10, 23, 7, 0, tzinfo=UTC), True),  # CEST still
        (datetime(2026, 10, 26, 7, 0, tzinfo=UTC), False),  # CET again, 8:00
        (datetime(2026, 10, 26, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 28, 10, 0, tzinfo=UTC), False),  # a Saturday
        (datetime(2026, 3, 30, 16, 0, tzinfo=ZoneInfo("Asia/Tokyo")), True),  # 9:00 in Berlin
    ]
    assert [(moment, said) for moment, said in cases if BERLIN.business_hours(moment) is not said] == []


def test_the_hour_that_comes_twice_and_the_one_that_never_comes():
    nights = Calendar("Europe/Berlin", days=WEEKDAYS, begin=time(2), end=time(3))
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert (nights.business_hours(first), nights.business_hours(second)) == (True, True)
    spring = [datetime(2026, 3, 29, 0, 0, tzinfo=UTC) + timedelta(minutes=15 * step) for step in range(16)]
    assert not any(map(nights.business_hours, spring))


def test_an_end_at_midnight_is_the_end_of_the_day():
    late = Calendar("Europe/Berlin", begin=time(22), end=time(0))
    assert late.business_hours(local(late, 2026, 11, 27, 23, 59, 59))  # Friday
    assert not late.business_hours(local(late, 2026, 11, 28, 0, 0))
    always = Calendar("Europe/Berlin", days=WEEKDAYS, begin=time(0), end=time(0))
    assert always.business_hours(local(always, 2026, 11, 29, 4, 0))


def test_a_holiday_is_of_the_day_there_and_of_its_part_of_the_country():
    cases = [
        (BERLIN, (2026, 12, 25, 0, 0), True),
        (BERLIN, (2026, 12, 24, 23, 59, 59), False),
        (BERLIN, (2026, 3, 8, 12, 0), True),  # women's day, in Berlin
        (Calendar("Europe/Berlin", country="DE", subdivision="BY"), (2026, 3, 8, 12, 0), False),
        (Calendar("Europe/Berlin", country="DE", subdivision="BY"), (2026, 1, 6, 12, 0), True),
        (BERLIN, (2026, 4, 6, 12, 0), True),  # Easter Monday moves
        (BERLIN, (2027, 3, 29, 12, 0), True),
        (NEW_YORK, (2026, 7, 3, 12, 0), True),  # the 4th is a Saturday
        (Calendar("Europe/Berlin"), (2026, 12, 25, 12, 0), False),  # no country, no holidays
    ]
    for calendar, moment, said in cases:
        assert calendar.holiday(local(calendar, *moment)) is said, (calendar, moment)


def test_a_holiday_of_the_next_year_may_be_taken_in_this_one():
    assert NEW_YORK.holiday(local(NEW_YORK, 2021, 12, 31, 12))  # New Year's Day of 2022 was a Saturday
    assert not NEW_YORK.business_hours(local(NEW_YORK, 2021, 12, 31, 12))
    assert not NEW_YORK.holiday(local(NEW_YORK, 2026, 12, 31, 12))


def test_the_year_ends_there_and_not_in_greenwich():
    moment = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert BERLIN.holiday(moment)  # half past midnight, on New Year's Day
    assert not NEW_YORK.holiday(moment)


def test_nobody_is_at_work_on_a_holiday():
    thursday = local(BERLIN, 2026, 5, 14, 11)  # Ascension Day
    assert thursday.weekday() == 3
    assert not BERLIN.business_hours(thursday)
    assert Calendar("Europe/Berlin").business_hours(thursday)


def test_a_year_of_which_no_holidays_are_known_is_not_a_year_without_any():
    with pytest.raises(LookupError, match="1950"):
        BERLIN.holiday(datetime(1950, 12, 25, 12, tzinfo=UTC))


def test_a_moment_without_a_zone_is_refused():
    for asked in (BERLIN.business_hours, BERLIN.holiday):
        with pytest.raises(ValueError, match="without a zone"):
            asked(datetime(2026, 11, 27, 12))  # noqa: DTZ001


def test_what_is_wrong_with_a_calendar_is_said_in_words():
    cases = [
        ({"zone": "Mars/Base"}, "no time zone is called Mars/Base"),
        ({"zone": "../../etc/passwd"}, "no time zone is called"),
        ({"days": ()}, "days are one or more of monday"),
        ({"days": ("Monday",)}, "days are one or more of monday"),
        ({"begin": time(17), "end": time(9)}, "work ends after it begins"),
        ({"begin": time(9), "end": time(9)}, "work ends after it begins"),
        ({"country": "XX"}, "no holidays are known of a country called XX"),
        ({"country": "DE", "subdivision": "QQ"}, "no subdivision of DE is called QQ; there are BB"),
        ({"subdivision": "BE"}, "a subdivision is part of a country"),
    ]
    for given, problem in cases:
        with pytest.raises(ValueError, match=problem):
            Calendar(**{"zone": "Europe/Berlin"} | given)


def test_threads_that_ask_of_a_new_year_all_see_its_holidays():
    days = [datetime(year, 12, 25, 12, tzinfo=UTC) for year in range(2040, 2060)] * 4
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(BERLIN.holiday, days))


def test_zones_are_known_by_their_names_alone():
    assert {"Europe/Berlin", "UTC", "America/New_York"} <= known_zones()
    assert not {"localtime", "posixrules", "europe/berlin", ""} & known_zones()
