"""One look at a file of a log: lines from where it is read up to, made into what was done and whose it was."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO

from jit.detect.activity.batches import Place, Seen
from jit.detect.activity.lines import digest, lines
from jit.detect.activity.model import Activity
from jit.detect.activity.parsers import Parser
from jit.detect.activity.ties import Ties
from jit.ports import Clock

MOST_DONE = 5_000
"""Things done that are taken at one look, and recorded all or none."""
MOST_BYTES = 16 * 1024 * 1024
"""Bytes that are read over at one look while nothing is found."""
APART = timedelta(seconds=5)
"""A time further from what it may be is not believed."""
LATE = timedelta(hours=1)


@dataclass(slots=True)
class Look:
    """What one look found. ``place`` is None where there was nothing new."""

    seen: Sequence[Seen]
    place: Place | None
    remarks: Sequence[str]
    more: bool
    """There is more that is written already."""


@dataclass(slots=True)
class Looker:
    """Reads one log, file after file. It remembers the newest time that it believed: a log goes forwards."""

    log: str
    parser: Parser
    ties: Ties
    clock: Clock
    newest: datetime | None = None
    in_order: bool = True
    """Else lines may come late, as they do from many hosts at once: their times are believed, and that is told."""
    _odd: Counter[str] = field(default_factory=Counter)
    _unread: Counter[str] = field(default_factory=Counter)
    """Both since something was found last: remarks are recorded with what they came with, or with what comes next."""

    def look(self, file: BinaryIO, known_as: str, at: int, after: int, *, last: bool = False) -> Look:
        """From the byte ``at`` on; the record knows the file up to ``after``."""
        seen: list[Seen] = []
        ends, more = at, False
        now = self.clock.now()
        self.parser.unread.clear()
        for line in lines(file, at, last=last, longest=self.parser.longest_line):
            ends = line.ends
            for done in self.parser.parse(line):
                when = self._believed(done, now)
                seen.append(Seen(line, done, when, self.ties.tie(done, when)))
            if len(seen) >= MOST_DONE or (ends - at >= MOST_BYTES):
                more = True
                break
        if ends == at:
            return Look((), None, (), more=False)
        self._unread += self.parser.unread
        place = Place(self.log, known_as, after, at, ends, digest(file, at, ends))
        remarks = self._remarks()
        if seen:
            self._odd.clear()
            self._unread.clear()
        return Look(without_doubles(seen), place, remarks, more)

    def _believed(self, done: Activity, now: datetime) -> datetime:
        """The log's own time, between the newest before it and now; else the nearest of these, and a remark."""
        newest = self.newest
        if done.time is None:
            self._odd["without a time that can be read"] += 1
            return now
        if done.time > now + APART:
            self._odd["dated ahead of now"] += 1
            return now
        if not self.in_order:
            self._odd["dated long before they came"] += done.time < now - LATE
            return done.time
        if newest and done.time < newest - APART:
            self._odd["dated back behind lines before it"] += 1
            return newest
        self.newest = max(newest, done.time) if newest else done.time
        return done.time

    def _remarks(self) -> tuple[str, ...]:
        odd = ((why, number) for why, number in self._odd.items() if number)
        said = [f"{number} lines {why}" if number > 1 else f"1 line {why}" for why, number in odd]
        unread = [f"{number} unread: {why}" for why, number in sorted(self._unread.items())]
        return (*said, *unread)


def without_doubles(seen: Sequence[Seen]) -> list[Seen]:
    """Without the lines of `log_statement` of which pgaudit says the same right behind, in the same session."""
    next_of: dict[str, Seen] = {}
    kept: list[Seen] = []
    for each in reversed(seen):
        after = next_of.get(each.done.session)
        next_of[each.done.session] = each
        if not (after and after.done.audited and not each.done.audited and after.done.text in each.done.text):
            kept.append(each)
    return kept[::-1]
