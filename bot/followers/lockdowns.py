"""Messages about lockdowns, in the channel of alerts and those of the accesses concerned, kept true until it is lifted.

How many ended by each is counted in the step that moves the cursor, so that each counts once.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import structlog

from bot.followers.follower import SlackTools
from bot.followers.items import ItemFollower
from bot.followers.outbox import Final, Metadata, Pace, Posted, Rejected
from bot.followers.reached import mentions_of
from bot.refusals import Shown
from bot.views.lockdown import SHOWN, Progress, draw_lockdown
from bot.views.text import Drawn
from jit.facts import Ended, Fact, Lapsed, LockdownBegun, LockdownLifted, LockdownLiftProposed, OfLockdown
from jit.ledger import Entry, Question, StoredDirectory
from jit.ledger.followers import CURSOR
from jit.requests.lifecycle import LIVE, OPEN
from jit.requests.lockdown import Lockdown, begun

log = structlog.get_logger(__name__)

SHOWS, STANDS = "shows:", "stands:"
REDRAWN_EVERY = 2.0
"""Seconds between two drawings of one message, while many end."""
MOST_OPEN = 20_000


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted of a lockdown: the entries that it was told by, and how many ended by it."""

    begun: int
    proposed: int = 0
    lifted: int = 0
    ended: int = 0
    channels: tuple[str, ...] = ()


