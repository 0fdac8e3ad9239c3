"""When an access is to begin, as people type it: `22:00`, `tomorrow 8:00`, `2026-11-30 08:00`, by their own clock or,
with a zone behind it, by another (`22:00 UTC`).
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jit.policy.calendars import known_zones

FURTHEST = timedelta(days=7)
"""Ahead."""
WRITTEN = r"(?:(tomorrow|\d{4}-\d{2}-\d{2})(?:\s+|T))?(\d{1,2}):(\d{2})(?:\s+(UTC|[A-Z][A-Za-z_]+/[\w/+-]+))?"
_WRITTEN = re.compile(WRITTEN, re.IGNORECASE | re.ASCII)
_LIKE = "Write it like 22:00, tomorrow 8:00 or 2026-11-30 08:00."
_DAY = timedelta(days=1)


class BadStart(ValueError):
    """What was typed is no moment at which an access can begin. Says what to type instead."""


def read_start(text: str, zone: str, now: datetime) -> datetime:
    """The moment that was typed by somebody of this zone. A time alone is the next such. Raises BadStart.

    1. The words are taken apart.
    2. A time that the clocks of that day leave out is none; of one that they show twice the first that is ahead counts.
    3. It lies ahead, and not too far.
    """
    found = _WRITTEN.fullmatch(" ".join(text.split()))
    if found is None:
        raise BadStart(_LIKE)
    day, hour, minute, other = found.groups()
    there = _zone(other or zone, typed=other is not None)
    today = now.astimezone(there).date()
    try:
        at = time(int(hour), int(minute))
        on = date.fromisoformat(day) if day and day[0].isdigit() else today + (_DAY if day else timedelta(0))
        ahead = [moment for moment in _moments(on, at, there) if moment > now]
    except (ValueError, OverflowError):  # the calendar's first and last day are another in UTC
        raise BadStart(_LIKE) from None
    if not day and not ahead and _moments(on, at, there):
        ahead = _moments(on + _DAY, at, there)
        on += _DAY
    if not _moments(on, at, there):
        raise BadStart(f"There is no {at:%H:%M} on {on} in {there.key}: the clocks go forward. Write another time.")
    if not ahead:
        raise BadStart(f"{on} {at:%H:%M} ({there.key}) is past. To begin at once, leave it empty.")
    if ahead[0] - now > FURTHEST:
        raise BadStart(f"At most {FURTHEST.days} days ahead.")
    return ahead[0]


def _zone(name: str, *, typed: bool) -> ZoneInfo:
    """The zone of this name; UTC for one of somebody's that is not known."""
    zones = {each.casefold(): each for each in known_zones()} if typed else dict.fromkeys([name.casefold()], name)
    key = zones.get(name.casefold())
    if key in known_zones():
        return ZoneInfo(str(key))
    if typed:
        raise BadStart(f"No time zone is called that. {_LIKE}")
    return ZoneInfo("UTC")


def _moments(on: date, at: time, there: ZoneInfo) -> list[datetime]:
    """When clocks there show this, in order: twice where they go back, never where they leave it out."""
    both = {datetime.combine(on, at.replace(fold=fold), there).astimezone(UTC) for fold in (0, 1)}
    return sorted(
        moment for moment in both if moment.astimezone(there).replace(tzinfo=None, fold=0) == datetime.combine(on, at)
    )
