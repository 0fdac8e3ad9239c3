"""An incident id as a pattern wants it, made up for people: a regular expression says nothing to them.

It reads what patterns of incidents are made of: letters, classes, groups, alternatives, counts. What it makes is shown
only if the pattern accepts it.
"""

import string
from functools import lru_cache

import re2

from jit.policy.incidents import LONGEST_INCIDENT, accepts

_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + string.punctuation + " "
_NUMBER, _COUNT = "4711", 4
"""The number in every example; and how many stand where a pattern wants one or more."""
_MOST_PARTS = 200


@lru_cache(maxsize=1000)
def example_of(pattern: str) -> str | None:
    """None where none could be made."""
    try:
        made = _Reader(pattern).alternatives()
    except (IndexError, ValueError, re2.error):
        return None
    return made if made and len(made) <= LONGEST_INCIDENT and accepts(pattern, made) else None


class _Reader:
    """Goes through a pattern once, and makes what its first alternatives want. Raises IndexError, ValueError."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._parts = 0

    def alternatives(self) -> str:
        """Up to the end of the group, or of the pattern."""
        made = self._sequence()
        while self._skip("|"):
            self._sequence()
        return made

    def _sequence(self) -> str:
        made = ""
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            self._parts += 1
            if self._parts > _MOST_PARTS or len(made) > LONGEST_INCIDENT:
                raise ValueError
            made += self._part()
        return made

    def _part(self) -> str:
        if self._skip("("):
            self._skip_kind_of_group()
            inner = self.alternatives()
            if not self._skip(")"):
                raise ValueError
            return inner * min(self._count(1), LONGEST_INCIDENT)
        if self._skip("^") or self._skip("$"):
            return ""
        start = self._at
        self._at = self._end_of_letter()
        fitting = [letter for letter in _LETTERS if accepts(self._pattern[start : self._at], letter)]
        if not fitting:
            raise ValueError
        digits = all(letter in string.digits for letter in fitting)
        row = [each for each in _NUMBER if each in fitting] or fitting if digits else fitting
        return "".join(row[place % len(row)] for place in range(min(self._count(_COUNT), LONGEST_INCIDENT)))

    def _skip(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _skip_kind_of_group(self) -> None:
        """`?:`, `?i:` and `?P<name>`; in `?i)` the group is empty."""
        if self._skip("?"):
            name = self._pattern.startswith(("P<", "<"), self._at)
            while self._pattern[self._at] not in (">" if name else ":)"):
                self._at += 1
            self._at += self._pattern[self._at] != ")"

    def _end_of_letter(self) -> int:
        """Where a class, an escape or a letter ends that begins here."""
        first = self._pattern[self._at]
        if first == "\\":
            return self._at + 2
        if first != "[":
            return self._at + 1
        end = self._at + 1 + self._pattern.startswith("^", self._at + 1)
        end += self._pattern.startswith("]", end)
        while self._pattern[end] != "]":
            end += 2 if self._pattern[end] == "\\" else 1
        return end + 1

    def _count(self, several: int) -> int:
        """How often what was read is to stand there: ``several`` where the pattern leaves that open."""
        count = 1
        if self._skip("*") or self._skip("?"):
            count = 0
        elif self._skip("+"):
            count = several
        elif self._skip("{"):
            least, comma, most = self._pattern[self._at : (end := self._pattern.index("}", self._at))].partition(",")
            self._at = end + 1
            count = int(least)
            if comma:
                count = max(count, min(several, int(most or several)))
        self._skip("?")
        return count
