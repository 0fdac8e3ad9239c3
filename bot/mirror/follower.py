"""The audit channel: every entry of the ledger, in order, without a gap and without an unmarked double.

A message says in its metadata which entries it shows, so that anybody can check the channel against the ledger.
The cursor moves when Slack has taken the message; what may have been taken is looked for before it is sent again.

What it has shown it knows by its hash. So it notices if the record no longer follows on from there, and says so.
"""

import json
from collections.abc import Sequence
from importlib.metadata import version

import structlog

from bot.followers.follower import IDLE, SOON, SlackFollower, SlackTools
from bot.followers.moved import MOVED, Whereabouts
from bot.followers.outbox import Metadata, Pace, Posted, Rejected
from bot.mirror.channel import end_of, is_posted
from bot.mirror.checkpoints import CarriedCheckpoint, CheckpointSource, newest_checkpoint
from bot.mirror.message import QUIET_TYPE, STANDS, PostedMessage, about, as_message, posted_messages, requests_of
from bot.mirror.message_digest import message_digest
from bot.views.audit import draw_lines, draw_quiet
from bot.views.line import first_lines
from bot.views.text import Drawn
from jit.facts import AlertName, Refused
from jit.ledger import Entry, TamperedEntry, breaks
from jit.ledger.entry import NO_ENTRY
from jit.ledger.followers import CURSOR
from jit.proof.audit.checkpoints import Checkpoints

log = structlog.get_logger(__name__)

SHOWN, TOLD = "shown", "told:"
MOST_LINES = 40
"""Of one message."""
AT_ONCE = 3
"""Messages that hold nothing but refusals, before the next such waits for company."""
COMPANY = 10.0
"""Seconds that it waits at most."""
CHECKPOINT_WITHIN = 3.0
"""Seconds that entries wait for a signed checkpoint over them, if checkpoints are signed at all."""
QUIET_AFTER = 3600.0
"""Seconds without an entry, before a line says so and carries the newest checkpoint; and between such lines."""
SIGNED_SHOWN_EVERY = 300.0
"""Seconds between lines that say up to where the record is signed: every message carries its checkpoint unseen."""
REMEMBERED = 400
"""Messages whose words are kept, so that it is noticed if they change."""
QUIET = "quiet"


