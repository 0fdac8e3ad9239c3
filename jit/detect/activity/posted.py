"""What a source hands in by itself: a batch is recorded before it is answered, and what came before is dropped."""

import threading
from bisect import bisect_left, bisect_right
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256
from io import BytesIO
from operator import itemgetter

from jit.detect.activity.batches import Seen, whole
from jit.detect.activity.lines import Line
from jit.detect.activity.looks import Look, Looker
from jit.detect.activity.model import Activity
from jit.detect.activity.parsers.json_lines import JsonLines
from jit.detect.activity.parsers.parser import OF_ANOTHER, Parser, Unreadable, object_of, text
from jit.detect.activity.recorder import Overtaken, Recorder
from jit.detect.activity.ties import Ties
from jit.facts import ActivityRecorded
from jit.ledger import Ledger, LedgerUnavailable

BACK = timedelta(days=7)
AFTER_THE_END = timedelta(seconds=5)
"""What was done before an access ended has come by then, from a source that sends at all."""
QUIET = timedelta(minutes=10)
"""After so long without a batch, an access that ended meanwhile is summed without what the source may hold back."""
MOST_SESSIONS = 20_000
MOST_SEQS = 100_000
"""Numbers of one source that are no whole numbers, and are remembered one by one."""
MOST_RANGES = 1_000
REMEMBERED = 5_000
"""Entries that are looked through, after a start, for what came before."""
TOLD_EVERY = timedelta(hours=1)


