"""Text for Slack: cut, made harmless, and moments in the reader's own time zone.

Slack escapes three characters only and knows no escape for formatting, so what somebody typed goes into a block
of plain text where it can; where it must stand in a line of ours, it comes through `harmless`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]
Names = Callable[[str], str]
"""From an id (of a person, a Slack group, a process) to what people call it. Raw: not yet harmless."""

SECTION = 3000
BUTTON = 75
NAME = 80
"""Of a name in a line, by whoever chose it."""
WORDS = 200
"""Of somebody's words inside a line."""

_FORMATTING = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
"""What looks the same and formats nothing."""
_LONE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DIRECTIONS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ISOLATE, _POP = "\u2068", "\u2069"
_MIDNIGHTS = 15 * 60
"""Seconds between which it is midnight somewhere: zones differ by quarters of an hour."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message: ``text`` is what notifications and screen readers say, and the first block says it too."""

    text: str
    blocks: list[Json]


def escape(text: str) -> str:
    """Slack's three escapes: after them no mention, broadcast or link can be made."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, most: int) -> str:
    """At most ``most`` UTF-16 units, cut between characters, an … for what is gone. Before escaping."""
    if units(text) <= most:
        return text
    kept = text[: most - 1]
    while kept and (units(kept) >= most or unicodedata.combining(kept[-1]) or kept[-1] == "\u200d"):
        kept = kept[:-1]
    return kept + "…"


def units(text: str) -> int:
    """How long Slack's clients take it to be."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def straight(text: str, most: int = WORDS) -> str:
    """Free text as part of a line of plain text: it cannot break the line, or turn the reading direction of what
    stands beside it.
    """
    typed = _BREAKS.sub(" ", text).strip()
    straightened = _DIRECTIONS.sub("", typed)
    line = shorten(straightened, most)
    turning = not line.isascii() and any(unicodedata.bidirectional(letter) in {"R", "AL", "AN"} for letter in line)
    return f"{_ISOLATE}{line}{_POP}" if turning or straightened != typed else line


def harmless(text: str, most: int = WORDS) -> str:
    """Free text as part of a line of mrkdwn: it cannot break or turn the line, nor format, mention or link."""
    return escape(_LONE_UNDERSCORE.sub("\u02cd", straight(text, most).translate(_FORMATTING)))


def named(who: str, names: Names) -> str:
    """What people call ``who``, for a line. Names are chosen by those who bear them."""
    return harmless(names(who), NAME) or harmless(who, NAME)


def listed(people: Iterable[str], names: Names, most: int = 5) -> str:
    """`Bob, Carol and 3 others`"""
    shown = [named(person, names) for person in people]
    if len(shown) > most + 1:
        return f"{', '.join(shown[:most])} and {len(shown) - most} others"
    return joined(shown)


def joined(said: Sequence[str]) -> str:
    """`Bob, Carol and Dan`"""
    return " and ".join(part for part in (", ".join(said[:-1]), *said[-1:]) if part)


def moment(when: datetime, beside: datetime | None = None) -> str:
    """The time of day in the reader's own zone; with the day, which Slack calls today where it is that, if for some
    reader a midnight may lie between it and ``beside``, the moment the message is about.
    """
    if beside is None or when.timestamp() // _MIDNIGHTS == beside.timestamp() // _MIDNIGHTS:
        return _date(when, "{time}", f"{when:%H:%M} UTC")
    return day_and_time(when)


def day_and_time(when: datetime) -> str:
    """For what is read on another day: Slack says today, or which."""
    return _date(when, "{date_short_pretty} {time}", f"{when:%Y-%m-%d %H:%M} UTC")


def moment_to_the_second(when: datetime, *, other_day: bool = False) -> str:
    """With the day, where that may not be the message's own."""
    if other_day:
        return _date(when, "{date_short_pretty} {time_secs}", f"{when:%Y-%m-%d %H:%M:%S} UTC")
    return _date(when, "{time_secs}", f"{when:%H:%M:%S} UTC")


def _date(when: datetime, form: str, otherwise: str) -> str:
    return f"<!date^{int(when.timestamp())}^{form}|{otherwise}>"


def line_of(*parts: str) -> str:
    """What there is to say, with dots between."""
    return " · ".join(part for part in parts if part)


def in_blocks(lines: Iterable[str], most: int = SECTION) -> list[str]:
    """The lines, in as few parts as fit a block each."""
    parts: list[str] = []
    for line in lines:
        if parts and units(parts[-1]) + 1 + units(line) <= most:
            parts[-1] += "\n" + line
        else:
            parts.append(line)
    return parts


def plain_text(text: str) -> Json:
    """An element, in which nothing that is typed means anything."""
    return {"type": "plain_text", "text": text, "emoji": False}


def header(text: str) -> Json:
    """A title, which screen readers jump to."""
    return {"type": "header", "text": plain_text(text)}


def section(text: str) -> Json:
    """A block of our own words. ``verbatim`` keeps Slack from making links out of bare names."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def quote(text: str, by: str = "") -> Json:
    """Somebody's words as typed, set apart as a quote: whatever they look like, they are no line of ours."""
    said = {"type": "rich_text_quote", "elements": [{"type": "text", "text": shorten(text, SECTION)}]}
    speaks = {"type": "text", "text": f"{straight(by, NAME)}:", "style": {"bold": True}}
    who = {"type": "rich_text_section", "elements": [speaks]}
    return {"type": "rich_text", "elements": [who, said] if by else [said]}


def code(text: str) -> Json:
    """Something to be typed or copied, letter by letter."""
    said = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": shorten(text, SECTION)}]}
    return {"type": "rich_text", "elements": [said]}


def context(*texts: str) -> Json:
    return {
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": text, "verbatim": True} for text in texts],
    }


def button(label: str, action: str, value: str, *, style: str = "", confirm: Json | None = None) -> Json:
    made: Json = {
        "type": "button",
        "action_id": action,
        "text": plain_text(shorten(label, BUTTON)),
        "value": value,
    }
    return made | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def actions(buttons: Sequence[Json]) -> list[Json]:
    """A row of buttons; none without any."""
    return [{"type": "actions", "elements": list(buttons)}] if buttons else []
