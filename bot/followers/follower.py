"""Following the ledger: who may, how often to look, and what to do when Slack or the ledger does not answer."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.followers.outbox import CallFailed, NotLeading, Outbox, Rejected
from bot.refusals import Shown
from bot.views.text import Names
from jit.facts import Alert, AlertName, Source
from jit.ledger import Entry, LeaseLost, Leases, Ledger, LedgerUnavailable, Notes, TamperedEntry
from jit.ledger.followers import CURSOR, RecordPosition
from jit.ledger.tail import Wait
from jit.ledger.undelivered import REFUSED, Undelivered, read_undelivered
from jit.policy import PolicyFolder
from jit.ports import Clock
from jit.requests.lifecycle import Request
from jit.runtime.settings import process_name

log = structlog.get_logger(__name__)

LEASE = "bot.followers"
LASTS = timedelta(seconds=6)
"""As long a silence loses the lease."""
RENEW_EVERY = timedelta(seconds=2.5)
"""A post begun right before a renewal is due is over, by its time-out of 3 s, before the lease can be lost."""
IDLE = 10.0
"""Seconds until a follower with nothing to do looks again by itself. It is woken by what is recorded or noted."""
SOON = 0.05
"""The same where something has to be done that its time has not come for."""
STANDBY = timedelta(seconds=0.5)
"""Until a bot that may not follow asks again."""
LOOK_BACK_EVERY = 1.0
"""Seconds until a follower looks again whether what it read last is still there."""
REMEMBERED = 1000
"""Entries whose hashes it knows, to find how far the record is still what it read."""
ALL = "all"
"""The key of a refusal that stops a follower as a whole."""
GIVEN_UP_AFTER = timedelta(days=1)
"""What was refused for so long, and changes nothing any more, is not tried again."""
_OF_REQUEST = ("requester", "access", "target", "principal")
SHORTEST_WAIT, LONGEST_WAIT = 0.25, 5.0
"""Seconds between tries while Slack or the ledger does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every follower works with. ``notes`` are its own."""

    ledger: Ledger
    notes: Notes
    policies: PolicyFolder
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackTools(Tools):
    """For one that writes to Slack. ``outbox`` is its own."""

    outbox: Outbox
    names: Names


class Follower:
    """Something that follows the ledger, and knows how far it has come. ``is_woken`` says that it waits for what is
    recorded, and looks by itself seldom.
    """

    name: str
    is_woken = False

    def __init__(self, tools: Tools) -> None:
        self._ledger = tools.ledger
        self._notes = tools.notes
        self._policies = tools.policies
        self._clock = tools.clock

    def begin(self) -> None:
        """Read from the notes how far it is: at first, and after anything went wrong."""

    def step(self) -> float:
        """Do what is next, with few calls to Slack. Returns the seconds until there may be more to do; 0 for at once.

        Raises:
            CallFailed: Slack did not do it.
            NotLeading, LeaseLost: somebody else follows now.
            LedgerUnavailable: nothing to read, or nothing could be noted.
        """
        raise NotImplementedError

    def _request(self, request_id: str) -> Request | None:
        """None as well if its record was changed: the mirror tells of that. Raises LedgerUnavailable."""
        try:
            return self._ledger.request(request_id)
        except TamperedEntry:
            return None

    def _append_alert(
        self, name: AlertName, says: str, about: Request | None = None, person: str | None = None
    ) -> Entry:
        """For everybody to see: as a fact, which goes to the channel of the alerts. Raises LedgerUnavailable."""
        request = (
            {"request_id": about.id, **{key: getattr(about, key) for key in _OF_REQUEST}}
            if about
            else {"requester": person}
        )
        now, actor = self._clock.now(), process_name("bot")
        alert = Alert(at=now, actor=actor, source=Source.BOT, name=name, says=says, **request)
        [entry] = self._ledger.append([alert]).entries
        return entry


class SlackFollower(Follower):
    """A follower that writes to Slack. ``_cursor`` is the last entry that it has read."""

    is_woken = True
    _cursor = 0

    def __init__(self, tools: SlackTools) -> None:
        super().__init__(tools)
        self._outbox = tools.outbox
        self._names = tools.names
        self._position = RecordPosition(tools.ledger.engine)
        self._look_back_at = 0.0
        self._read_before: dict[int, str] = {}

    def lost_its_place(self) -> bool:
        """Whether the record ends before what was read, or has something else there: it was put back to an older copy,
        say, with these notes or without. Then the place is noted up to which it is what was read, and the follower has
        to begin again. Looks now and then, else says no. Raises LedgerUnavailable, LeaseLost.
        """
        if self._clock.ticks() < self._look_back_at:
            return False
        reached = max(self._cursor, self._last_read)
        last, kept = self._position.last(self._last_read)
        if self._cursor <= last and self._is_there(kept):
            self._learn_what_stands()
            self._look_back_at = self._clock.ticks() + LOOK_BACK_EVERY
            return False
        self._tell_of_loss(reached, last)
        first = next(iter(self._read_before), 0)
        now = self._position.hashes(first - 1, last).items() & self._read_before.items()
        place, _ = max(now, default=(last, None))
        if self._notes.cursor > place:
            self._notes.put({CURSOR: str(place)})
        self._read_before = {}
        return True

    def _is_replaced(self) -> bool:
        """Before anything new is noted: whether what was read last is something else by now."""
        if self._is_there(self._position.last(self._last_read)[1]):
            return False
        self._look_back_at = 0.0
        return True

    @property
    def has_read_on(self) -> bool:
        """Whether it has not learned yet what stands where it is."""
        return self._cursor != self._last_read

    @property
    def _last_read(self) -> int:
        return next(reversed(self._read_before), 0)

    def _is_there(self, kept: str | None) -> bool:
        return not self._read_before or kept == self._read_before[self._last_read]

    def _learn_what_stands(self) -> None:
        if self._cursor < self._last_read:
            self._read_before = {index: kept for index, kept in self._read_before.items() if index <= self._cursor}
        elif self._cursor > self._last_read:
            after = max(self._last_read, self._cursor - REMEMBERED)
            self._read_before |= self._position.hashes(after, self._cursor)
            for index in list(self._read_before)[:-REMEMBERED]:
                del self._read_before[index]

    def note_stop(self, refused: Rejected) -> None:
        """That nothing of this follower goes on. What others than those of the audit channel write waits by itself."""
        policy = self._policies.last_good
        if refused.of_all or policy is None:
            self.note_refusal(ALL, Shown.ALL, "", refused)
        else:
            self.note_refusal(ALL, Shown.AUDIT, policy.channels.audit, refused)

    def note_refusal(self, key: str, what: Shown, place: str, refused: Rejected) -> Undelivered:
        """For whoever tells of it, until `Outbox.done` with this ``key``. Returns since when it is so.

        Raises LedgerUnavailable, LeaseLost.
        """
        kept = self._notes.get(REFUSED + key)
        before = read_undelivered(self.name, key, kept) if kept else None
        now = Undelivered(self.name, key, what, place, str(refused), before.since if before else self._clock.now())
        if now != before:
            self._notes.put({REFUSED + key: now.as_note()})
        return now

    def accept(self, key: str = ALL) -> None:
        """What was refused under this key is not any more. Raises LedgerUnavailable, LeaseLost."""
        if self._notes.get(REFUSED + key) is not None:
            self._notes.put({REFUSED + key: None})

    def _tell_of_loss(self, reached: int, last: int) -> None:
        """For the one follower that tells of it: had read up to ``reached``, and now the record ends with ``last``."""


class Leadership:
    """The lease that lets one bot follow; shared by all followers of a process. Thread-safe."""

    def __init__(self, leases: Leases, clock: Clock, holder: str) -> None:
        self._leases = leases
        self._clock = clock
        self._holder = holder
        self._lock = threading.Lock()
        self._renewed: datetime | None = None
        self._refused: datetime | None = None
        self._term = 0

    def term(self) -> int:
        """Takes or renews the lease when it is time. 0 if somebody else holds it, else a number that is another
        one whenever somebody else may have held it in between. Raises LedgerUnavailable.
        """
        with self._lock:
            now = self._clock.now()
            since = now - self._renewed if self._renewed else LASTS
            if timedelta(0) <= since < RENEW_EVERY:
                return self._term
            if not timedelta(0) <= since < LASTS:
                self._renewed = None
            if self._refused and timedelta(0) <= now - self._refused < STANDBY:
                return 0
            if not self._leases.hold(LEASE, self._holder):
                self._renewed, self._refused = None, now
                return 0
            if self._renewed is None:
                self._term += 1
            self._renewed = now
            return self._term

    def keep(self, stop: threading.Event) -> None:
        """Until ``stop`` is set, though no follower has anything to do; for a thread of its own."""
        while not stop.wait(STANDBY.total_seconds()):
            with suppress(LedgerUnavailable):  # said by the followers
                self.term()

    def let_go(self) -> None:
        """Raises LedgerUnavailable."""
        with self._lock:
            self._renewed = None
            self._leases.let_go(LEASE, self._holder)


class LeaseTerm:
    """One follower's share in the leadership: what it has read holds for the term that it began."""

    def __init__(self, leadership: Leadership) -> None:
        self._leadership = leadership
        self._term = 0

    def begin(self) -> bool:
        """Begin anew with the term that runs; false if another bot follows. Raises LedgerUnavailable."""
        self._term = self._leadership.term()
        return self._term != 0

    def holds(self) -> bool:
        """Whether the follower may go on from what it knows. Raises LedgerUnavailable."""
        return self._term != 0 and self._leadership.term() == self._term

    def end(self) -> None:
        self._term = 0

    def require(self) -> None:
        """Raises NotLeading, LedgerUnavailable."""
        if not self.holds():
            raise NotLeading


