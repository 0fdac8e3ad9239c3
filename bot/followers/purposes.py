"""Watching what access is used for: outside what the rules say it is for somebody is told, or it ends at once.

The bot does it, as it has the rules: whoever reads a target's log needs none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid5

import structlog

from bot.followers.follower import IDLE, Follower, Tools
from jit.detect.activity.purpose import Outside, outside, rows_of
from jit.facts import ActivityRecorded, Alert, AlertName, Exceeded, Source
from jit.ledger import Conflict, TamperedEntry
from jit.ledger.followers import CURSOR
from jit.policy import Policy
from jit.policy.model import Purpose
from jit.ports import Queue, QueueUnavailable
from jit.requests.lifecycle import Request, may_follow
from jit.runtime.settings import process_name

log = structlog.get_logger(__name__)

AGAIN = timedelta(minutes=15)
"""Until the same of the same grant is told of again."""
MOST_OF_ONE = 20
"""Different things of one grant that are told of within that time; the last says so."""
MOST_TOLD = 10_000
"""Grants whose alerts are remembered."""
LOST = "It was sent: “{}”. "


class Purposes(Follower):
    """The follower that judges what was done."""

    name = "purposes"
    is_woken = True

    def __init__(self, tools: Tools, queue: Queue) -> None:
        super().__init__(tools)
        self._queue = queue
        self._cursor = 0
        self._rows: dict[tuple[str, str], int] = {}
        self._told: dict[str, dict[str, datetime]] = {}

    def begin(self) -> None:
        """Where it has never been, with what is recorded from now on."""
        kept = self._notes.get(CURSOR)
        self._cursor = int(kept) if kept else self._ledger.last_index()
        self._rows, self._told = {}, {}

    def step(self) -> float:
        entries = self._ledger.read(after=self._cursor, skip_unreadable=True)
        if not entries:
            self._cursor = min(self._cursor, self._ledger.last_index())  # the record may be an older copy by now
            return IDLE
        done = [entry.fact for entry in entries if isinstance(entry.fact, ActivityRecorded)]
        for fact in done:
            self._judge(fact)
        self._cursor = entries[-1].index
        if done or self._notes.get(CURSOR) is None:
            self._notes.put({CURSOR: str(self._cursor)})
        return 0.0

    def _judge(self, fact: ActivityRecorded) -> None:
        request = self._request(fact.request_id) if fact.request_id else None
        if fact.hides:
            says = next((fact.statement_of(item) for item in fact.items if item.activity == "config"), "")
            self._tell(fact, request, AlertName.LOG_TURNED_OFF, Outside(_HIDES, says, _HIDES))
        policy = self._policies.newest()
        if request is None or policy is None:
            return
        before = self._rows_before(request.id, fact)
        purposes = self._purposes(fact, request, policy)
        found = outside(fact, purposes, before) if purposes else []
        self._rows[request.id, fact.log] = before + rows_of(fact)
        for each in found:
            self._tell(fact, request, AlertName.OUTSIDE_PURPOSE, each)
        access = policy.accesses.get(request.access)
        if found and access is not None and access.on_exceed == "revoke":
            self._end(fact, request, found[0], policy)

    def _purposes(self, fact: ActivityRecorded, request: Request, policy: Policy) -> Sequence[Purpose]:
        """Of all grants that would explain it; none where one of them is for anything."""
        held = [request, *(found for other in fact.also_held if (found := self._request(other)))]
        accesses = [policy.accesses.get(each.access) for each in held]
        purposes = [access.purpose if access else None for access in accesses]
        return [] if None in purposes else [purpose for purpose in purposes if purpose]

    def _rows_before(self, request_id: str, fact: ActivityRecorded) -> int:
        """How many rows the grant touched before this, by the record of what the same log says."""
        key = request_id, fact.log
        if key not in self._rows:
            before = 0
            for entry in self._ledger.history(request_id, skip_unreadable=True):
                if entry.fact.id == fact.id:
                    break
                if isinstance(entry.fact, ActivityRecorded) and entry.fact.log == fact.log:
                    before += rows_of(entry.fact)
            self._rows[key] = before
        return self._rows[key]

    def _tell(self, fact: ActivityRecorded, request: Request | None, name: AlertName, found: Outside) -> None:
        now = self._clock.now()
        told = self._told_lately(f"{name} {fact.request_id or fact.principal} {fact.log}", now)
        if found.alike in told or len(told) >= MOST_OF_ONE:
            return
        sent = LOST.format(found.statement[:300]) if found.statement else ""
        more = "" if request and may_follow(request, Exceeded) else " The access has ended." if request else _NOBODYS
        last = _LAST if len(told) == MOST_OF_ONE - 1 else ""
        about = {"requester": fact.requester, "access": fact.access, "target": fact.target, "principal": fact.principal}
        alert = Alert(
            id=uuid5(fact.id, f"{name} {found.alike}"),
            at=now,
            actor=process_name("bot"),
            source=Source.BOT,
            name=name,
            says=f"{sent}That is {found.limit}.{more}{last}",
            request_id=fact.request_id,
            **about,
        )
        self._ledger.append([alert])
        told[found.alike] = now

    def _told_lately(self, whose: str, now: datetime) -> dict[str, datetime]:
        """What was told of a grant, or of a session that is nobody's, and when. Of each log and alert by itself, or
        whoever writes into one, or does much that is harmless, could use up what is told of another.
        """
        lately = {limit: at for limit, at in self._told.get(whose, {}).items() if now - at < AGAIN}
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[whose] = lately
        return lately

    def _end(self, fact: ActivityRecorded, request: Request, found: Outside, policy: Policy) -> None:
        """Recorded as its own cause, as any other end; the workers do it."""
        if not may_follow(request, Exceeded):
            return
        by = {"at": self._clock.now(), "actor": process_name("bot"), "source": Source.BOT}
        about = {"limit": found.limit, "activity": fact.id, "policy_version": policy.version}
        try:
            self._ledger.append([Exceeded.about(request, **by, **about)], expect={request.id: request.version})
        except Conflict:
            again = self._request(request.id)
            if again is not None and again.version != request.version:
                self._end(fact, again, found, policy)
            return
        except TamperedEntry as broken:
            log.error("purpose.not_ended", request_id=request.id, because=str(broken))  # noqa: TRY400  no fault of ours
            return
        try:
            self._queue.revoke(request.id)
        except QueueUnavailable as silent:
            log.warning("queue.unavailable", because=str(silent))


_HIDES = "a change of the log of what is done there"
_NOBODYS = " No grant explains that session."
_LAST = " More of the next 15 minutes is in the record, and not told one by one."