class PostedLines(JsonLines):
    """Generic lines of one source, by whose name it is known. What speaks for another one is not read."""

    def __init__(self, target: str, source: str, zone: tzinfo | None = None) -> None:
        super().__init__(target, zone)
        self.source = source

    def _parse(self, line: Line) -> Iterator[Activity]:
        told = object_of(line)
        if text(told, "source") not in {"", self.source}:
            raise Unreadable(f"{OF_ANOTHER} source")
        if not str(told.get("seq", "")):
            raise Unreadable("without a seq")
        yield from super()._parse(line)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: things done that are recorded now, those that were before, and lines not read, by why."""

    recorded: int
    doubles: int
    refused: Counter[str]


class KnownSeqs:
    """Which numbers of which session a source has handed in."""

    def __init__(self) -> None:
        self._ranges: OrderedDict[str, list[tuple[int, int]]] = OrderedDict()
        self._others: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, session: str, seq: str) -> bool:
        """Whether it is new."""
        if not seq:
            return True
        number = whole(seq)
        return self._add_other(session, seq) if number is None else self.add_range(session, number, number)

    def add_range(self, session: str, first: int, last: int) -> bool:
        """Whether any of it is new."""
        ranges = self._ranges.setdefault(session, [])
        self._ranges.move_to_end(session)
        if len(self._ranges) > MOST_SESSIONS:
            self._ranges.popitem(last=False)
        return _add_to(ranges, first, last)

    def _add_other(self, session: str, seq: str) -> bool:
        if (session, seq) in self._others:
            return False
        self._others[session, seq] = None
        if len(self._others) > MOST_SEQS:
            self._others.popitem(last=False)
        return True

    def highest(self, session: str) -> int | None:
        ranges = self._ranges.get(session)
        return ranges[-1][1] if ranges else None


def _add_to(ranges: list[tuple[int, int]], first: int, last: int) -> bool:
    """Into ranges that are in order and do not touch. False where it is within one."""
    begin = bisect_left(ranges, first - 1, key=itemgetter(1))
    end = bisect_right(ranges, last + 1, key=itemgetter(0))
    met = ranges[begin:end]
    if met and met[0][0] <= first and last <= met[0][1]:
        return False
    ranges[begin:end] = [(min([first, *(each[0] for each in met)]), max([last, *(each[1] for each in met)]))]
    if len(ranges) > MOST_RANGES:
        del ranges[0]
    return True


@dataclass(slots=True)
class Posted:
    """One source's way into the record. Thread-safe."""

    ledger: Ledger
    source: str
    target: str
    parser: Parser
    actor: str
    _recorder: Recorder = field(init=False)
    _looker: Looker = field(init=False)
    _known: KnownSeqs = field(default_factory=KnownSeqs)
    _begun: bool = False
    _contact: datetime = field(init=False)
    _told_at: datetime | None = None
    _untold: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        ties = Ties(self.target)
        self._recorder = Recorder(self.ledger, self.target, log_of(self.source), self.actor, ties)
        self._looker = Looker(self._recorder.log, self.parser, ties, self.ledger.clock, in_order=False)
        self._contact = self.ledger.clock.now()

    def take(self, body: bytes) -> Taken:
        """Record what is new in it, with all before that is over since summed. Raises LedgerUnavailable: nothing of
        what is not recorded is remembered, and the same batch can come again.
        """
        with self._lock:
            try:
                return self._take(body)
            except (LedgerUnavailable, Overtaken):
                self._begun = False
                raise

    def _take(self, body: bytes) -> Taken:
        now = self.ledger.clock.now()
        self._begin(now)
        self._recorder.follow()
        if not self._recorder.began:
            self._recorder.say("began", now)
        self._contact = now
        file, known_as, at = BytesIO(body), sha256(body).hexdigest(), 0
        recorded = doubles = 0
        refused: Counter[str] = Counter()
        while (look := self._looker.look(file, known_as, at, at, last=True)).place is not None:
            at = look.place.ends
            new, remarks = self._new(look.seen)
            refused += self.parser.unread
            done = self._record(replace(look, seen=new, remarks=(*look.remarks, *remarks)), now)
            recorded += done
            doubles += len(look.seen) - done
        self._tell(refused, now)
        self._recorder.sum_up(now - AFTER_THE_END)
        return Taken(recorded, doubles, refused)

    def sum_up_without(self) -> None:
        """What is over, of a source from which nothing comes. Raises LedgerUnavailable."""
        with self._lock:
            now = self.ledger.clock.now()
            if not self._begun or now - self._contact < QUIET:
                return
            self._recorder.follow()
            self._recorder.sum_up(self._contact - AFTER_THE_END)
            if self._recorder.waits_for_sums(now - QUIET):
                self._recorder.say("gap", self._contact, "nothing came from its source", now)
                self._recorder.sum_up(now - QUIET)

    def _begin(self, now: datetime) -> None:
        if self._begun:
            return
        self._recorder.begin(now - BACK)
        self._known = KnownSeqs()
        for fact in self._recorder.recorded(REMEMBERED):
            self._learn(fact)
        self._begun = True

    def _learn(self, fact: ActivityRecorded) -> None:
        for item in fact.items:
            self._known.add(fact.session, item.seq)
        for each in fact.counted:
            self._known.add_range(fact.session, *map(int, each.split("-")))

    def _new(self, seen: Sequence[Seen]) -> tuple[list[Seen], list[str]]:
        """Without what came before; and where numbers are missing, that."""
        missing = 0
        new = []
        for each in seen:
            highest, number = self._known.highest(each.done.session), whole(each.done.seq)
            if self._known.add(each.done.session, each.done.seq):
                new.append(each)
                if highest is not None and number is not None and number > highest + 1:
                    missing += number - highest - 1
        return new, [f"{missing} missing by their numbers, or late"] if missing else []

    def _record(self, look: Look, now: datetime) -> int:
        try:
            return self._recorder.record(look, now)
        except Overtaken:  # the same batch, from before what is remembered
            return 0

    def _tell(self, refused: Counter[str], now: datetime) -> None:
        """That somebody spoke for another: on the record at once, and then once an hour."""
        self._untold += Counter({why: number for why, number in refused.items() if why.startswith(OF_ANOTHER)})
        if self._untold and (self._told_at is None or now - self._told_at >= TOLD_EVERY):
            says = ", ".join(f"{number} lines {why}" for why, number in sorted(self._untold.items()))
            self._recorder.say("refused", now, says)
            self._told_at, self._untold = now, Counter()


def log_of(source: str) -> str:
    """What the record calls the log of a source. No file is called so."""
    return f"post:{source}"