def follow(follower: Follower, term: LeaseTerm, wait: Wait, idle: Wait | None = None) -> None:
    """Let ``follower`` do its work until ``wait`` says to stop. Whatever goes wrong only delays it.

    What it has to wait for by itself it waits for with ``idle``, which ends when there may be something new.
    """
    pause, trouble, sure, waiting = 0.0, Backoff(), False, wait
    while not waiting(pause):
        waiting = wait
        try:
            if not term.holds():
                if not term.begin():
                    pause = STANDBY.total_seconds()
                    continue
                follower.begin()
                sure = False
            if isinstance(follower, SlackFollower) and follower.lost_its_place():
                follower.begin()
            pause, waiting = _stepped(follower), idle or wait
            trouble.over()
            if isinstance(follower, SlackFollower) and not sure:
                follower.accept()
                sure = True
        except (NotLeading, LeaseLost):
            pause = SOON
            term.end()
        except CallFailed as wrong:
            pause = trouble.next(wrong.wait)
            term.end()
            say = log.error if isinstance(wrong, Rejected) else log.warning
            say("follower.delayed", follower=follower.name, because=str(wrong), seconds=round(pause, 2))
        except LedgerUnavailable as silent:
            pause = trouble.next()
            term.end()
            log.warning("ledger.unavailable", follower=follower.name, because=str(silent), seconds=round(pause, 2))
        except Exception:
            pause = trouble.next()
            term.end()
            log.exception("follower.failed", follower=follower.name)


def _stepped(follower: Follower) -> float:
    """One step of a follower; a refusal that stops all of it is noted. What was read is soon looked at again, once."""
    try:
        pause = follower.step()
        return min(pause, LOOK_BACK_EVERY) if isinstance(follower, SlackFollower) and follower.has_read_on else pause
    except Rejected as refused:
        if isinstance(follower, SlackFollower):
            follower.note_stop(refused)
        raise


class Backoff:
    """Waits that grow while trouble goes on."""

    def __init__(self, shortest: float = SHORTEST_WAIT, longest: float = LONGEST_WAIT) -> None:
        self._shortest = shortest
        self._longest = longest
        self._last = 0.0

    def next(self, at_least: float = 0.0) -> float:
        """Seconds to wait before another try."""
        self._last = min(self._longest, max(self._shortest, self._last * 2))
        return max(self._last, at_least)

    def over(self) -> None:
        self._last = 0.0
