"""The timekeeper: looks several times a second at what should be and what is, and acts. It needs no Redis.

It lapses what was not answered or begun, announces grants and extensions that got lost, takes back what could not be
finished, ends what is due, and looks into the targets for what is held there after its end. While the ledger is silent
it ends what it remembers, and what the targets themselves say is due.
"""

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Thread
from typing import Any

import structlog

from jit.facts import Escalated, Escalation, ExtensionEscalated, ExtensionLapsed, Lapsed, Life, Source
from jit.ledger import Conflict, Leases, Ledger, LedgerUnavailable, TamperedEntry
from jit.ledger.tail import Tail
from jit.ports import Clock, Queue, QueueUnavailable
from jit.requests.due import Action, action_at
from jit.requests.lifecycle import Request, State
from workers.provision.lockdowns import ObeyedLockdowns
from workers.provision.recorder import Recorder
from workers.provision.revoke import Revoker
from workers.provision.watchlist import Watchlist
from workers.reconcile.reconciler import Reconciler
from workers.targets.registry import TargetRegistry
from workers.timekeeper.at_risk import EndsAtRisk
from workers.timekeeper.backoff import KeyedBackoff
from workers.timekeeper.changed_records import look_up, tell_changed
from workers.timekeeper.end_runner import EndRunner
from workers.timekeeper.inspection import TargetInspector
from workers.timekeeper.lanes import ThreadLanes
from workers.timekeeper.leader import LeaderLease

log = structlog.get_logger(__name__)

SWEEP_SECONDS, LEAST_SECONDS = 0.2, 0.01
"""Between two looks. The shorter pause is for what falls due meanwhile, many at a time."""
READ_ON_SECONDS = 0.2
"""What was open before a start is read as often at least, however many ends are carried out meanwhile."""
ASK_SECONDS = 5.0
"""The ledger is asked as often though nothing is new in it and nothing is due."""
RISK_EVERY = timedelta(seconds=10)
RECONCILE_ASKED_EVERY = timedelta(seconds=2)
"""Whether a target is to be compared with the ledger."""
ANNOUNCE_EVERY = timedelta(seconds=2)
SILENT_AFTER = 2.0
"""Seconds without an answer of the ledger after which ends go on without it."""
MOST_AT_ONCE = 2000
LEASE = "timekeeper"
LEASE_LASTS = timedelta(seconds=2.5)
"""Short, so that one that was killed is soon followed; two at a time do no harm."""
QUEUE_LANE = "queue"


