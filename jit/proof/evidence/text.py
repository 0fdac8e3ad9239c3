"""Text of others in a page of ours: it can be read, and can do nothing.

Whatever is not seen, or turns the reading direction of what stands beside it, stands there by its number.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_never

from markupsafe import Markup, escape

from jit.durations import say_duration
from jit.facts import Fact
from jit.facts.sentence import Loud, Name, Part, Person, Several, Text, Time

Who = Callable[[str], Markup]
"""From an id to the id, and what people call it beside it."""
LONGEST = 2000
"""Characters of one text."""
LONGEST_NAME = 60
"""Characters of what somebody is called."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = 3
"""Marks over one letter; more of them would cover what stands above."""
_LIKE_AN_ID = re.compile(r"\w*[^\W\d_]\w*\d\w*|\w*\d\w*[^\W\d_]\w*|\d{5,}")
_LONGEST_WITH_DIGITS = 4
_BRACKETS = frozenset({"Ps", "Pe", "Pi", "Pf", "Cc", "Cf", "Zl", "Zp"})


def shown(text: str, most: int = LONGEST) -> Markup:
    """Text of whoever wrote it, isolated from what stands around it."""
    more = Markup(' <span class="cut">… {} more characters</span>').format(len(text) - most) if len(text) > most else ""
    return Markup("<bdi>{}</bdi>{}").format(_visible(text[:most]), more)


def _visible(text: str) -> Markup:
    written, marks = [], 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if letter == "\n":
            written.append("<br>")
        elif marks > _MARKS or unicodedata.category(letter) in _UNSEEN:
            written.append(f'<span class="unseen">[U+{ord(letter):04X}]</span>')
        else:
            written.append(html.escape(letter))
    return Markup("".join(written))  # noqa: S704  letter by letter escaped


def in_page(text: str) -> str:
    """JSON that neither ends nor opens anything in a page. ASCII stays ASCII."""
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def names_of(names: Mapping[str, str]) -> Who:
    """A name is whatever its bearer, or whoever made the page, wrote: it stands behind the id and looks like none."""

    def who(person: str) -> Markup:
        if not (name := called(names.get(person, ""))):
            return shown(person)
        return Markup('<span class="id">{}</span>, called “{}”').format(shown(person), shown(name))

    return who


def called(name: str) -> str:
    """A name on one line, cut, without brackets and quotation marks, and without words that could be taken for ids."""
    plain = unicodedata.normalize("NFKC", name[: 10 * LONGEST_NAME])
    plain = "".join(" " if unicodedata.category(c) in _BRACKETS or c in "<>\"'`" else c for c in plain)
    plain = " ".join(_LIKE_AN_ID.sub(_without_id, plain).split())
    return plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - 1].rstrip() + "…"


def _without_id(word: re.Match[str]) -> str:
    return word[0] if len(word[0]) <= _LONGEST_WITH_DIGITS else "…"


def day_and_time(moment: datetime) -> Markup:
    return escape(moment.astimezone(UTC).strftime("%-d %B %Y, %H:%M UTC"))


def clock_time(moment: datetime, beside: datetime) -> Markup:
    """With its day, where that is another than that of the moment it stands beside."""
    same = moment.astimezone(UTC).date() == beside.astimezone(UTC).date()
    return escape(moment.astimezone(UTC).strftime("%H:%M:%S UTC")) if same else to_the_second(moment)


def to_the_second(moment: datetime) -> Markup:
    return escape(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))


def told(fact: Fact, who: Who) -> Markup:
    """One entry of the timeline."""
    told = fact.told()
    by = () if told.names(fact.actor) else ("by ", Person(fact.actor))
    says = Markup("<strong>{}</strong>{}").format(_part(told.what, who), _part(told.rest, who))
    return _joined([says, *(_part(part, who) for part in (*told.more, *told.in_full, by))], " · ")


def _part(part: Part, who: Who) -> Markup:  # noqa: PLR0911  one return for each type of part
    match part:
        case str() | Loud():
            return escape(part if isinstance(part, str) else part.word)
        case tuple():
            return _joined([_part(each, who) for each in part])
        case Person(person):
            return who(person)
        case Name(text):
            return Markup("<strong>{}</strong>").format(shown(text))
        case Text(text):
            return shown(text)
        case timedelta():
            return shown(say_duration(part))
        case Time(at, beside):
            return clock_time(at, beside)
        case Several(parts, _, between):
            return _joined([_part(each, who) for each in parts], between)
    assert_never(part)


def _joined(parts: list[Markup], between: str = "") -> Markup:
    return escape(between).join(part for part in parts if part)
