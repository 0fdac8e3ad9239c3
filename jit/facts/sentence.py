"""How a fact is told: what was done, to what and to whom, in typed parts. Whoever shows a fact knows parts, and no
kinds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, Union


@dataclass(frozen=True, slots=True)
class Loud:
    """A word of ours that must not be overlooked."""

    word: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a process, by their id."""

    id: str


@dataclass(frozen=True, slots=True)
class Name:
    """A word out of the rules, which their owners answer for, or one of ours: a quorum, a permission, a version."""

    word: str
    most: int = 200
    """Characters of it in a line."""


class Access(Name):
    """The name of an access."""


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody typed, or a target or a process said."""

    text: str
    most: int = 200


@dataclass(frozen=True, slots=True)
class Time:
    """``beside`` is the moment that all is about: of the same day the time alone may do."""

    at: datetime
    beside: datetime


@dataclass(frozen=True, slots=True)
class Several:
    """``most`` of them are shown in a line."""

    each: "tuple[Part, ...]"
    most: int = 5
    between: str = ", "


Part: TypeAlias = Union[str, timedelta, Loud, Person, Name, Text, Time, Several, "tuple[Part, ...]"]
"""A `str` is our own words, with the blanks around them; a tuple stands in its order; what is empty is left out."""


@dataclass(frozen=True, slots=True)
class Told:
    """`granted` `orders-db/read to Alice until 14:32` · `held before: orders_write`

    A table has a column for ``what``, the first person and the first access; ``in_full`` is for a page about one
    request, which has room for it.
    """

    what: Part
    about: "tuple[Part, ...]"
    more: "tuple[Part, ...]" = ()
    in_full: "tuple[Part, ...]" = ()

    @property
    def rest(self) -> "tuple[Part, ...]":
        """`about`, with what stands between it and ``what``."""
        first = self.about[0] if self.about else ":"
        return self.about if isinstance(first, str) and first[:1] in {":", ","} else (" ", *self.about)

    def names(self, person: str) -> bool:
        """Whether they stand in it."""
        return Person(person) in flat((self.about, self.more))


def flat(part: Part) -> Iterator[Part]:
    """The parts of a part, one by one."""
    if isinstance(part, Several | tuple):
        for each in part.each if isinstance(part, Several) else part:
            yield from flat(each)
    else:
        yield part


def names(words: tuple[str, ...], most: int = 5) -> Several:
    return Several(tuple(Name(word) for word in words), most)


def quote(text: str, most: int = 200) -> Part:
    """Somebody's words, in quotation marks."""
    return ("“", Text(text, most), "”") if text else ""


def target_said(target: str, reason: str) -> Part:
    """What stood in the way there, with the target's name in front, which its errors begin with as well."""
    return Name(target), ": ", Text(reason.removeprefix(f"{target}: "))


def plural(number: int, one: str, more: str) -> str:
    """`session cut: 1`, `sessions cut: 2`"""
    return f"{one if number == 1 else more}: {number}"


def in_words(name: str) -> str:
    """`end_late` as people write it."""
    return name.replace("_", " ")