class Timekeeper:
    """`sweep` looks once; `run` goes on until told to stop. ``queue`` may be None: then lost grants lapse;
    ``reconciler`` too: then nothing is compared.

    A sweep has five steps. The first three (`ask_ledger`) and the others (`end_without_ledger`) have a thread each:
    however long the ledger takes to answer, ends go on.

    1. What is new in the ledger is read into the watchlist, after a start some at a time of what was open before. What
       was spooled on this host is taken in, and looked which lockdowns are in force.
    2. The lease is taken or renewed.
    3. With the lease: what the read model or the facts say is due is done, each end in a lane of its target.
    4. Each target is looked into for what it holds after its end; with the lease also for what would keep an end from
       happening, and, as often as the rules say, for everything else that the record does not explain.
    5. While the ledger is silent: what is remembered as due is ended.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        recorder: Recorder,
        registry: TargetRegistry,
        revoker: Revoker,
        queue: Queue | None,
        clock: Clock,
        actor: str,
        holder: str,
        lockdowns: ObeyedLockdowns,
        reconciler: Reconciler | None = None,
    ) -> None:
        self._reconciler = reconciler
        self._ledger = ledger
        self._lockdowns = lockdowns
        self._recorder = recorder
        self._registry = registry
        self._queue = queue
        self._clock = clock
        self._actor = actor
        self._lanes = ThreadLanes()
        self._watch = Watchlist()
        self._lease = LeaderLease(leases, clock, name=LEASE, holder=holder)
        self._runner = EndRunner(
            ledger=ledger, recorder=recorder, revoker=revoker, watch=self._watch, lanes=self._lanes, clock=clock
        )
        self._inspector = TargetInspector(
            ledger=ledger,
            recorder=recorder,
            registry=registry,
            revoker=revoker,
            runner=self._runner,
            watch=self._watch,
            lanes=self._lanes,
            lease=self._lease,
            clock=clock,
            actor=actor,
        )
        self._risks = EndsAtRisk(registry=registry, recorder=recorder, clock=clock)
        self._reconcile_turns = KeyedBackoff(first=RECONCILE_ASKED_EVERY, longest=RECONCILE_ASKED_EVERY)
        self._risk_turns = KeyedBackoff(first=RISK_EVERY, longest=RISK_EVERY)
        self._announcements = KeyedBackoff(first=ANNOUNCE_EVERY, longest=ANNOUNCE_EVERY)
        self._read_on = -math.inf
        self._silent = False
        self._unanswered: float | None = None
        """Since when the ledger has not answered."""

    def run(self, stop: Event) -> None:
        """Sweep until told to stop."""
        tail = Tail(self._ledger.engine)
        Thread(target=tail.keep_watching, args=(stop,), name="tail", daemon=True).start()
        asking = Thread(
            target=self._every_sweep, args=(self._asker(tail), stop, self._until_due), name="ledger", daemon=True
        )
        asking.start()
        self._every_sweep(self.end_without_ledger, stop, lambda: SWEEP_SECONDS)
        self._lanes.dismiss()
        asking.join(timeout=1)
        try:
            self._lease.let_go()
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))

    def sweep(self) -> None:
        """Look once, and wait until all that this began is done."""
        self.ask_ledger()
        self.end_without_ledger()
        self._lanes.wait_until_idle()

    def _every_sweep(self, look: Callable[[], None], stop: Event, pause: Callable[[], float]) -> None:
        while not stop.is_set():
            try:
                look()
            except Exception:
                log.exception("sweep.failed", look=look.__name__)
            stop.wait(pause())

    def _until_due(self) -> float:
        """Seconds until something is due, or it is time to look again in any case."""
        if self._silent or self._unanswered is not None:
            return SWEEP_SECONDS
        coming = self._watch.next_moment()
        if not self._watch.complete:
            return LEAST_SECONDS
        until = SWEEP_SECONDS if coming is None else (coming - self._clock.now()).total_seconds()
        return min(max(until, LEAST_SECONDS), SWEEP_SECONDS)

    def _asker(self, tail: Tail) -> Callable[[], None]:
        """Asks the ledger when something is new in it, or due, or it did not answer, and now and then."""
        seen, asked = -1, -math.inf

        def ask_if_needed() -> None:
            nonlocal seen, asked
            changes, ticks = tail.changes, time.monotonic()
            unheard = self._silent or self._unanswered is not None or not self._watch.complete
            if unheard or self._watch.waking(self._clock.now()) or changes != seen or ticks - asked >= ASK_SECONDS:
                seen, asked = changes, ticks
                self.ask_ledger()
            else:
                self._keep_lease()

        return ask_if_needed

    def ask_ledger(self) -> None:
        """Do what the ledger says has to be done now."""
        self._unanswered = self._unanswered or time.monotonic()
        try:
            found = self._watch.refresh(self._ledger, self._answered, from_before=self._may_read_on())  # 1.
            for request_id, broken in found.items():
                tell_changed(self._ledger, self._recorder, request_id, broken)
            self._unanswered = None
            if self._silent:
                log.info("ledger.answers")
            self._silent = False
            self._recorder.take_in()
            self._lockdowns.settle()
            self._watch.lock(self._lockdowns.to_end_by())
            if self._lease.hold():  # 2.
                self._do_what_is_due()  # 3.
        except LedgerUnavailable as wrong:
            if not self._silent:
                log.warning("ledger.unavailable", because=str(wrong))
            self._silent = True

    def _may_read_on(self) -> bool:
        """Whether to read what was open before this process: what it ends meanwhile would wait for Python's one thread
        at a time. Now and then in any case.
        """
        ticks = time.monotonic()
        if self._lanes.any_busy and ticks - self._read_on < READ_ON_SECONDS:
            return False
        self._read_on = ticks
        return True

    def _answered(self) -> None:
        """The ledger did, though there is more to ask: who has much to read takes it for silent no sooner."""
        if self._unanswered is not None:
            self._unanswered = time.monotonic()

    def end_without_ledger(self) -> None:
        """Look into the targets, and while the ledger is silent end what is remembered as due."""
        since = self._unanswered
        silent = self._silent or (since is not None and time.monotonic() - since > SILENT_AFTER)
        now = self._clock.now()
        self._watch.lock(self._lockdowns.known())
        self._inspector.forget_ended()
        for name in self._registry.names():  # 4.
            self._inspector.inspect(name, silent=silent)
            self._look_ahead(name, now)
            self._reconcile(name, now, silent=silent)
        if silent:  # 5.
            for request in self._watch.due(now):
                self._runner.end_unrecorded(request)

    def _keep_lease(self) -> None:
        try:
            self._lease.hold()
        except LedgerUnavailable as wrong:
            log.warning("ledger.unavailable", because=str(wrong))
            self._silent = True

    def _do_what_is_due(self) -> None:
        """By the read model, and by the facts as they were read: neither alone can keep anything from being done."""
        now = self._clock.now()
        ending: dict[str, list[Request]] = {}
        for request_id in dict.fromkeys([*self._ledger.waking(now, MOST_AT_ONCE), *self._watch.waking(now)]):
            if not self._runner.due_backoff.ready(request_id, now):
                continue
            try:
                request = self._watch.get(request_id)
                if request is None or not self._runner.busy(request.target, request_id):
                    self._do(request or self._looked_up(request_id), now, ending)
            except TamperedEntry as broken:
                tell_changed(self._ledger, self._recorder, request_id, broken)
                self._runner.due_backoff.failed(request_id, now)
            except OverflowError:
                log.exception("duty.failed", request_id=request_id)
                self._runner.due_backoff.failed(request_id, now)
        for target, due_there in ending.items():
            self._runner.end_due(target, due_there)

    def _do(self, request: Request | None, now: datetime, ending: dict[str, list[Request]]) -> None:
        """Take the action that is due, or sort the request under its target in ``ending``. Raises TamperedEntry."""
        match action_at(request, now) if request else None, request:
            case Action.LAPSE, Request() as unanswered:
                self._lapse(unanswered)
            case Action.LAPSE_EXTENSION, Request() as unanswered:
                self._lapse_extension(unanswered)
            case Action.ESCALATE, Request(escalation=Escalation() as escalation) as undecided:
                self._escalate(undecided, escalation)
            case Action.ESCALATE_EXTENSION, Request(extension=Request(escalation=Escalation() as escalation)) as active:
                more = {**self._signed(), "escalation": escalation}
                self._step(active, ExtensionEscalated.about(active.undecided, **more))
            case Action.GRANT | Action.EXTEND, Request() as lost:
                self._announce(lost, now)
            case Action.ROLL_BACK, Request() as unfinished:
                self._runner.roll_back(unfinished)
            case Action.END, Request() as due:
                ending.setdefault(due.target, []).append(due)

    def _looked_up(self, request_id: str) -> Request | None:
        """Raises TamperedEntry."""
        request = look_up(self._ledger, self._recorder, request_id)
        return self._watch.as_locked(request) if request else None

    def _lapse(self, request: Request) -> None:
        because = "unanswered" if request.state is State.PENDING else "not_begun"
        if request.lockdown:
            because = "lockdown"
        self._step(request, Lapsed.about(request, **self._signed(), because=because, lockdown=request.lockdown))

    def _lapse_extension(self, request: Request) -> None:
        waiting = request.undecided
        because = "unanswered" if waiting.state is State.PENDING else "not_begun"
        self._step(request, ExtensionLapsed.about(waiting, **self._signed(), because=because))

    def _escalate(self, request: Request, escalation: Escalation) -> None:
        self._step(request, Escalated.about(request, **self._signed(), escalation=escalation))

    def _signed(self) -> dict[str, Any]:
        return {"at": self._clock.now(), "actor": self._actor, "source": Source.TIMEKEEPER}

    def _step(self, request: Request, fact: Life) -> None:
        try:
            self._ledger.append([fact], expect={request.id: request.version})
        except Conflict:
            log.info("step.overtaken", request_id=request.id, step=fact.kind)

    def _announce(self, request: Request, now: datetime) -> None:
        """In a lane of its own: a Redis that does not answer holds up nothing."""
        if self._queue is None or self._lanes.busy(QUEUE_LANE, request.id):
            return
        if self._announcements.take_turn(request.id, now):
            self._lanes.submit(QUEUE_LANE, [request.id], partial(_announce, self._queue, request.id))

    def _look_ahead(self, name: str, now: datetime) -> None:
        """Whether what is active there could be ended. In a lane of its own: nothing that is due waits for it."""
        lane = f"{name} ahead"
        if self._lanes.busy(lane, name) or not self._lease.held:
            return
        if not self._watch.any_live_on(name):
            self._risks.forget(name)
        elif self._risk_turns.take_turn(name, now) and (active := self._watch.live_on(name)):
            self._lanes.submit(lane, [name], partial(self._risks.look, name, active))

    def _reconcile(self, name: str, now: datetime, *, silent: bool) -> None:
        """In a lane of its own, by whoever has the lease."""
        lane, reconciler = f"{name} reconciliation", self._reconciler
        if reconciler is None or silent or not self._lease.held or self._lanes.busy(lane, name):
            return
        if reconciler.is_wanted(name) and self._reconcile_turns.take_turn(name, now):
            self._lanes.submit(lane, [name], partial(reconciler.look_if_due, name, now))


def _announce(queue: Queue, request_id: str) -> None:
    try:
        queue.grant(request_id)
    except QueueUnavailable as silent:
        log.warning("queue.unavailable", request_id=request_id, because=str(silent))
