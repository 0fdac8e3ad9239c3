"""The spool's own chain: each line has its number and the hash of the line before. Pure.

So lines that are gone, changed, doubled or put in between show when the spool is taken in. Whoever can write the
whole folder can make all of it anew; that shows against what the ledger holds of earlier takings.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

_LINE = re.compile(rb'\{"n": ([1-9][0-9]{0,14}), "previous": "([0-9a-f]{64})", "fact": (\{.*\})\}')
MOST_FAULTS = 5
"""As many are told in words; of the rest only how many."""


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a chain goes: the number and the hash of a line."""

    n: int
    head: str


START = Place(0, "0" * 64)


@dataclass(frozen=True)
class Line:
    """One line of the chain; ``fact`` is the fact's JSON, ``whole`` the line without its end."""

    n: int
    previous: str
    fact: bytes
    whole: bytes

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the line's exact bytes, in hex."""
        return hashlib.sha256(self.whole).hexdigest()

    def follows(self, place: Place) -> bool:
        return self.n == place.n + 1 and self.previous == place.head

    @property
    def place(self) -> Place:
        return Place(self.n, self.hash)


def read_line(whole: bytes) -> Line | None:
    """None for what is no line of a chain."""
    found = _LINE.fullmatch(whole)
    if found is None:
        return None
    number, previous, fact = found.groups()
    return Line(int(number), previous.decode(), fact, whole)


def lines_after(place: Place, facts: Sequence[bytes]) -> tuple[bytes, Place]:
    """The lines of these facts, each with its end, and where the chain stands then."""
    written: list[bytes] = []
    for fact in facts:
        start = b'{"n": %d, "previous": "%s", "fact": ' % (place.n + 1, place.head.encode())
        line = Line(place.n + 1, place.head, fact, start + fact + b"}")
        place = line.place
        written.append(line.whole + b"\n")
    return b"".join(written), place


def reached(place: Place, pieces: Iterable[bytes]) -> Place:
    """How far lines that follow each other lead on from ``place``, whatever lies between them."""
    for piece in pieces:
        line = read_line(piece)
        if line is not None and line.follows(place):
            place = line.place
    return place


@dataclass(frozen=True, slots=True)
class Judged:
    """One line of the file. ``changed`` if the line after it does not vouch for it, ``placed`` if it is of a chain."""

    whole: bytes
    fact: bytes
    changed: bool = False
    placed: bool = True


class Walk:
    """Follows a spool from ``base``, where it was last taken in, to ``until``, where its writers left it."""

    def __init__(self, base: Place, until: Place) -> None:
        self.base = base
        self.until = until
        self.faults = Faults()
        self._at: Place | None = None
        self._suspect: set[str] = set()

    @property
    def at(self) -> Place:
        return self._at or self.base

    def judge(self, pieces: Iterable[tuple[bytes, bool]]) -> Iterator[Judged]:
        """The lines, each once the two that come after it are known. Those that are of no chain come at once.

        Args:
            pieces: lines, and whether each is of a file that may not be on disk as it was written. What such a file
                holds may stand once more in the next.
        """
        waiting: deque[Line] = deque()
        for piece, suspect in pieces:
            line = read_line(piece)
            if line is None:
                yield Judged(piece, piece, placed=False)
                continue
            self._step(line, suspect=suspect)
            waiting.append(line)
            if len(waiting) > 2:
                yield self._judged(waiting)
        while waiting:
            yield self._judged(waiting)

    def _step(self, line: Line, *, suspect: bool) -> None:
        before = self._at
        if before is None:  # a file that was taken in and not emptied, as the process was killed, is read again
            before = Place(line.n - 1, line.previous) if line.n <= self.base.n else self.base
        if line.n <= before.n:
            if line.hash not in self._suspect:
                self.faults.add(f"line {line.n} stands out of its place or twice")
            return
        if line.n > before.n + 1:
            self.faults.add(_missing(before.n + 1, line.n - 1))
        elif line.previous != before.head:
            self.faults.add(f"line {line.n} does not follow the line before it")
        if line.n == self.base.n and line.hash != self.base.head:
            self.faults.add(f"line {line.n} is another than the one that was taken in")
        if suspect:
            self._suspect.add(line.hash)
        self._at = line.place

    def _judged(self, waiting: deque[Line]) -> Judged:
        line = waiting.popleft()
        following = waiting[0] if waiting else None
        after_that = waiting[1] if len(waiting) > 1 else None
        vouched = not self._denied(line, following) or (following and self._denied(following, after_that))
        return Judged(line.whole, line.fact, changed=not vouched)

    def _denied(self, line: Line, following: Line | None) -> bool:
        if following is None:
            return line.n == self.until.n and line.hash != self.until.head
        return following.n == line.n + 1 and following.previous != line.hash

    def end(self) -> None:
        """After the last line: whether all is there."""
        at, until = self.at, self.until
        if min(at.n, until.n) < self.base.n:
            self.faults.add(f"it was put back to an older state: it had been taken in up to line {self.base.n}")
        if at.n < until.n:
            self.faults.add(_missing(at.n + 1, until.n))
        elif at.n == until.n and at.head != until.head:
            self.faults.add(f"line {at.n}, its last, is not the one that was written")


class Faults:
    """What is wrong, in words."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._more = 0

    def add(self, says: str) -> None:
        if len(self._said) < MOST_FAULTS:
            self._said.append(says)
        else:
            self._more += 1

    def said(self) -> tuple[str, ...]:
        return (*self._said, *([f"and {self._more} more"] if self._more else []))


def _missing(first: int, last: int) -> str:
    return f"line {first} is missing" if first == last else f"lines {first} to {last} are missing"
