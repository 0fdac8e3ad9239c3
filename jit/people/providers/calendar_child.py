"""Reads a calendar in a process of its own, which the poller ends when it takes too long.

`python -P -m jit.people.providers.calendar_child`: a line of JSON with the window, the zone and whose names count, then
the calendar, come in; a line of JSON goes out: the shifts in the window, or why there are none.

Who is on call by an event, unless ``who`` names one of the three:
1. its ATTENDEEs, if it has any: those who declined, and rooms, do not count;
2. otherwise its SUMMARY, whole, or the names between its commas.
The ORGANIZER is whoever wrote it down, and counts only where ``who`` says so. An event that is cancelled or tentative,
and one without an end, counts for nothing.
"""

import json
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import recurring_ical_events

MEMORY = 512 * 1024 * 1024
"""Bytes that it may use."""
MOST_SHIFTS = 5_000
"""In one window."""
_TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_DATES = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")
_RULES = ("RRULE", "EXRULE")
_ABSENT = frozenset({"DECLINED", "DELEGATED"})
_PERSONS = frozenset({"INDIVIDUAL", "UNKNOWN"})


class Unusable(Exception):
    """The calendar has something that is not followed. The message is one of a few, and holds nothing of its own."""


def shifts(content: bytes, start: datetime, end: datetime, zone: ZoneInfo, who: str | None) -> list[dict[str, Any]]:
    """Those that touch the window. ``zone`` is where floating times and whole days are meant. Raises Unusable."""
    try:
        calendars = icalendar.Calendar.from_ical(content, multiple=True)
    except (ValueError, IndexError):
        raise Unusable("no calendar") from None
    if len(calendars) != 1 or calendars[0].name != "VCALENDAR":
        raise Unusable("no calendar")
    (calendar,) = calendars
    if str(calendar.get("X-WR-TIMEZONE", "UTC")) not in available_timezones():
        raise Unusable("a time zone that nobody knows")
    for event in calendar.walk("VEVENT"):
        _require_followed(event)
    found = []
    events = recurring_ical_events.of(calendar, skip_bad_series=False, components=["VEVENT"])
    for event in events.between(start.astimezone(zone), end.astimezone(zone)):
        begins, ends = (_moment(event[key].dt, zone) for key in ("DTSTART", "DTEND"))
        if begins < ends and str(event.get("STATUS", "CONFIRMED")).upper() == "CONFIRMED":
            named = sorted(set(_named(event, who)))
            found.append({"start": begins.isoformat(), "end": ends.isoformat(), "who": named})
        if len(found) > MOST_SHIFTS:
            raise Unusable("too many events")
    return found


def _require_followed(event: Any) -> None:
    """Raises Unusable."""
    if event.errors:
        raise Unusable("an event that cannot be read")
    for rule in _all(event, _RULES):
        frequencies = {str(frequency).upper() for frequency in rule.get("FREQ", ())}
        if not frequencies or frequencies & _TOO_OFTEN or "BYSECOND" in rule or "BYMINUTE" in rule:
            raise Unusable("an event more often than daily")
    for value in _all(event, _DATES):
        moments = [each.dt for each in value.dts] if hasattr(value, "dts") else [value.dt]
        if value.params.get("TZID") and any(_zone_is_lost(moment) for moment in moments):
            raise Unusable("a time zone that nobody knows")
    start, end = event.get("DTSTART"), event.get("DTEND")
    if start is None:
        raise Unusable("an event without a start")
    if end is not None and _moment(end.dt, ZoneInfo("UTC")) < _moment(start.dt, ZoneInfo("UTC")):
        raise Unusable("an event that ends before it starts")


def _zone_is_lost(moment: object) -> bool:
    if isinstance(moment, tuple):
        return any(_zone_is_lost(each) for each in moment)
    return isinstance(moment, datetime) and moment.tzinfo is None


def _all(event: Any, names: Iterable[str]) -> Iterator[Any]:
    for name in names:
        value = event.get(name, [])
        yield from value if isinstance(value, list) else [value]


def _moment(when: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)


def _named(event: Any, who: str | None) -> Iterator[tuple[str, str]]:
    """Names and e-mails; of those without an e-mail an empty one."""
    attendees = list(_all(event, ["ATTENDEE"]))
    if who == "attendee" or (who is None and attendees):
        yield from (_addressed(each) for each in attendees if _is_there(each))
    elif who == "organizer":
        yield from (_addressed(each) for each in _all(event, ["ORGANIZER"]))
    else:
        names = (name.strip() for name in str(event.get("SUMMARY", "")).split(","))
        yield from ((name, name if _is_email(name) else "") for name in names if name)


def _is_there(attendee: Any) -> bool:
    said = attendee.params
    return (
        str(said.get("PARTSTAT", "")).upper() not in _ABSENT
        and str(said.get("CUTYPE", "INDIVIDUAL")).upper() in _PERSONS
        and str(said.get("ROLE", "")).upper() != "NON-PARTICIPANT"
    )


def _addressed(person: Any) -> tuple[str, str]:
    address = str(person)
    if address.lower().startswith("mailto:"):
        address = address[len("mailto:") :]
    return address, address if _is_email(address) else ""


def _is_email(text: str) -> bool:
    return text.count("@") == 1 and " " not in text


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.buffer.readline())
    start = datetime.fromisoformat(asked["start"])
    end = start + timedelta(seconds=asked["seconds"])
    told: dict[str, object]
    try:
        told = {"shifts": shifts(sys.stdin.buffer.read(), start, end, ZoneInfo(asked["zone"]), asked["who"])}
    except Exception as wrong:  # noqa: BLE001  the libraries raise whatever they like
        told = {"unusable": str(wrong) if isinstance(wrong, Unusable) else "an event that cannot be followed"}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
