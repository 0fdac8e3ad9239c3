"""The audit channel compared with the ledger, entry by entry and checkpoint by checkpoint. Reads, and changes nothing.

Messages come in any order, once; `MirrorCheck.report` puts together what they say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import NamedTuple

from bot.mirror.checkpoints import PostedCheckpoint, checkpoint_in, weigh
from bot.mirror.comparison import Comparison, Kind, compare, not_compared
from bot.mirror.message import EVENT_TYPE, QUIET_TYPE, Carried, as_message, carried_by, is_index, is_ts, shown_by
from bot.mirror.message_digest import message_digest, remarks_of
from bot.mirror.text import Fit
from bot.views.audit import AGAIN, FILLED, draw_quiet
from bot.views.text import Json, Names
from jit.clock import EPOCH
from jit.ledger import Ledger
from jit.proof.verifier import VerifierKey

LAST_SECOND = 253_402_300_799
"""The end of the year 9999: no moment is later."""
ON_ITS_WAY = timedelta(seconds=60)
"""As long may the mirror take to show an entry."""


class Difference(NamedTuple):
    """``first`` and ``last`` are 0 where no entry can be named, ``ts`` is "" where no message can."""

    kind: Kind
    first: int
    last: int
    ts: str
    says: str


@dataclass(frozen=True, slots=True)
class Report:
    """``unshown``: what the ledger has and the channel does not show rightly, in order."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    unshown: tuple[tuple[int, int], ...]
    checkpoints: tuple[PostedCheckpoint, ...]
    entries: int
    messages: int

    @property
    def contradicted(self) -> bool:
        return any(each.kind is Kind.CONTRADICTED for each in self.differences)

    @property
    def not_compared(self) -> int:
        """How many messages."""
        return sum(each.kind is Kind.NOT_COMPARED for each in self.differences)

    @property
    def code(self) -> int:
        """0 equal, 3 different, 4 the ledger contradicts what the channel holds."""
        return 4 if self.contradicted else 3 if self.differences else 0


class _Shows(NamedTuple):
    ts: str
    first: int
    last: int
    sound: bool
    filled: bool
    again: bool


@dataclass
class _Counts:
    renamed: int = 0
    other_version: int = 0
    other_words: int = 0
    redrawn: int = 0
    filled: int = 0


