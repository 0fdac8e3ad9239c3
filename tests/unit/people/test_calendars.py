"""Calendars as the process that reads them reads them: here in this one."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jit.people.providers.calendar_child import Unusable, shifts
from jit.people.providers.icalendar import AHEAD, BEFORE
from tests.world.calendars import calendar, shift

BERLIN = "DTSTART;TZID=Europe/Berlin:"


class Calendar:
    def __init__(self, *events: str, head: str = "", zone: str = "UTC", who: str | None = None) -> None:
        self._content = calendar(*events, head=head)
        self._zone = ZoneInfo(zone)
        self._who = who

    def people(self, at: str) -> set[str]:
        """The names of those on call at a moment in UTC like `2026-11-21 14:00`."""
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        told = shifts(self._content, moment - BEFORE, moment + AHEAD, self._zone, self._who)
        there = [each for each in told if each["start"] <= moment.isoformat() < each["end"]]
        return {name for each in there for name, _ in each["who"]}

    def emails(self, at: str) -> set[str]:
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        told = shifts(self._content, moment - BEFORE, moment + AHEAD, self._zone, self._who)
        return {email for each in told for _, email in each["who"]}


def test_every_second_week_from_monday_to_monday() -> None:
    week = [f"{BERLIN}20261102T090000", "DTEND;TZID=Europe/Berlin:20261109T090000", "RRULE:FREQ=WEEKLY;INTERVAL=2"]
    other = [line.replace("20261109", "20261116").replace("20261102", "20261109") for line in week]
    made = Calendar(shift(*week), shift(*other, who="SUMMARY:Bob Miller"))
    assert made.people("2026-11-02 07:59") == set()
    assert made.people("2026-11-02 08:00") == {"alice"}
    assert made.people("2026-11-09 07:59:59") == {"alice"}
    assert made.people("2026-11-09 08:00") == {"Bob Miller"}
    assert made.people("2026-11-16 08:00") == {"alice"}
    assert made.people("2027-06-15 12:00") == {"alice"}
    assert made.people("2027-06-22 12:00") == {"Bob Miller"}


def test_an_exception_is_nobodys_and_a_moved_instance_is_where_it_was_moved_to() -> None:
    daily = shift("UID:d", "DTSTART:20261120T090000Z", "DTEND:20261120T170000Z", "RRULE:FREQ=DAILY;COUNT=5",
                  "EXDATE:20261121T090000Z")  # fmt: skip
    moved = shift("UID:d", "RECURRENCE-ID:20261122T090000Z", "DTSTART:20261122T180000Z", "DTEND:20261122T200000Z",
                  who="SUMMARY:Bob Miller")  # fmt: skip
    made = Calendar(daily, moved)
    assert made.people("2026-11-20 10:00") == {"alice"}
    assert made.people("2026-11-21 10:00") == set()
    assert made.people("2026-11-22 10:00") == set()
    assert made.people("2026-11-22 19:00") == {"Bob Miller"}
    assert made.people("2026-11-24 10:00") == {"alice"}
    assert made.people("2026-11-25 10:00") == set()


def test_a_whole_day_is_one_where_the_policy_says() -> None:
    day = shift("DTSTART;VALUE=DATE:20261121", "DTEND;VALUE=DATE:20261122")
    assert [Calendar(day).people(f"2026-11-{at}") for at in ("20 23:59", "21 00:00", "21 23:59", "22 00:00")] == [
        set(), {"alice"}, {"alice"}, set()]  # fmt: skip
    there = Calendar(day, zone="Pacific/Auckland")  # 13 hours ahead
    assert [there.people(f"2026-11-{at}") for at in ("20 10:59", "20 11:00", "21 10:59", "21 11:00")] == [
        set(), {"alice"}, {"alice"}, set()]  # fmt: skip


def test_a_time_without_a_zone_is_meant_where_the_policy_says() -> None:
    floating = shift("DTSTART:20261121T130000", "DTEND:20261121T150000")
    assert Calendar(floating).people("2026-11-21 14:30") == {"alice"}
    assert Calendar(floating, zone="Europe/Berlin").people("2026-11-21 14:30") == set()
    assert Calendar(floating, zone="Europe/Berlin").people("2026-11-21 12:30") == {"alice"}


def test_daylight_saving_moves_a_shift_by_the_clock_on_the_wall() -> None:
    nightly = Calendar(
        shift(f"{BERLIN}20261020T220000", "DTEND;TZID=Europe/Berlin:20261021T060000", "RRULE:FREQ=DAILY")
    )
    for at, expected in {
        "2026-10-24 19:59:59": set(),  # 21:59:59 in summer
        "2026-10-24 20:00": {"alice"},
        "2026-10-25 04:59:59": {"alice"},  # 05:59:59 in winter: a night of nine hours
        "2026-10-25 05:00": set(),
        "2026-10-25 20:59:59": set(),
        "2026-10-25 21:00": {"alice"},
        "2027-03-27 21:00": {"alice"},
        "2027-03-28 03:59:59": {"alice"},  # 05:59:59 in summer: one of seven
        "2027-03-28 04:00": set(),
    }.items():
        assert nightly.people(at) == expected, at


def test_a_zone_that_the_calendar_itself_describes_and_one_of_outlooks_are_known() -> None:
    office = (
        "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\n"
        "TZOFFSETFROM:+0300\nTZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE"
    )
    times = "DTSTART;TZID=Office:20261121T160000", "DTEND;TZID=Office:20261121T180000"
    assert Calendar(shift(*times), head=office).people("2026-11-21 14:00") == {"alice"}
    outlook = [line.replace("Office", "W. Europe Standard Time") for line in times]
    assert Calendar(shift(*outlook)).people("2026-11-21 15:30") == {"alice"}


DAILY = ("DTSTART:20261121T130000Z", "DTEND:20261121T150000Z", "RRULE:FREQ=DAILY")
MARS = "TZID=Mars/Base:2026112"
REFUSED = {
    "a zone that nobody knows": [shift(f"DTSTART;{MARS}1T130000", f"DTEND;{MARS}1T150000")],
    "one in an exception": [shift(*DAILY, f"EXDATE;{MARS}2T130000")],
    "one in a further date": [shift(*DAILY, f"RDATE;{MARS}2T130000")],
    "one in a moved instance": [shift("UID:d", *DAILY), shift("UID:d", f"RECURRENCE-ID;{MARS}2T130000", *DAILY[:2])],
    "one in an event of another year": [shift(), shift("DTSTART;TZID=Mars/Base:20161121T130000", "DURATION:PT1H")],
    "by the second": [shift("DTSTART:19700101T000000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY")],
    "by the minute": [shift("DTSTART:19700101T000000Z", "DURATION:PT1S", "RRULE:FREQ=MINUTELY")],
    "by the hour": [shift("DTSTART:20261121T000000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY")],
    "by the second of a day": [shift("DTSTART:20261121T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;BYSECOND=1,2,3")],
    "by a word that is none": [shift("DTSTART:20261121T000000Z", "DURATION:PT1H", "RRULE:FREQ=OFTEN")],
    "by nothing": [shift("DTSTART:20261121T000000Z", "DURATION:PT1H", "RRULE:INTERVAL=2")],
    "no time": [shift("DTSTART:nonsense", "DURATION:PT1H")],
    "no start": [shift("DTEND:20261121T150000Z")],
    "an end before its start": [shift("DTSTART:20261121T150000Z", "DTEND:20261121T130000Z")],
    "a zone of the calendar's that nobody knows": [shift(), "X-WR"],
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_a_calendar_with_something_that_is_not_followed_is_refused_whole(what: str) -> None:
    events = [event for event in REFUSED[what] if event != "X-WR"]
    head = "X-WR-TIMEZONE:Mars/Base" if "X-WR" in REFUSED[what] else ""
    with pytest.raises(Unusable):
        Calendar(*events, head=head).people("2026-11-21 14:00")


def test_events_that_are_cancelled_tentative_or_have_no_length_count_for_nothing() -> None:
    when = ("DTSTART:20261121T130000Z", "DTEND:20261121T150000Z")
    made = Calendar(
        shift(*when, "STATUS:CANCELLED"), shift(*when, "STATUS:TENTATIVE"), shift("DTSTART:20261121T140000Z")
    )
    assert made.people("2026-11-21 14:00") == set()
    assert Calendar(shift(*when, "STATUS:CONFIRMED")).people("2026-11-21 14:00") == {"alice"}


WHEN = "DTSTART:20261121T130000Z\nDTEND:20261121T150000Z\n"
GUEST = "ATTENDEE;CN=Carol;PARTSTAT=ACCEPTED:mailto:Carol@Example.com"


def test_attendees_count_before_the_summary_and_the_organizer_only_if_named() -> None:
    event = f"{WHEN}SUMMARY:alice\nORGANIZER:mailto:bob@example.com\n{GUEST}"
    for who, expected in {None: {"Carol@Example.com"}, "attendee": {"Carol@Example.com"}, "summary": {"alice"}}.items():
        assert Calendar(event, **({"who": who} if who else {})).people("2026-11-21 14:00") == expected, who
    assert Calendar(event, who="organizer").people("2026-11-21 14:00") == {"bob@example.com"}
    alone = f"{WHEN}SUMMARY:alice\nORGANIZER:mailto:carol@example.com"
    assert Calendar(alone).people("2026-11-21 14:00") == {"alice"}
    assert Calendar(alone, who="attendee").people("2026-11-21 14:00") == set()


@pytest.mark.parametrize(
    "absent", ["PARTSTAT=DECLINED", "PARTSTAT=DELEGATED", "CUTYPE=ROOM", "CUTYPE=GROUP", "ROLE=NON-PARTICIPANT"]
)
def test_who_declined_and_what_is_no_person_is_not_on_call_and_the_summary_does_not_step_in(
    absent: str,
) -> None:
    event = f"{WHEN}SUMMARY:alice\nATTENDEE;{absent}:mailto:carol@example.com"
    assert Calendar(event).people("2026-11-21 14:00") == set()
    assert Calendar(f"{event}\nATTENDEE:mailto:carol@example.com").people("2026-11-21 14:00") == {"carol@example.com"}


def test_a_summary_may_name_several_and_a_name_is_whole() -> None:
    made = Calendar(f"{WHEN}SUMMARY:Alice\\, bob@example.com\\, ")
    assert made.people("2026-11-21 14:00") == {"Alice", "bob@example.com"}
    assert made.emails("2026-11-21 14:00") == {"", "bob@example.com"}
    assert Calendar(f"{WHEN}SUMMARY:alice on call").people("2026-11-21 14:00") == {"alice on call"}


def test_an_attendee_has_an_email_only_if_it_is_one() -> None:
    made = Calendar(f"{WHEN}ATTENDEE:MAILTO:carol@example.com\nATTENDEE:tel:+49-30-1234567")
    assert made.people("2026-11-21 14:00") == {"carol@example.com", "tel:+49-30-1234567"}
    assert made.emails("2026-11-21 14:00") == {"carol@example.com", ""}


def test_a_rule_that_never_comes_is_nobodys() -> None:
    never = shift("DTSTART:20261101T000000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    assert Calendar(never, shift()).people("2026-11-21 14:00") == {"alice"}


def test_too_many_events_in_the_window_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.people.providers.calendar_child.MOST_SHIFTS", 3)
    assert Calendar(*[shift()] * 3).people("2026-11-21 14:00") == {"alice"}
    with pytest.raises(Unusable):
        Calendar(*[shift()] * 4).people("2026-11-21 14:00")


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\xff\xfe", calendar(shift()) * 2, b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"]
)
def test_what_is_no_calendar_is_refused(content: bytes) -> None:
    at = datetime(2026, 11, 21, 14, tzinfo=UTC)
    with pytest.raises(Unusable):
        shifts(content, at, at + timedelta(hours=1), ZoneInfo("UTC"), None)
