"""Looks into the targets for what they hold after its end, whatever the ledger says, or while it says nothing."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from jit.facts import AlertName
from jit.ledger import Ledger, LedgerUnavailable
from jit.ports import Clock, Held, TargetError
from jit.requests.due import begun_until
from jit.requests.lifecycle import LIVE, Request, State
from workers.provision.recorder import Recorder
from workers.provision.revoke import Revoker
from workers.provision.unknown_grant import unknown_grant
from workers.provision.watchlist import Watchlist, is_due
from workers.targets.registry import TargetRegistry
from workers.timekeeper.backoff import KeyedBackoff
from workers.timekeeper.changed_records import look_up
from workers.timekeeper.end_runner import EndRunner, unrecorded
from workers.timekeeper.lanes import ThreadLanes
from workers.timekeeper.leader import LeaderLease

log = structlog.get_logger(__name__)

INSPECT_EVERY = timedelta(seconds=2)
LEFT_TO_THE_LEADER = timedelta(seconds=3)
"""What is held this long after its end is ended without the lease, too: with `INSPECT_EVERY` within the stated lag."""


@dataclass(kw_only=True, eq=False, repr=False)
class TargetInspector:
    """Compares what each target holds with what it should."""

    ledger: Ledger
    recorder: Recorder
    registry: TargetRegistry
    revoker: Revoker
    runner: EndRunner
    watch: Watchlist
    lanes: ThreadLanes
    lease: LeaderLease
    clock: Clock
    actor: str
    _turns: KeyedBackoff = field(default_factory=lambda: KeyedBackoff(INSPECT_EVERY, INSPECT_EVERY), init=False)
    _out_of_reach: set[str] = field(default_factory=set, init=False)
    _ending_since: dict[str, datetime] = field(default_factory=dict, init=False)

    def inspect(self, name: str, *, silent: bool) -> None:
        """Look into a target if it is time, in a lane of its own. ``silent`` says that the ledger does not answer."""
        lane = f"{name} inspection"
        if not self.lanes.busy(lane, name) and self._turns.take_turn(name, self.clock.now()):
            self.lanes.submit(lane, [name], partial(self._inspect, name, silent=silent))

    def forget_ended(self) -> None:
        for request_id in [*self._ending_since]:
            if self.watch.get(request_id) is None:
                self._ending_since.pop(request_id, None)

    def _inspect(self, name: str, *, silent: bool) -> None:
        try:
            held = self.registry.get(name).list_grants()
        except TargetError as trouble:
            if name not in self._out_of_reach:
                log.warning("target.out_of_reach", target=name, because=str(trouble))
            self._out_of_reach.add(name)
            return
        if name in self._out_of_reach:
            log.info("target.back", target=name)
            self._out_of_reach.discard(name)
            self.runner.due_backoff.forget_all()
            self.runner.found_backoff.forget_all()
        for one in held:
            if not self.runner.found_backoff.ready(one.request_id, self.clock.now()):
                continue
            if silent:
                self._end_by_note(name, one)
            elif self.lease.held or self._is_neglected(one):
                self._end_if_over(name, one)

    def _end_by_note(self, name: str, held: Held) -> None:
        """By the deadline the target keeps, or a lockdown of all there: all that is known after a start without the
        ledger.
        """
        known = self.watch.get(held.request_id)
        lockdown = known.lockdown if known else self.watch.locked_on(name)
        over = lockdown or _over_by_note(held, self.clock.now())
        if over and not self.lanes.busy(unrecorded(name), held.request_id):
            about = known if known is not None and known.target == name else unknown_grant(name, held)
            gone = self.revoker.end_unrecorded(about, held.ends_at, lockdown)
            self.runner.note(self.runner.found_backoff, held.request_id, gone=gone)

    def _is_neglected(self, held: Held) -> bool:
        """Whether whoever has the lease should have ended this a while ago: one that has just started, as after an
        outage of all, has seen nobody neglect anything.
        """
        now = self.clock.now()
        if self.lease.unchanged_for < LEFT_TO_THE_LEADER:
            return False
        request = self.watch.get(held.request_id)
        ordered = request is not None and request.state is State.ENDING
        since = self._ending_since.setdefault(held.request_id, now) if ordered else None
        moments = (held.ends_at, request.ends_at if request else None, since)
        return any(moment is not None and moment + LEFT_TO_THE_LEADER <= now for moment in moments)

    def _end_if_over(self, name: str, held: Held) -> None:
        """Live by the ledger is right until it is over by the facts, where as a rule its being due ends it, or by the
        target's own note. Anything else has no business there. Without the lease, over is all that comes here.
        """
        now = self.clock.now()
        over = _over_by_note(held, now) or not self.lease.held
        try:
            request = self.watch.get(held.request_id)
            if request is None or request.state not in LIVE:
                request = look_up(self.ledger, self.recorder, held.request_id)
                over = over or (request is not None and _is_over(request, now))
            if request is None and not over:
                self._tell_foreign(name, held)
                return
            live = request is not None and request.state in LIVE
            if live and not over:
                return
            if request is not None and self._was_extended(name, request, now):
                return
            if not self.lease.held:
                self._tell_neglected(name, held, request)
            if request is not None and live and request.target == name:
                self.runner.end_found(request, lambda one: not self._was_extended(name, one, self.clock.now()))
            else:
                gone = self.revoker.revoke_late(name, held)
                self.runner.note(self.runner.found_backoff, held.request_id, gone=gone)
        except LedgerUnavailable as unable:
            log.warning("inspection.broken_off", target=name, because=str(unable))

    def _was_extended(self, name: str, request: Request, now: datetime) -> bool:
        """Whether it goes on by the ledger, and by the target's note as that is now. What was listed may be older."""
        if request.state is not State.ACTIVE or request.ends_at is None or request.ends_at <= now:
            return False
        try:
            held = self.registry.get(name).held(request.id)
        except TargetError:
            return False
        return held is not None and not _over_by_note(held, now)

    def _tell_neglected(self, name: str, held: Held, request: Request | None) -> None:
        says = (
            f"{name} still held {held.request_id}, which was over, and whoever holds the lease `{self.lease.name}` did"
            f" not end it. {self.actor} ends it without the lease. If no timekeeper is down, look who writes to "
            "`leases`."
        )
        self.recorder.tell(AlertName.END_NOT_BEGUN, request or unknown_grant(name, held), says)

    def _tell_foreign(self, name: str, held: Held) -> None:
        """It may be somebody's attempt to pass for us, or a ledger restored from an old copy: a person has to see."""
        says = (
            f"{name} holds {held.request_id} for {held.principal}, and the ledger knows of no such request. "
            "It was left alone. If nobody can explain it, take it away by hand."
        )
        self.recorder.tell(AlertName.FOREIGN_GRANT, unknown_grant(name, held), says)


def _is_over(request: Request, now: datetime) -> bool:
    """By the facts, of what is not watched, so that nothing else ends it."""
    return is_due(request, now) and begun_until(request, now) is None


def _over_by_note(held: Held, now: datetime) -> bool:
    return held.ends_at is not None and held.ends_at <= now
