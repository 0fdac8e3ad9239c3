"""The audit channel: every entry of the ledger, in order, without a gap and without an unmarked double.

A message says in its metadata which entries it shows, so that anybody can check the channel against the ledger.
The cursor moves when Slack has taken the message; what may have been taken is looked for before it is sent again.

What it has shown it knows by its hash. So it notices if the record no longer follows on from there, and says so.
"""

from collections.abc import Sequence

from bot.follow.follower import IDLE, Follower, Tools
from bot.follow.outbox import Metadata, Pace
from bot.show.line import first_lines, lines
from bot.show.text import Drawn, in_blocks, section
from jit.access import Request
from jit.facts import Alert, AlertName, Refused, Source
from jit.ledger import BrokenChain, Entry, breaks
from jit.ledger.entry import NO_ENTRY
from jit.ledger.followers import CURSOR
from jit.settings import process_name

SHOWN, TOLD = "shown", "told:"
EVENT_TYPE = "jit_audit"
MOST_LINES = 40
"""Of one message."""
MOST_TEXT = 3500
"""Characters of what notifications and screen readers get."""
AT_ONCE = 3
"""Messages that hold nothing but refusals, before the next such waits for company."""
COMPANY = 10.0
"""Seconds that it waits at most."""


class Mirror(Follower):
    """The follower that writes the audit channel."""

    name = "mirror"

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools)
        self._pace = Pace(tools.clock, burst=1)
        self._cursor = 0
        self._head: str | None = NO_ENTRY
        self._told: set[int] = set()
        self._unfinished: int | None = None
        self._refusals = 0
        self._alone_since: float | None = None

    def begin(self) -> None:
        self._told = {int(key.removeprefix(TOLD)) for key in self._notes.all(TOLD)}
        self._go_on_from(self._notes.get(SHOWN) or f"0 {NO_ENTRY}", self._notes.cursor)
        unfinished = [int(key) for key in self._outbox.intentions()]
        self._unfinished = max(unfinished, default=None)

    def step(self) -> float:
        channel = self._channel()
        if channel is None:
            return IDLE
        if wait := self._pace.wait(channel):
            return min(wait, IDLE)
        entries = self._batch()
        if not entries or self._waits_for_company(entries):
            return IDLE
        self._post(channel, entries)
        return 0.0

    def _go_on_from(self, shown: str, cursor: int) -> None:
        """After what was shown last, wherever somebody has put the cursor since."""
        last, _, head = shown.partition(" ")
        self._cursor, self._head = int(last), head or None
        if cursor != self._cursor:
            self._tell(BrokenChain(self._cursor + 1, f"the audit channel was to go on after entry {cursor} instead"))

    def _tell(self, broken: BrokenChain) -> None:
        """For everybody to see, once for each place: as a fact, which goes to the channel of the alerts too."""
        if broken.index in self._told:
            return
        says = (
            f"The record was changed, or what it was shown by: {broken}. What the audit channel showed before stands."
        )
        actor, now = process_name("bot"), self._clock.now()
        self._ledger.append([Alert(at=now, actor=actor, source=Source.BOT, name=AlertName.RECORD_BROKEN, says=says)])
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
        except BrokenChain as unreadable:
            self._pass_over(unreadable)
            return []
        for broken in breaks(entries, after=self._cursor, previous=self._head):
            self._tell(broken)
        if self._unfinished is not None:
            return [entry for entry in entries if entry.index <= self._unfinished]
        return first_lines(entries, MOST_LINES)

    def _pass_over(self, unreadable: BrokenChain) -> None:
        self._tell(unreadable)
        self._notes.put(_shown(unreadable.index, ""))
        self._cursor, self._head = unreadable.index, None

    def _waits_for_company(self, entries: Sequence[Entry]) -> bool:
        if self._unfinished is not None or not _only_refusals(entries) or self._refusals < AT_ONCE:
            return False
        now = self._clock.ticks()
        self._alone_since = now if self._alone_since is None else self._alone_since
        return now - self._alone_since < COMPANY

    def _post(self, channel: str, entries: Sequence[Entry]) -> None:
        last = entries[-1].index
        key = str(last)
        self._pace.took(channel)
        metadata = Metadata(EVENT_TYPE, {"first": entries[0].index, "last": last, "head": entries[-1].hash})
        self._outbox.post_once(key, channel, self._drawn(entries), metadata)
        self._notes.put({**_shown(last, entries[-1].hash), **self._outbox.done(key)})
        self._cursor, self._head, self._unfinished = last, entries[-1].hash or None, None
        self._alone_since = None
        self._refusals = self._refusals + 1 if _only_refusals(entries) else 0

    def _request(self, request_id: str) -> Request | None:
        try:
            return self._ledger.request(request_id)
        except BrokenChain:
            return None

    def _drawn(self, entries: Sequence[Entry]) -> Drawn:
        known: dict[str, Request | None] = {}

        def request(request_id: str) -> Request | None:
            if request_id not in known:
                known[request_id] = self._request(request_id)
            return known[request_id]

        shown = lines(entries, self._names, request)
        return Drawn(in_short(shown), [section(part) | {"expand": True} for part in in_blocks(shown)])


def _shown(last: int, head: str) -> dict[str, str | None]:
    """The change to the notes once this was shown. ``head`` is empty if there is none to go on from."""
    return {CURSOR: str(last), SHOWN: f"{last} {head}"}


def _only_refusals(entries: Sequence[Entry]) -> bool:
    return all(isinstance(entry.fact, Refused) for entry in entries)


def in_short(shown: Sequence[str]) -> str:
    """As many whole lines as `MOST_TEXT` holds, and how many more there are."""
    taken: list[str] = []
    for line in shown:
        if taken and sum(map(len, taken)) + len(line) > MOST_TEXT:
            return "\n".join([*taken, f"and {len(shown) - len(taken)} more"])
        taken.append(line)
    return "\n".join(taken)
