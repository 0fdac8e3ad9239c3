"""The timekeeper: looks several times a second at what should be and what is, and acts. It needs no Redis.

It lapses what was not answered or begun, announces grants that got lost, takes back what could not be finished,
ends what is due, and looks into the targets for what is held there after its end. While the ledger is silent it
ends what it remembers, and what the targets themselves say is due.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from threading import Event, Thread
from typing import TypeVar

import structlog

from jit.facts import AboutRequest, AlertName, Lapsed, Source
from jit.ledger import BrokenChain, Conflict, Leases, Ledger, LedgerUnavailable
from jit.ledger.tail import Tail
from jit.ports import Clock, Held, Queue, QueueUnavailable, TargetError
from jit.requests.lifecycle import LIVE, Duty, Request, State, begun_until, duty_at
from workers.provision.end_facts import Begun
from workers.provision.recorder import Scribe
from workers.provision.revoke import Revoker
from workers.provision.unknown_grant import stray
from workers.provision.watchlist import Watchlist, as_written, is_due
from workers.targets.registry import Fleet
from workers.timekeeper.at_risk import EndsAtRisk
from workers.timekeeper.backoff import Patience
from workers.timekeeper.lanes import Crew

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 0.2
ASK_SECONDS = 5.0
"""The ledger is asked as often though nothing is new in it and nothing is due."""
INSPECT_EVERY = timedelta(seconds=2)
RISK_EVERY = timedelta(seconds=10)
ANNOUNCE_EVERY = timedelta(seconds=2)
RENEW_EVERY = timedelta(seconds=1.2)
ASK_FOR_IT_EVERY = timedelta(seconds=0.5)
"""The lease, of whoever does not have it."""
SILENT_AFTER = 2.0
"""Seconds without an answer of the ledger after which ends go on without it."""
BATCH = 10
"""Ends recorded together."""
MOST_AT_ONCE = 2000
LEASE = "timekeeper"
LEASE_LASTS = timedelta(seconds=2.5)
"""Short, so that one that was killed is soon followed; two at a time do no harm."""
QUEUE_LANE = "queue"
GIVEN_UP = "it could not be finished in time"
LEFT_TO_THE_LEADER = timedelta(seconds=3)
"""What is held this long after its end is ended without the lease, too: with `INSPECT_EVERY` within the stated lag."""


Done = TypeVar("Done", Begun, frozenset[str])


class Timekeeper:
    """`sweep` looks once; `run` goes on until told to stop. ``queue`` may be None: then lost grants lapse."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        scribe: Scribe,
        fleet: Fleet,
        revoker: Revoker,
        queue: Queue | None,
        clock: Clock,
        actor: str,
        holder: str,
    ) -> None:
        self._ledger = ledger
        self._leases = leases
        self._scribe = scribe
        self._fleet = fleet
        self._revoker = revoker
        self._queue = queue
        self._clock = clock
        self._actor = actor
        self._holder = holder
        self._crew = Crew()
        self._watch = Watchlist()
        self._patience = Patience()
        self._inspected = Patience()
        """Apart from what the ledger's duties wait for: one of the two ends what the other fails at."""
        self._ending_since: dict[str, datetime] = {}
        self._inspections = Patience(first=INSPECT_EVERY, longest=INSPECT_EVERY)
        self._risks = EndsAtRisk(fleet=fleet, scribe=scribe, clock=clock)
        self._risk_looks = Patience(first=RISK_EVERY, longest=RISK_EVERY)
        self._announcements = Patience(first=ANNOUNCE_EVERY, longest=ANNOUNCE_EVERY)
        self._out_of_reach: set[str] = set()
        self._leading = False
        self._renewed: datetime | None = None
        self._not_leading_since = clock.ticks()
        self._silent = False
        self._unanswered: float | None = None
        """Since when the ledger has not answered."""

    def run(self, stop: Event) -> None:
        """The ledger is asked in a thread of its own: however long it takes to answer, ends go on."""
        tail = Tail(self._ledger.engine)
        Thread(target=tail.keep_watching, args=(stop,), name="tail", daemon=True).start()
        asking = Thread(target=self._every_sweep, args=(self._asker(tail), stop), name="ledger", daemon=True)
        asking.start()
        self._every_sweep(self.end_without_ledger, stop)
        self._crew.dismiss()
        asking.join(timeout=1)
        if self._leading:
            try:
                self._leases.let_go(LEASE, self._holder)
            except LedgerUnavailable as silent:
                log.warning("ledger.unavailable", because=str(silent))

    def sweep(self) -> None:
        """Look once, and wait until all that this began is done."""
        self.ask_ledger()
        self.end_without_ledger()
        self._crew.settle()

    def _every_sweep(self, look: Callable[[], None], stop: Event) -> None:
        while not stop.is_set():
            try:
                look()
            except Exception:
                log.exception("sweep.failed", look=look.__name__)
            stop.wait(SWEEP_SECONDS)

    def _asker(self, tail: Tail) -> Callable[[], None]:
        """Asks the ledger when something is new in it, or due, or it did not answer, and now and then."""
        seen, asked = -1, -math.inf

        def ask_if_needed() -> None:
            nonlocal seen, asked
            changes, ticks = tail.changes, time.monotonic()
            waits = self._silent or self._unanswered is not None or self._watch.waking(self._clock.now())
            if waits or changes != seen or ticks - asked >= ASK_SECONDS:
                seen, asked = changes, ticks
                self.ask_ledger()
            else:
                self._keep_lease()

        return ask_if_needed

    def ask_ledger(self) -> None:
        """What the ledger says has to be done now."""
        self._unanswered = self._unanswered or time.monotonic()
        try:
            for request_id, broken in self._watch.refresh(self._ledger).items():
                self._tell_broken(request_id, broken)
            self._unanswered = None
            if self._silent:
                log.info("ledger.answers")
            self._silent = False
            self._scribe.take_in()
            if self._hold_lease():
                self._see_to_duties()
        except LedgerUnavailable as wrong:
            if not self._silent:
                log.warning("ledger.unavailable", because=str(wrong))
            self._silent = True

    def end_without_ledger(self) -> None:
        """Look into the targets, and while the ledger is silent end what is remembered as due."""
        since = self._unanswered
        silent = self._silent or (since is not None and time.monotonic() - since > SILENT_AFTER)
        now = self._clock.now()
        self._inspect(now, silent=silent)
        if not silent:
            return
        for request in self._watch.due(now):
            lane = _unrecorded(request.target)
            if self._patience.ready(request.id, now) and not self._crew.busy(lane, request.id):
                self._crew.submit(lane, [request.id], partial(self._end_unrecorded, request, request.ends_at))

    def _keep_lease(self) -> None:
        try:
            self._hold_lease()
        except LedgerUnavailable as wrong:
            log.warning("ledger.unavailable", because=str(wrong))
            self._silent = True

    def _hold_lease(self) -> bool:
        now = self._clock.now()
        every = RENEW_EVERY if self._leading else ASK_FOR_IT_EVERY
        if self._renewed is None or not timedelta(0) <= now - self._renewed < every:
            leading = self._leases.hold(LEASE, self._holder)
            if leading != self._leading:
                log.info("lease.changed", leading=leading)
                self._not_leading_since = self._clock.ticks()
            self._leading, self._renewed = leading, now
        return self._leading

    def _see_to_duties(self) -> None:
        """By the read model, and by the facts as they were read: neither alone can keep anything from being done."""
        now = self._clock.now()
        ending: dict[str, list[Request]] = {}
        for request_id in dict.fromkeys([*self._ledger.waking(now, MOST_AT_ONCE), *self._watch.waking(now)]):
            if not self._patience.ready(request_id, now):
                continue
            try:
                request = self._watch.get(request_id)
                if request is None or not self._at_it(request.target, request_id):
                    self._see_to(request or self._known(request_id), now, ending)
            except BrokenChain as broken:
                self._tell_broken(request_id, broken)
                self._patience.failed(request_id, now)
            except OverflowError:
                log.exception("duty.failed", request_id=request_id)
                self._patience.failed(request_id, now)
        for target, due_there in ending.items():
            for batch in _batches(due_there):
                self._on_target(target, batch, self._end)

    def _see_to(self, request: Request | None, now: datetime, ending: dict[str, list[Request]]) -> None:
        """Do what is to be done, or sort it under its target in ``ending``. Raises BrokenChain."""
        match duty_at(request, now) if request else None, request:
            case Duty.LAPSE, Request() as unanswered:
                self._lapse(unanswered)
            case Duty.GRANT, Request() as lost:
                self._announce(lost, now)
            case Duty.TAKE_BACK, Request() as unfinished:
                self._on_target(unfinished.target, [unfinished], self._take_back)
            case Duty.END, Request() as due:
                ending.setdefault(due.target, []).append(due)

    def _tell_broken(self, request_id: str, broken: BrokenChain) -> None:
        """Once, however often it is come upon."""
        about = as_written(self._ledger, request_id) or stray("", Held(request_id, "", (), None))
        says = f"What the ledger says of {request_id} was changed in its database: {broken}. Nothing is decided on it."
        self._scribe.tell(AlertName.RECORD_BROKEN, about, says)

    def _on_target(self, target: str, requests: Sequence[Request], work: Callable[[Sequence[Request]], None]) -> None:
        free = [request for request in requests if not self._at_it(target, request.id)]
        if free:
            self._crew.submit(target, [request.id for request in free], lambda: work(free))

    def _lapse(self, request: Request) -> None:
        because = "unanswered" if request.state is State.PENDING else "not_begun"
        fact = Lapsed.about(request, at=self._clock.now(), actor=self._actor, source=Source.TIMEKEEPER, because=because)
        try:
            self._ledger.append([fact], expect={request.id: request.version})
        except Conflict:
            log.info("lapse.overtaken", request_id=request.id)

    def _announce(self, request: Request, now: datetime) -> None:
        """In a lane of its own: a Redis that does not answer holds up nothing."""
        if self._queue is None or self._crew.busy(QUEUE_LANE, request.id):
            return
        if not self._announcements.ready(request.id, now):
            return
        self._announcements.failed(request.id, now)
        grant = self._queue.grant

        def announce() -> None:
            try:
                grant(request.id)
            except QueueUnavailable as silent:
                log.warning("queue.unavailable", request_id=request.id, because=str(silent))

        self._crew.submit(QUEUE_LANE, [request.id], announce)

    def _take_back(self, requests: Sequence[Request]) -> None:
        for request in requests:
            try:
                self._note(self._patience, request.id, gone=self._revoker.take_back(request, GIVEN_UP))
            except BrokenChain as broken:
                self._tell_broken(request.id, broken)
                self._end_in_two([request], self._patience)

    def _at_it(self, target: str, request_id: str) -> bool:
        return self._crew.busy(target, request_id) or self._crew.busy(_sessions(target), request_id)

    def _end(self, requests: Sequence[Request]) -> None:
        self._end_in_two(self._not_overtaken(requests), self._patience)

    def _not_overtaken(self, requests: Sequence[Request]) -> list[Request]:
        """Those that nobody else ended, or began to end, while they waited for a thread: as they are known by now.

        What is watched costs nothing to look up. One that is not any more, as a rule since it ended, is asked for.
        """
        now, still_due = self._clock.now(), []
        for request in requests:
            try:
                known = self._watch.get(request.id) or self._known(request.id)
                overtaken = known is not None and duty_at(known, now) is not Duty.END
            except (LedgerUnavailable, OverflowError):
                known, overtaken = None, False
            if not overtaken:
                still_due.append(known or request)
        return still_due

    def _end_in_two(self, requests: Sequence[Request], patience: Patience) -> None:
        """Rights go here, so that no other's wait for somebody's session, which is waited for in a lane of its own."""
        if not requests:
            return
        begun = self._guarded(requests, lambda: self._revoker.begin(requests))
        if isinstance(begun, frozenset):
            self._note_all(requests, begun, patience)
            return

        def finish() -> None:
            gone = self._guarded(requests, lambda: self._revoker.finish(begun))
            self._note_all(requests, gone, patience)

        self._crew.submit(_sessions(requests[0].target), [request.id for request in requests], finish)

    def _guarded(self, requests: Sequence[Request], work: Callable[[], Done]) -> Done | frozenset[str]:
        """A fault of ours in what goes with an end keeps nothing alive: then it ends as while the ledger is silent."""
        try:
            return work()
        except Exception:
            log.exception("end.failed")
            return frozenset(one.id for one in requests if self._revoker.end_unrecorded(one, one.ends_at))

    def _note_all(self, requests: Sequence[Request], gone: frozenset[str], patience: Patience) -> None:
        for request in requests:
            self._note(patience, request.id, gone=request.id in gone)

    def _end_unrecorded(self, about: AboutRequest, due: datetime | None) -> None:
        self._note(self._patience, about.id, gone=self._revoker.end_unrecorded(about, due))

    def _note(self, patience: Patience, request_id: str, *, gone: bool) -> None:
        """What is gone and could not be recorded is looked at again, but less and less often."""
        if gone and not self._revoker.owes(request_id):
            patience.forget(request_id)
        else:
            patience.failed(request_id, self._clock.now())

    def _inspect(self, now: datetime, *, silent: bool) -> None:
        for request_id in [*self._ending_since]:
            if self._watch.get(request_id) is None:
                self._ending_since.pop(request_id, None)
        for name in self._fleet.names():
            lane = f"{name} inspection"
            if self._inspections.ready(name, now) and not self._crew.busy(lane, name):
                self._inspections.failed(name, now)
                self._crew.submit(lane, [name], partial(self._look_into, name, silent=silent))
            self._look_ahead(name, now)

    def _look_ahead(self, name: str, now: datetime) -> None:
        """Whether what is active there could be ended. In a lane of its own: nothing that is due waits for it."""
        lane, active = f"{name} ahead", self._watch.live_on(name)
        if self._crew.busy(lane, name) or not self._leading:
            return
        if not active:
            self._risks.forget(name)
        elif self._risk_looks.ready(name, now):
            self._risk_looks.failed(name, now)
            self._crew.submit(lane, [name], partial(self._risks.look, name, active))

    def _look_into(self, name: str, *, silent: bool) -> None:
        """Take away what a target holds although it is over."""
        try:
            held = self._fleet.get(name).list_grants()
        except TargetError as trouble:
            if name not in self._out_of_reach:
                log.warning("target.out_of_reach", target=name, because=str(trouble))
            self._out_of_reach.add(name)
            return
        if name in self._out_of_reach:
            log.info("target.back", target=name)
            self._out_of_reach.discard(name)
            self._patience.forget_all()
            self._inspected.forget_all()
        for one in held:
            if not self._inspected.ready(one.request_id, self._clock.now()):
                continue
            if silent:
                self._end_by_note(name, one)
            elif self._leading or self._is_neglected(one):
                self._check_held(name, one)

    def _end_by_note(self, name: str, held: Held) -> None:
        """By the deadline the target keeps: all that is known after a start without the ledger."""
        now = self._clock.now()
        known = self._watch.get(held.request_id)
        if _over_by_note(held, now) and not self._crew.busy(_unrecorded(name), held.request_id):
            about = known if known is not None and known.target == name else stray(name, held)
            gone = self._revoker.end_unrecorded(about, held.ends_at)
            self._note(self._inspected, held.request_id, gone=gone)

    def _is_neglected(self, held: Held) -> bool:
        """Whether whoever has the lease should have ended this a while ago: one that has just started, as after an
        outage of all, has seen nobody neglect anything.
        """
        now = self._clock.now()
        if self._clock.ticks() - self._not_leading_since < LEFT_TO_THE_LEADER.total_seconds():
            return False
        request = self._watch.get(held.request_id)
        ordered = request is not None and request.state is State.ENDING
        since = self._ending_since.setdefault(held.request_id, now) if ordered else None
        moments = (held.ends_at, request.ends_at if request else None, since)
        return any(moment is not None and moment + LEFT_TO_THE_LEADER <= now for moment in moments)

    def _check_held(self, name: str, held: Held) -> None:
        """Live by the ledger is right until it is over by the facts, where as a rule its duty ends it, or by the
        target's own note. Anything else has no business there. Without the lease, over is all that comes here.
        """
        now = self._clock.now()
        over = _over_by_note(held, now) or not self._leading
        try:
            request = self._watch.get(held.request_id)
            if request is None or request.state not in LIVE:
                request = self._known(held.request_id)
                over = over or (request is not None and _is_over(request, now))
            if request is None and not over:
                self._tell_foreign(name, held)
                return
            live = request is not None and request.state in LIVE
            if live and not over:
                return
            if not self._leading:
                self._tell_neglected(name, held, request)
            if request is not None and live and request.target == name:
                self._on_target(name, [request], self._end_held)
            else:
                self._note(self._inspected, held.request_id, gone=self._revoker.take_late(name, held))
        except LedgerUnavailable as unable:
            log.warning("inspection.broken_off", target=name, because=str(unable))

    def _end_held(self, requests: Sequence[Request]) -> None:
        self._end_in_two(requests, self._inspected)

    def _tell_neglected(self, name: str, held: Held, request: Request | None) -> None:
        says = (
            f"{name} still held {held.request_id}, which was over, and whoever holds the lease `{LEASE}` did not end "
            f"it. {self._actor} ends it without the lease. If no timekeeper is down, look who writes to `leases`."
        )
        self._scribe.tell(AlertName.END_NOT_BEGUN, request or stray(name, held), says)

    def _known(self, request_id: str) -> Request | None:
        """As the ledger has it, even if it was changed there."""
        try:
            return self._ledger.request(request_id)
        except BrokenChain as broken:
            self._tell_broken(request_id, broken)
            return as_written(self._ledger, request_id)

    def _tell_foreign(self, name: str, held: Held) -> None:
        """It may be somebody's attempt to pass for us, or a ledger restored from an old copy: a person has to see."""
        says = (
            f"{name} holds {held.request_id} for {held.principal}, and the ledger knows of no such request. "
            "It was left alone. If nobody can explain it, take it away by hand."
        )
        self._scribe.tell(AlertName.FOREIGN_GRANT, stray(name, held), says)


def _unrecorded(target: str) -> str:
    """The lane of ends while the ledger is silent."""
    return f"{target} unrecorded"


def _sessions(target: str) -> str:
    """The lane where ends wait until sessions are gone."""
    return f"{target} sessions"


def _is_over(request: Request, now: datetime) -> bool:
    """By the facts, of what is not watched, so that no duty ends it."""
    return is_due(request, now) and begun_until(request, now) is None


def _over_by_note(held: Held, now: datetime) -> bool:
    return held.ends_at is not None and held.ends_at <= now


def _batches(requests: Iterable[Request]) -> Iterable[list[Request]]:
    rest = iter(requests)
    while batch := list(islice(rest, BATCH)):
        yield batch
