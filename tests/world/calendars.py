"""Calendars (RFC 5545) of a few lines."""


def calendar(*events: str, head: str = "") -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *head.splitlines()]
    for number, event in enumerate(events):
        uid = [] if "UID:" in event else [f"UID:{number}"]
        lines += ["BEGIN:VEVENT", *uid, "DTSTAMP:20260101T000000Z", *event.splitlines(), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def shift(*lines: str, who: str = "SUMMARY:alice") -> str:
    """From 13:00 to 15:00 UTC on the day of the tests, unless ``lines`` say when."""
    when = lines or ("DTSTART:20261121T130000Z", "DTEND:20261121T150000Z")
    return "\n".join([*when, who])