@dataclass
class MirrorCheck:
    """``since``: the first entry that the channel has to show. ``bot``: the bot whose messages are ours.

    What a version in ``accepted`` is said to have drawn is believed where it cannot be drawn again: who posts with our
    token chooses what it says.
    """

    ledger: Ledger
    names: Names
    bot: str
    since: int = 1
    accepted: frozenset[str] = frozenset()
    _found: list[Difference] = field(default_factory=list)
    _shown: list[_Shows] = field(default_factory=list)
    _checkpoints: list[PostedCheckpoint] = field(default_factory=list)
    _counts: _Counts = field(default_factory=_Counts)

    def see(self, message: Json) -> None:
        """Weigh one message, in whatever order they come."""
        carried, ts = carried_by(message), message.get("ts")
        if carried.event_type not in {EVENT_TYPE, QUIET_TYPE} or not is_ts(ts):
            return
        if message.get("bot_id") != self.bot:
            self._find(Kind.FOREIGN, ts, "another app posted this as if it were the mirror's")
        elif not carried.payload:
            self._find(Kind.MALFORMED, ts, "its metadata are not as the mirror writes them")
        elif carried.event_type == QUIET_TYPE:
            self._see_quiet(message, ts, carried.payload)
        else:
            self._see_entries(message, ts, carried)

    def report(self, keys: Sequence[VerifierKey], now: datetime) -> Report:
        """After all messages were seen. ``keys`` are known to sign checkpoints of this record."""
        last = self.ledger.last_index()
        shown = sorted(self._shown)
        gaps = list(self._gaps(shown, last))
        still = [each for each in self._found if not _is_mended(each, shown)]
        wrong = [(each.first, each.last) for each in still if each.kind in _FILLED_LATER and each.first]
        found = [*still, *_out_of_order(shown), *self._unshown(gaps, shown, last, now), *self._weighed(keys)]
        return Report(
            differences=tuple(sorted(found, key=lambda each: (each.first, each.ts))),
            notes=tuple(self._notes(mended=len(self._found) - len(still))),
            unshown=tuple(_joined([*gaps, *wrong])),
            checkpoints=tuple(sorted(self._checkpoints)),
            entries=last,
            messages=len(self._shown),
        )

    def _find(self, kind: Kind, ts: str, says: str, first: int = 0, last: int = 0) -> None:
        self._found.append(Difference(kind, first, last, ts, says))

    def _see_quiet(self, message: Json, ts: str, payload: Json) -> None:
        remark = self._see_checkpoint(ts, payload)
        after, at = payload.get("after"), payload.get("signed_at")
        if message.get("edited"):
            self._find(Kind.EDITED, ts, "the line that nothing is new was edited")
        elif not is_index(after) or not is_index(at) or at > LAST_SECOND:
            self._find(Kind.MALFORMED, ts, "it does not say since which entry nothing is new")
        elif not _says_quiet(message, after, at, remark):
            by = payload.get("drawn_by")
            if by == version("jit"):
                self._find(Kind.CHANGED, ts, "the line that nothing is new says something else")
            elif isinstance(by, str) and by in self.accepted:
                self._counts.other_version += 1
            else:
                self._find(Kind.NOT_COMPARED, ts, not_compared(by))

    def _see_checkpoint(self, ts: str, payload: Json) -> str:
        """The remark that a message with this checkpoint carries; "" without one."""
        if payload.get("checkpoint") is None:
            return ""
        checkpoint = checkpoint_in(payload)
        if checkpoint is None:
            self._find(Kind.MALFORMED, ts, "what it carries as a signed checkpoint is none")
            return ""
        self._checkpoints.append(PostedCheckpoint(ts, checkpoint.size, checkpoint.root, checkpoint.note))
        return checkpoint.remark

    def _see_entries(self, message: Json, ts: str, carried: Carried) -> None:
        first, last, payload = carried.first, carried.last, carried.payload
        self._see_checkpoint(ts, payload)
        if not first:
            self._find(Kind.MALFORMED, ts, "it does not say which entries it shows")
            return
        entries, remarks = shown_by(self.ledger, carried), remarks_of(message)
        if entries:
            compared = compare(message, entries, self.ledger, self.names, self.accepted)
            kind, says = compared.kind, compared.says
            if kind is None:
                self._count(compared, says_words="words" in payload)
        else:
            kind, says = self._other_record(first, last, payload)
        if kind:
            self._find(kind, ts, says, first, last)
        filled = payload.get("filled") is True and FILLED in remarks
        self._counts.filled += filled
        self._shown.append(_Shows(ts, first, last, kind is None, filled, AGAIN in remarks))

    def _count(self, compared: Comparison, *, says_words: bool) -> None:
        self._counts.redrawn += compared.redrawn
        self._counts.other_version += compared.fit is Fit.NOT
        self._counts.renamed += compared.fit is Fit.BUT_FOR_NAMES
        self._counts.other_words += says_words and not compared.as_sent

    def _other_record(self, first: int, last: int, payload: Json) -> tuple[Kind, str]:
        ends = self.ledger.last_index()
        if last > ends:
            return Kind.CONTRADICTED, f"it shows entries up to #{last}, and the ledger ends with #{ends}"
        if not isinstance(payload.get("head"), str) or not payload["head"]:
            return Kind.MALFORMED, "it does not say which record it shows"
        return Kind.CONTRADICTED, f"the ledger has other entries #{first} to #{last} than those it was drawn from"

    def _gaps(self, shown: Sequence[_Shows], last: int) -> Iterator[tuple[int, int]]:
        """What no sound message shows, of everything from ``since`` to the ledger's end."""
        expected = self.since
        for first, upto in sorted((each.first, each.last) for each in shown if each.sound):
            if first > expected:
                yield expected, min(first - 1, last)
            expected = max(expected, upto + 1)
        if expected <= last:
            yield expected, last

    def _unshown(
        self, gaps: Sequence[tuple[int, int]], shown: Sequence[_Shows], last: int, now: datetime
    ) -> Iterator[Difference]:
        """What a message shows wrongly was told of with that message."""
        told = [(each.first, each.last) for each in shown if not each.sound]
        ahead = max((each.last for each in shown), default=0)
        for first, upto in gaps:
            for start, end in _without(first, upto, told):
                if start <= ahead:
                    yield Difference(Kind.MISSING, start, end, "", "no message shows this: deleted, or never posted")
                elif not self._is_on_its_way(start, now):
                    yield Difference(Kind.LATE, start, last, "", "the ledger has this, and the channel not yet")

    def _is_on_its_way(self, index: int, now: datetime) -> bool:
        entries = self.ledger.read(after=index - 1, limit=1, skip_unreadable=True)
        return not entries or now - entries[0].recorded_at <= ON_ITS_WAY

    def _weighed(self, keys: Sequence[VerifierKey]) -> Iterator[Difference]:
        for judged in weigh(self.ledger, self._checkpoints, keys):
            kind = Kind.CONTRADICTED if judged.contradicts else Kind.CHECKPOINT_UNSURE
            yield Difference(kind, 0, 0, judged.checkpoint.ts, judged.says)

    def _notes(self, *, mended: int) -> Iterator[str]:
        counts = self._counts
        for number, says in (
            (counts.filled, "shown again later, out of order"),
            (mended, "edited, and shown again later as the ledger has it"),
            (counts.redrawn, "drawn again as a person was erased"),
            (counts.renamed, "name people as they were called then"),
            (counts.other_version, "drawn by a version of jit that was accepted, and compared with nothing"),
            (counts.other_words, "kept by Slack in other words than they were sent in, which say the same"),
        ):
            if number:
                yield f"messages {says}: {number}"


