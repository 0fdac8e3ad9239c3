"""Durations as people write them (`90m`, `2h`, `1h30m`, `1d`) and as the product says them."""

import re
from datetime import timedelta

LONGEST = timedelta(days=365)
"""Nothing here lasts longer; more is a slip of the finger."""

_WRITTEN = re.compile(r"(?:([0-9]{1,8})d)?(?:([0-9]{1,8})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,8})s)?")
_LONGEST_TEXT = 40


class BadDuration(ValueError):
    """Write a duration like 30m, 2h or 1h30m."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


def parse_duration(text: str) -> timedelta:
    """Days, hours, minutes and seconds, in this order, each once, as whole numbers in ASCII digits.

    Upper case and surrounding whitespace are forgiven.

    Raises:
        BadDuration: no duration, zero, or more than `LONGEST`; the message says what to type.
    """
    written = _WRITTEN.fullmatch(text.strip().lower()) if len(text) <= _LONGEST_TEXT else None
    if written is None:
        raise BadDuration
    days, hours, minutes, seconds = (int(number or 0) for number in written.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not length:
        raise BadDuration
    if length > LONGEST:
        raise BadDuration(f"That is too long: write {compact(LONGEST)} or less, like 30m, 2h or 1h30m.")
    return length


def say_duration(length: timedelta) -> str:
    """For people: `30 min`, `1 h 30 min`, `19 min`, `45 s`. Parts of a second are dropped."""
    units = (("d", "d"), ("h", "h"), ("m", "min"), ("s", "s"))
    parts = _parts(length)
    return " ".join(f"{parts[unit]} {word}" for unit, word in units if parts[unit]) or "0 s"


def compact(length: timedelta) -> str:
    """As a person would type it: `1h30m`. Parts of a second are dropped."""
    return "".join(f"{number}{unit}" for unit, number in _parts(length).items() if number) or "0s"


def _parts(length: timedelta) -> dict[str, int]:
    minutes, seconds = divmod(max(0, int(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return {"d": days, "h": hours, "m": minutes, "s": seconds}