class Mirror(SlackFollower):
    """The follower that writes the audit channel."""

    name = "mirror"

    def __init__(self, tools: SlackTools, checkpoints: CheckpointSource | None = None) -> None:
        super().__init__(tools)
        self._checkpoints = checkpoints or Checkpoints(tools.ledger.engine)
        self._pace = Pace(tools.clock, burst=1)
        self._cursor = self._sure = 0
        self._head: str | None = NO_ENTRY
        self._told: set[int] = set()
        self._unfinished: int | None = None
        self._refusals = 0
        self._alone_since: float | None = None
        self._unsigned_since: float | None = None
        self._signed_shown: float | None = None
        self._given_up: CarriedCheckpoint | None = None
        self._quiet_since = tools.clock.ticks()
        self._quiet: Metadata | None = None
        self._remembered: list[str] = []
        self._whereabouts = Whereabouts(tools.notes, tools.outbox, "the lines of the audit channel")

    def begin(self) -> None:
        self._told = {int(key.removeprefix(TOLD)) for key in self._notes.all(TOLD)}
        self._go_on_from(self._notes.get(SHOWN) or f"0 {NO_ENTRY}", self._notes.cursor)
        unfinished = [int(key) for key in self._outbox.intentions() if key not in {QUIET, MOVED}]
        self._unfinished = max(unfinished, default=None)
        self._remembered = sorted(self._notes.all(STANDS))
        self._whereabouts.begin()

    def step(self) -> float:
        channel = self._channel()
        if channel is None:
            return IDLE
        if wait := self._pace.wait(channel):
            return min(wait, SOON)
        self._whereabouts.is_now(channel)
        if self._cursor != self._sure:
            self._compare_end(channel)
        entries = self._batch()
        if not entries:
            self._say_quiet(channel)
            return IDLE
        if self._waits_for_company(entries):
            return SOON
        checkpoint = newest_checkpoint(self._checkpoints)
        if self._waits_for_checkpoint(entries, checkpoint):
            return SOON
        self._post(channel, *self._covered(entries, checkpoint))
        return 0.0

    def _go_on_from(self, shown: str, cursor: int) -> None:
        """After what was shown last, wherever somebody has put the cursor since."""
        last, _, head = shown.partition(" ")
        self._cursor, self._head = int(last), head or None
        if cursor != self._cursor:
            self._tell(TamperedEntry(self._cursor + 1, f"the audit channel was to go on after entry {cursor} instead"))

    def _compare_end(self, channel: str) -> None:
        """Whether the channel goes as far as the notes say, unless this process itself knows: once after each start.

        A channel where none of the newest messages is ours may be a new one: what came before is not shown in it.
        """
        try:
            end = end_of(self._outbox, channel)
        except Rejected as refused:
            log.warning("mirror.end_not_compared", because=str(refused))
            self._sure = self._cursor
            return
        ends = self._past_unreadable(end.last) if end else 0
        if ends < self._cursor and not is_posted(
            posted_messages(self._notes).values(), channel, ends + 1, self._cursor
        ):
            shows = f"The notes of the audit channel say that it shows entries up to #{self._cursor}, and it "
            short = f"ends with #{ends}: somebody changed the notes, or took messages away. It goes on after #{ends}."
            none = "shows none of them: it is a new one, or somebody changed the notes, or took all messages away."
            self._append_alert(AlertName.AUDIT_CHANGED, shows + (short if end else none))
            if end:
                self._cursor, self._head = ends, end.head if ends == end.last else None
                self._notes.put(_shown(ends, self._head or ""))
        self._sure = self._cursor

    def _past_unreadable(self, last: int) -> int:
        """The last entry that is shown, or was passed over after it."""
        while last < self._cursor:
            try:
                self._ledger.read(after=last, limit=1)
            except TamperedEntry as unreadable:
                last = unreadable.index
            else:
                break
        return last

    def _tell(self, broken: TamperedEntry) -> None:
        """For everybody to see, once for each place: as a fact, which goes to the channel of the alerts too."""
        if broken.index in self._told:
            return
        says = (
            f"The record was changed, or what it was shown by: {broken}. What the audit channel showed before stands."
        )
        self._append_alert(AlertName.RECORD_BROKEN, says)
        self._notes.put({f"{TOLD}{broken.index}": ""})
        self._told.add(broken.index)

    def _channel(self) -> str | None:
        """The newest that the rules have named, even if they cannot be read at the moment."""
        policy = self._policies.last_good
        return policy.channels.audit if policy else None

    def _batch(self) -> Sequence[Entry]:
        """What comes next; after a message whose fate is not known, exactly what that showed."""
        try:
            entries = self._ledger.read(after=self._cursor)
        except TamperedEntry as unreadable:
            self._pass_over(unreadable)
            return []
        for broken in breaks(entries, after=self._cursor, previous=self._head):
            self._tell(broken)
        if self._unfinished is not None:
            return [entry for entry in entries if entry.index <= self._unfinished]
        return first_lines(entries, MOST_LINES)

    def _pass_over(self, unreadable: TamperedEntry) -> None:
        self._tell(unreadable)
        self._notes.put(_shown(unreadable.index, ""))
        self._cursor, self._head = unreadable.index, None
        self._sure = self._cursor

    def _waits_for_company(self, entries: Sequence[Entry]) -> bool:
        if self._unfinished is not None or not _only_refusals(entries) or self._refusals < AT_ONCE:
            return False
        now = self._clock.ticks()
        self._alone_since = now if self._alone_since is None else self._alone_since
        return now - self._alone_since < COMPANY

    def _waits_for_checkpoint(self, entries: Sequence[Entry], checkpoint: CarriedCheckpoint | None) -> bool:
        """Once a signer has kept one message waiting in vain, no other waits until it has signed again."""
        if checkpoint is None or checkpoint.size >= entries[0].index or checkpoint == self._given_up:
            return False
        now = self._clock.ticks()
        self._unsigned_since = now if self._unsigned_since is None else self._unsigned_since
        if now - self._unsigned_since < CHECKPOINT_WITHIN:
            return True
        self._given_up = checkpoint
        return False

    def _covered(
        self, entries: Sequence[Entry], checkpoint: CarriedCheckpoint | None
    ) -> tuple[Sequence[Entry], CarriedCheckpoint | None]:
        """As many as the checkpoint covers, and it; all without one, where it covers none or they go together."""
        if checkpoint is None or checkpoint.size < entries[0].index:
            return entries, None
        if self._unfinished is None:
            return [entry for entry in entries if entry.index <= checkpoint.size], checkpoint
        return entries, checkpoint if checkpoint.size >= entries[-1].index else None

    def _post(self, channel: str, entries: Sequence[Entry], checkpoint: CarriedCheckpoint | None) -> None:
        last = entries[-1].index
        key = str(last)
        self._pace.took(channel)
        remarks = self._remarks(checkpoint)
        drawn = draw_lines(entries, self._names, requests_of(self._ledger), remarks)
        carried = {"checkpoint": checkpoint.note} if checkpoint else {}
        posted = self._outbox.post_once(key, channel, drawn, about(entries, drawn, **carried))
        self._notes.put(
            {**_shown(last, entries[-1].hash), **self._outbox.done(key), **self._note_words(posted, entries, drawn)}
        )
        self._cursor, self._head, self._unfinished = last, entries[-1].hash or None, None
        self._sure = last
        self._alone_since = self._unsigned_since = None
        self._refusals = self._refusals + 1 if _only_refusals(entries) else 0
        self._quiet_since = self._clock.ticks()
        self._signed_shown = self._quiet_since if remarks else self._signed_shown

    def _remarks(self, checkpoint: CarriedCheckpoint | None) -> list[str]:
        """Up to where the record is signed, unless that was said a moment ago."""
        shown = self._signed_shown
        if checkpoint is None or (shown is not None and self._clock.ticks() - shown < SIGNED_SHOWN_EVERY):
            return []
        return [checkpoint.remark]

    def _note_words(self, posted: Posted, entries: Sequence[Entry], drawn: Drawn) -> dict[str, str | None]:
        """The change to the notes for a message that stands in the channel now; the oldest is forgotten."""
        words = message_digest(posted.found or as_message(drawn))
        first, last = (entries[0].index, entries[-1].index) if entries else (0, 0)
        key = STANDS + posted.ts
        forgotten, self._remembered = self._remembered[: -REMEMBERED + 1], self._remembered[-REMEMBERED + 1 :]
        self._remembered.append(key)
        return {**dict.fromkeys(forgotten), key: json.dumps(PostedMessage(posted.channel, first, last, words))}

    def _say_quiet(self, channel: str) -> None:
        """After an hour without an entry: a line that nothing is new, with the newest checkpoint, so that silence can
        be told from something cut off.
        """
        if self._clock.ticks() - self._quiet_since < QUIET_AFTER:
            return
        checkpoint = newest_checkpoint(self._checkpoints)
        if checkpoint is None or checkpoint.size < self._cursor:
            return
        drawn = draw_quiet(self._cursor, checkpoint.signed_at, checkpoint.remark)
        name = {"after": self._cursor, "head": self._head or "", "signed_at": int(checkpoint.signed_at.timestamp())}
        self._quiet = self._quiet or Metadata(
            QUIET_TYPE, name, {"checkpoint": checkpoint.note, "drawn_by": version("jit")}
        )
        self._pace.took(channel)
        posted = self._outbox.post_once(QUIET, channel, drawn, self._quiet)
        self._notes.put({**self._outbox.done(QUIET), **self._note_words(posted, [], drawn)})
        self._quiet, self._quiet_since = None, self._clock.ticks()


def _shown(last: int, head: str) -> dict[str, str | None]:
    """The change to the notes once this was shown. ``head`` is empty if there is none to go on from."""
    return {CURSOR: str(last), SHOWN: f"{last} {head}"}


def _only_refusals(entries: Sequence[Entry]) -> bool:
    return all(isinstance(entry.fact, Refused) for entry in entries)