def _says_quiet(message: Json, after: int, at: int, remark: str) -> bool:
    drawn = draw_quiet(after, EPOCH + timedelta(seconds=at), remark)
    return message_digest(message) == message_digest(as_message(drawn))


_FILLED_LATER = {Kind.EDITED, Kind.CHANGED, Kind.NOT_COMPARED}


def _is_mended(found: Difference, shown: Sequence[_Shows]) -> bool:
    """Whether what a message shows wrongly is shown rightly below it, and said to be shown again."""
    if found.kind not in _FILLED_LATER or not found.first:
        return False
    later = [(each.first, each.last) for each in shown if each.sound and each.filled and each.ts > found.ts]
    return not any(_without(found.first, found.last, later))


def _joined(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same, in order and each once."""
    first, last = 0, -1
    for start, end in sorted(ranges):
        if start > last + 1:
            if first:
                yield first, last
            first, last = start, end
        last = max(last, end)
    if first:
        yield first, last


def _out_of_order(shown: Sequence[_Shows]) -> Iterator[Difference]:
    """Messages that show what came before, and do not say that they were sent again or filled in."""
    before: set[tuple[int, int]] = set()
    reached = 0
    for each in shown:
        place = (each.first, each.last)
        if each.first <= reached and not each.filled:
            if place not in before:
                says = "it stands behind messages about later entries, and does not say that it was filled in"
                yield Difference(Kind.OUT_OF_PLACE, *place, each.ts, says)
            elif not each.again:
                says = "it shows them a second time, and does not say that it was sent again"
                yield Difference(Kind.DOUBLE, *place, each.ts, says)
        before.add(place)
        if not each.filled:
            reached = max(reached, each.last)


def _without(first: int, last: int, taken: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What is left of a range."""
    for start, end in sorted(taken):
        if end < first or start > last:
            continue
        if start > first:
            yield first, start - 1
        first = max(first, end + 1)
    if first <= last:
        yield first, last
