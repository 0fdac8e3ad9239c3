"""When a person is erased from the record, what the audit channel shows of them is drawn again, without them.

The entries stay what they are, and so does what a message says of which it shows; its metadata say that it was redrawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.followers.follower import IDLE, SlackFollower, SlackTools
from bot.followers.outbox import Final, Pace, Posted
from bot.mirror.channel_changes import Announcements
from bot.mirror.follower import Mirror
from bot.mirror.message import EVENT_TYPE, about, as_message, carried_by, is_ts, requests_of, shown_by
from bot.mirror.message_digest import message_digest, remarks_of
from bot.views.audit import REDRAWN, draw_lines
from bot.views.text import Json
from jit.facts import AlertName, PersonErased
from jit.ledger import Entry, Notes
from jit.ledger.followers import CURSOR
from jit.ledger.keys import KNOWN_FOR
from jit.ledger.privacy.naming import entries_naming

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds."""
BATCH = 500
SETTLED = timedelta(seconds=KNOWN_FOR + 5)
"""As long after an erasure may a process still read what it had read before."""


@dataclass
class Erasure:
    """One person erased by the entry at ``index``, and how far the channel has been gone through for it."""

    index: int
    at: datetime
    concerned: frozenset[int]
    cursor: str | None = ""
    """Of the messages still to be read; None once all were."""
    todo: list[Json] = field(default_factory=list)


class ErasureRedraw(SlackFollower):
    """The follower that draws messages of the audit channel again. ``announced``: where it says so beforehand."""

    name = "tombstones"
    """Its notes lie under this, whatever it is called here."""

    def __init__(self, tools: SlackTools, announced: Notes) -> None:
        super().__init__(tools)
        self._announced = Announcements(announced)
        self._mirror = Notes(tools.ledger.engine, Mirror.name)
        self._pace = Pace(tools.clock, burst=1)
        self._cursor = 0
        self._erasure: Erasure | None = None

    def begin(self) -> None:
        """After trouble it goes on where it was; what another bot has redrawn meanwhile is passed over."""
        self._cursor = self._notes.cursor
        if self._erasure and self._erasure.index <= self._cursor:
            self._erasure = None

    def step(self) -> float:
        policy = self._policies.last_good
        if policy is None:
            return LOOK_EVERY
        channel, erasure = policy.channels.audit, self._erasure
        if erasure is None:
            return self._look()
        if self._too_early(erasure):
            return LOOK_EVERY
        if wait := self._pace.wait(channel):
            return min(wait, LOOK_EVERY)
        if erasure.todo:
            self._redraw(channel, erasure.todo[0])
            erasure.todo.pop(0)
        elif erasure.cursor is not None:
            messages, following = self._outbox.page(channel, erasure.cursor)
            ours = [message for message in messages if message.get("bot_id") == self._outbox.bot_id()]
            erasure.todo += [message for message in ours if _shows(message, erasure.concerned)]
            erasure.cursor = following or None
        else:
            log.info("erasure.shown", index=erasure.index)
            self._notes.put({CURSOR: str(erasure.index)})
            self._cursor, self._erasure = erasure.index, None
        return 0.0

    def _look(self) -> float:
        """For the next erasure. The cursor is noted where there was much to look at, or something to do."""
        entries = self._ledger.read(after=self._cursor, limit=BATCH, skip_unreadable=True)
        for entry in entries:
            if isinstance(entry.fact, PersonErased):
                places = frozenset(entries_naming(self._ledger, entry.fact.key)) - {entry.index}
                self._erasure = Erasure(entry.index, entry.recorded_at, places)
                self._cursor = entry.index - 1
                return 0.0
        if entries:
            self._cursor = entries[-1].index
        if len(entries) < BATCH:
            return IDLE
        self._notes.put({CURSOR: str(self._cursor)})
        return 0.0

    def _too_early(self, erasure: Erasure) -> bool:
        """The mirror must have shown what came before, and nobody may draw the person from memory any more."""
        since = self._clock.now() - erasure.at
        return timedelta(0) <= since < SETTLED or self._mirror.cursor < erasure.index

    def _redraw(self, channel: str, message: Json) -> None:
        ts, carried = message["ts"], carried_by(message)
        shown = shown_by(self._ledger, carried)
        if not shown:
            log.warning("message.not_redrawn", channel=channel, because="the ledger does not have what it shows")
            return
        remarks = [*(remark for remark in remarks_of(message) if remark != REDRAWN), REDRAWN]
        kept = {key: carried.payload[key] for key in ("checkpoint", "filled") if key in carried.payload}
        drawn = draw_lines(shown, self._names, requests_of(self._ledger), remarks)
        words = message_digest(as_message(drawn))
        if words == message_digest(message):
            return
        self._announced.announce(ts, words, self._clock.now(), remarks)
        self._pace.took(channel)
        try:
            self._outbox.update(Posted(channel, ts), drawn, about(shown, drawn, **kept, redrawn=True))
        except Final as refused:
            log.warning("message.not_redrawn", channel=channel, because=str(refused))
            self._tell_that_it_stays(shown, refused)

    def _tell_that_it_stays(self, shown: Sequence[Entry], refused: Final) -> None:
        """Only a person can delete it: an admin of the workspace, say."""
        says = (
            f"The message of the audit channel that shows entries #{shown[0].index} to #{shown[-1].index} still names "
            f"somebody who was erased from the record, and Slack lets nobody change it ({refused}). Have it deleted "
            "there by hand, which raises an alert of its own."
        )
        self._append_alert(AlertName.NOT_SHOWN, says)


def _shows(message: Json, wanted: frozenset[int]) -> bool:
    carried = carried_by(message)
    if carried.event_type != EVENT_TYPE or not carried.first or not is_ts(message.get("ts")):
        return False
    return not wanted.isdisjoint(range(carried.first, carried.last + 1))
