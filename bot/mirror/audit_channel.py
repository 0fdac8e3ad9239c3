"""Watching over the audit channel: who deletes or edits there what the mirror has shown is told of at once.

Slack's events say so as it happens; a look at the newest messages, at the start and every quarter of an hour, says
what happened while nobody listened. Our own doing is only what was announced beforehand and is what the ledger asks for
once somebody was erased: whoever's token did it, and whoever wrote to the notes. No deletion is.
"""

from datetime import timedelta

import structlog

from bot.followers.follower import IDLE, SlackFollower, SlackTools
from bot.followers.outbox import Rejected
from bot.mirror.channel import newest_messages
from bot.mirror.channel_changes import ANNOUNCED, GONE, Announcement, Announcements, Change, heard
from bot.mirror.comparison import compare, is_redrawing
from bot.mirror.follower import Mirror
from bot.mirror.message import PostedMessage, entries_at, posted_messages
from bot.mirror.message_digest import message_digest
from bot.refusals import Shown
from bot.views.text import Json
from jit.clock import EPOCH
from jit.facts import Alert, AlertName
from jit.ledger import Notes

log = structlog.get_logger(__name__)

COMPARE_EVERY = 900.0
"""Seconds."""
COMPARE_AGAIN = 60.0
"""Seconds, where Slack would not show the channel."""
JUST_NOW = timedelta(seconds=60)
"""A message may not show yet what was announced for it so long ago."""
HEARD_BY_THEN = timedelta(hours=1)
"""Slack tells again for so long, if it gets no answer."""
COMPARED = "compared"
TOLD = "told:"
MOST_TOLD = 1000
_DIGITS = 16
"""Of a number that is longer than an entry's."""
MEND = "`jit audit mirror-check --fill` shows them again"


class AuditChannel(SlackFollower):
    """The follower that compares the audit channel with what was put there."""

    name = "audit_channel"

    def __init__(self, tools: SlackTools) -> None:
        super().__init__(tools)
        self._posted = Notes(tools.ledger.engine, Mirror.name)
        self._announced = Announcements(self._notes)
        self._told: dict[str, str] = {}
        self._compare_at: float | None = None

    def begin(self) -> None:
        self._told = {key.removeprefix(TOLD): words for key, words in self._notes.all(TOLD).items()}

    def step(self) -> float:
        for key, change in heard(self._notes).items():
            if change:
                self._weigh(change)
            self._notes.put({key: None})
        if self._compare_at is None or self._clock.ticks() >= self._compare_at:
            self._compare()
        return IDLE

    def _weigh(self, change: Change) -> None:
        stands = posted_messages(self._posted).get(change.ts)
        if stands is None and (not change.bot or change.bot != self._outbox.bot_id()):
            return
        first, last = (stands.first, stands.last) if stands else (change.first, change.last)
        announced = self._announced.of(change.ts)
        ours = announced and is_redrawing(self._ledger, self._names, first, last, announced)
        expected = announced.words if announced and ours else stands and stands.words
        if change.words == expected != GONE:
            self._unsay(change.ts)
            return
        self._tell(change._replace(first=first, last=last))

    def _compare(self) -> None:
        """What was posted before the look must be in what it finds, as far back as that goes."""
        policy = self._policies.last_good
        if policy is None:
            return
        channel = policy.channels.audit
        standing = {ts: kept for ts, kept in posted_messages(self._posted).items() if kept.channel == channel}
        announced = self._announced.all()
        try:
            messages, more = newest_messages(self._outbox, channel) if standing else ([], False)
        except Rejected as refused:
            if refused.of_all:
                raise
            self.note_refusal(COMPARED, Shown.COMPARED, channel, refused)
            log.warning("audit_channel.not_compared", because=str(refused))
            self._compare_at = self._clock.ticks() + COMPARE_AGAIN
            return
        self.accept(COMPARED)
        found = {str(message.get("ts")): message for message in messages}
        since = min(found, default="") if more else ""
        for ts in sorted(ts for ts in standing if ts >= since):
            words = message_digest(found[ts]) if ts in found else GONE
            if ts not in found or not self._is_as_left(found[ts], words, standing[ts], announced.get(ts)):
                by = str((found.get(ts, {}).get("edited") or {}).get("user") or "")
                self._tell(Change(channel, ts, words, by, "", standing[ts].first, standing[ts].last))
        self._forget(min(standing, default=""), announced)
        self._compare_at = self._clock.ticks() + COMPARE_EVERY

    def _is_as_left(self, message: Json, words: str, left: PostedMessage, announced: Announcement | None) -> bool:
        """As the mirror left it; once what it shows had to be redrawn, as that was announced."""
        if announced is None:
            return words == left.words
        compared = compare(message, entries_at(self._ledger, left.first, left.last), self._ledger, self._names)
        if words == announced.words and compared.redrawn and compared.kind is None:
            return True
        just_now = abs(self._clock.now() - announced.at) < JUST_NOW
        return words == left.words and (just_now or not compared.erased)

    def _tell(self, change: Change) -> None:
        """Once for each state of a message: the note of it names the alert, and counts only with that."""
        says = _says(change, own=change.by == self._outbox.bot_user())
        words, _, place = self._told.get(change.ts, "").partition(" ")
        if words == change.words and self._said(place, change.ts):
            return
        entry = self._append_alert(AlertName.AUDIT_CHANGED, says)
        self._told[change.ts] = f"{change.words} {entry.index}"
        self._notes.put({TOLD + change.ts: self._told[change.ts]})

    def _said(self, place: str, ts: str) -> bool:
        """Whether the entry there is an alert about the message."""
        index = int(place) if place.isdecimal() and len(place) < _DIGITS else 0
        found = self._ledger.read(after=index - 1, limit=1, skip_unreadable=True) if index else []
        fact = found[0].fact if found else None
        return isinstance(fact, Alert) and fact.name is AlertName.AUDIT_CHANGED and _which(ts) in fact.says

    def _unsay(self, ts: str) -> None:
        """It says again what it should: once it does not, that is news."""
        if self._told.pop(ts, None):
            self._notes.put({TOLD + ts: None})

    def _forget(self, oldest: str, announced: dict[str, Announcement]) -> None:
        """What is too old to be looked at again."""
        told = sorted(ts for ts in self._told if ts < oldest)[:-MOST_TOLD]
        now = self._clock.now()
        gone = [ts for ts, said in announced.items() if ts < oldest and abs(now - said.at) > HEARD_BY_THEN]
        if told or gone:
            self._notes.put({**{TOLD + ts: None for ts in told}, **{ANNOUNCED + ts: None for ts in gone}})
        for ts in told:
            del self._told[ts]


def _which(ts: str) -> str:
    return f"message of {EPOCH + timedelta(seconds=int(ts.partition('.')[0])):%Y-%m-%d %H:%M:%S} UTC"


def _says(change: Change, *, own: bool) -> str:
    which = _which(change.ts)
    by = "with this app's own token, though nothing here did" if own else f"by {change.by}" if change.by else ""
    if change.words == GONE:
        done = "Somebody deleted from the audit channel"
    else:
        done = f"Somebody edited in the audit channel, {by}," if by else "Somebody edited in the audit channel"
    if not change.first:
        return (
            f"{done} a {which} that carried a signed checkpoint, or entries it does not name. The ledger has them all."
        )
    one = change.first == change.last
    shown = f"entry #{change.first}" if one else f"entries #{change.first} to #{change.last}"
    mend = MEND.replace("them", "it") if one else MEND
    return f"{done} what it showed of {shown} ({which}). The ledger has {'it' if one else 'them'}; {mend}."