class Lockdowns(ItemFollower):
    """The follower that shows lockdowns. An item is a lockdown in a channel: `L-7F3K C0ACCESS1`."""

    name = "lockdowns"

    def __init__(self, tools: SlackTools) -> None:
        super().__init__(tools)
        self._pace = Pace(tools.clock)
        self._cursor = 0
        self._known: dict[str, Noted] = {}
        self._due: dict[str, None] = {}

    def begin(self) -> None:
        self._cursor = self._notes.cursor
        self._known = {key.removeprefix(SHOWS): _read(value) for key, value in sorted(self._notes.all(SHOWS).items())}
        self._due = dict.fromkeys(item for lockdown_id in self._known for item in self._items(lockdown_id))

    def step(self) -> float:
        if self._read_on():
            return 0.0
        for item in self._due:
            if self._is_due(item):
                self._try(item, partial(self._show, item), partial(self._refused, item))
                return 0.0
        return self._next_look(self._due)

    def _read_on(self) -> bool:
        """Whether there may be more entries. Without rules it is not known where to show what they say."""
        if self._policies.last_good is None:
            return False
        entries = self._ledger.read(after=self._cursor, skip_unreadable=True)
        if not entries or self._is_replaced():
            return False
        before = dict(self._known)
        for entry in entries:
            self._take(entry)
        changed = {each: shown for each, shown in self._known.items() if before.get(each) != shown}
        if changed:
            notes = {SHOWS + each: json.dumps(asdict(shown)) for each, shown in changed.items()}
            self._notes.put({**notes, CURSOR: str(entries[-1].index)})
        self._cursor = entries[-1].index
        self._due |= dict.fromkeys(item for each in changed for item in self._items(each))
        return True

    def _take(self, entry: Entry) -> None:
        fact, index = entry.fact, entry.index
        if isinstance(fact, LockdownBegun):
            channels = tuple(dict.fromkeys(self._concerned(begun(fact))))
            self._known.setdefault(fact.lockdown_id, Noted(index, channels=channels))
        elif isinstance(fact, OfLockdown) and fact.lockdown_id in self._known:
            known = self._known[fact.lockdown_id]
            lifted = isinstance(fact, LockdownLifted)
            known = replace(known, lifted=index) if lifted else replace(known, proposed=index)
            self._known[fact.lockdown_id] = known
        elif isinstance(fact, Ended | Lapsed) and fact.lockdown in self._known:
            known = self._known[fact.lockdown]
            self._known[fact.lockdown] = replace(known, ended=known.ended + 1)

    def _concerned(self, lockdown: Lockdown) -> Iterator[str]:
        """The channel of alerts, and those of the accesses that it stops."""
        policy = self._policies.last_good
        if policy is None:
            return
        yield policy.channels.alerts
        if lockdown.person is None:
            yield from (
                each.channel for each in policy.accesses.values() if lockdown.is_about("", each.name, each.target)
            )
        else:
            yield from (each.channel for each in self._ledger.requests_by_id(self._open(lockdown)))

    def _items(self, lockdown_id: str) -> Iterable[str]:
        return (f"{lockdown_id} {channel}" for channel in self._known[lockdown_id].channels)

    def _show(self, item: str) -> None:
        lockdown_id, _, channel = item.partition(" ")
        if wait := self._pace.wait(channel):
            self._not_before[item] = self._clock.ticks() + wait
            return
        shown = self._known[lockdown_id]
        drawn = self._drawn(shown, channel)
        key = f"{lockdown_id}-{channel}"
        place = self._notes.get(STANDS + item)
        if drawn is None:
            self._over(item, {})
            return
        self._pace.took(channel)
        metadata = Metadata("jit_lockdown", {"lockdown": lockdown_id})
        if place is None:
            posted = self._outbox.post_once(key, channel, drawn, metadata)
            if posted.adopted:
                self._outbox.update(posted, drawn, metadata)
            place = json.dumps([posted.channel, posted.ts])
        else:
            self._update(Posted(*json.loads(place)), drawn, metadata)
        self._over(item, {**self._outbox.done(key), STANDS + item: None if shown.lifted else place})
        self._not_before[item] = self._clock.ticks() + REDRAWN_EVERY

    def _update(self, place: Posted, drawn: Drawn, metadata: Metadata) -> None:
        try:
            self._outbox.update(place, drawn, metadata)
        except Final as refused:
            log.warning("message.not_changed", because=str(refused))

    def _over(self, item: str, notes: dict[str, str | None]) -> None:
        """Shown as it is now; once it is lifted, for the last time."""
        self._due.pop(item, None)
        self._forget(item)
        lockdown_id = item.partition(" ")[0]
        last = self._known[lockdown_id].lifted and not any(each in self._due for each in self._items(lockdown_id))
        if last:
            notes = {**notes, SHOWS + lockdown_id: None}
            del self._known[lockdown_id]
        if notes:
            self._notes.put(notes)

    def _refused(self, item: str, refused: Rejected) -> None:
        """Other channels go on."""
        lockdown_id, _, channel = item.partition(" ")
        self.note_refusal(f"{lockdown_id}-{channel}", Shown.ALERT, channel, refused)
        self._put_off_longer(item, refused)

    def _drawn(self, shown: Noted, channel: str) -> Drawn | None:
        first = self._fact(shown.begun)
        if not isinstance(first, LockdownBegun):
            return None
        lifted, proposed = self._fact(shown.lifted), self._fact(shown.proposed)
        lockdown = replace(begun(first), proposed=proposed if isinstance(proposed, LockdownLiftProposed) else None)
        open_ones = [] if shown.lifted else self._open(lockdown)
        progress = Progress(shown.ended, len(open_ones), self._ledger.requests_by_id(open_ones[:SHOWN]))
        policy = self._policies.last_good
        told = policy.notify if policy and channel == policy.channels.alerts else ()
        groups = StoredDirectory(self._ledger.engine).groups()
        mentions = mentions_of(told, policy, groups, self._clock.now())
        return draw_lockdown(
            lockdown, progress, self._names, mentions, lifted if isinstance(lifted, LockdownLifted) else None
        )

    def _open(self, lockdown: Lockdown) -> list[str]:
        """Ids of what it has not ended yet, as the read model has it."""
        question = Question(states=OPEN | LIVE, access=lockdown.access, target=lockdown.target, limit=MOST_OPEN)
        found = self._ledger.find(question)
        return [each.id for each in found if lockdown.person is None or lockdown.stops_person(each.requester)]

    def _fact(self, index: int) -> Fact | None:
        found = self._ledger.read(after=index - 1, limit=1, skip_unreadable=True) if index else []
        return found[0].fact if found and found[0].index == index else None


def _read(note: str) -> Noted:
    kept: dict[str, Any] = json.loads(note)
    return Noted(**(kept | {"channels": tuple(kept["channels"])}))
