"""Giving access: only what the ledger's facts decide, only with its end scheduled, only on the record."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from jit.facts import BEGIN_WITHIN, Granted, GrantIntent, Lapsed, RefusalReason, Source
from jit.ledger import ClockSkew, Conflict, Ledger, LedgerUnavailable, StoredDirectory
from jit.policy import PolicyFolder
from jit.ports import (
    Clock,
    Grant,
    Holder,
    QueueUnavailable,
    Target,
    TargetError,
    TargetRefused,
    TargetUnreachable,
)
from jit.requests.decision import Outcome, before_effect
from jit.requests.due import Action, action_at
from jit.requests.lifecycle import Request, State
from workers.end_orders.queue import EndOrderQueue
from workers.end_orders.signed import TooLong
from workers.provision.extend import Extender
from workers.provision.lockdowns import ObeyedLockdowns
from workers.provision.revoke import Revoker
from workers.provision.still_due import LAPSES, NoLongerDue, StillDue, known
from workers.targets.registry import TargetRegistry, TargetUnusable

log = structlog.get_logger(__name__)

TOO_LONG = "its permissions are too many for one order to end it; split the access into several"


@dataclass(kw_only=True, eq=False, repr=False)
class Granter:
    """Gives what was approved, and extends it (`Extender`). Safe to call for anything, at any time, twice.

    The order of the steps is the promise. A worker may die after any of them; the timekeeper finds what was left.

    1. The decision is checked, by the facts and the rules in force.
    2. A signed order to end the access is put into the queue.
    3. The intent is recorded: it fixes the end, and holds that order.
    4. The target takes the principal's lock, and has deadline, ledger and lockdowns checked once more.
    5. The target gives, and is read back.
    6. The outcome is recorded.
    """

    ledger: Ledger
    policies: PolicyFolder
    directory: StoredDirectory
    orders: EndOrderQueue
    registry: TargetRegistry
    revoker: Revoker
    clock: Clock
    actor: str
    lockdowns: ObeyedLockdowns
    extender: Extender = field(init=False)

    def __post_init__(self) -> None:
        self.extender = Extender(
            ledger=self.ledger,
            policies=self.policies,
            directory=self.directory,
            orders=self.orders,
            registry=self.registry,
            clock=self.clock,
            actor=self.actor,
            lockdowns=self.lockdowns,
        )

    def grant(self, request_id: str) -> None:
        """Give what this request was approved for, if it still is; of an active one carry out its extension. Raises
        nothing that is not a fault of ours.
        """
        try:
            request = self.ledger.request(request_id)
            if request is not None and (lockdown := self.lockdowns.over(request)):
                log.warning("grant.locked", request_id=request_id, lockdown=lockdown.id)  # the timekeeper ends it
                return
            if request is not None and request.extension is not None:
                self.extender.extend(request)
                return
            if request is None or not self._wanted(request):
                return
            prepared = self._prepare(request)
            if prepared is not None:
                self._give(*prepared)
        except Conflict as faster:
            log.info("grant.overtaken", request_id=request_id, because=str(faster))
        except TargetUnreachable:
            log.warning("grant.put_off", request_id=request_id, why="TargetUnreachable")  # its words may name people
        except (ClockSkew, LedgerUnavailable, QueueUnavailable) as unable:
            log.warning("grant.put_off", request_id=request_id, why=type(unable).__name__, because=str(unable))

    def _wanted(self, request: Request) -> bool:
        """Approved and not begun, or begun and left by its worker long enough ago."""
        if request.state is State.APPROVED:
            return True
        return request.state is State.GRANTING and action_at(request, self.clock.now()) is Action.GRANT

    def _prepare(self, request: Request) -> tuple[Request, str | None] | None:
        """Steps 1 to 3: the request with its end order in the queue and its intent on record, both made anew or found;
        and the version of the rules under which it was checked. None if it may not be given.
        """
        self.ledger.require_clocks_agree()
        people = {request.requester, *(counted.approver for counted in request.counted)}
        known = self.directory.seen_together(people)
        decision = before_effect(request, self.policies, known, self.clock.now())  # 1.
        reason = decision.reason
        if reason is not None and decision.outcome is Outcome.INVALID:
            self._drop(request, reason, decision.version)
            return None
        if not self._heard_of(request, people, known):
            reason = RefusalReason.CANNOT_LOOK_UP
        if reason is not None:
            log.warning("grant.put_off", request_id=request.id, why=Outcome.UNKNOWN.value, because=reason.value)
            return None
        try:
            if request.state is State.APPROVED:
                return self._begin(request, self.registry.get(request.target), decision.version), decision.version
            self.orders.settle(request)
        except TargetUnusable as unusable:
            self.revoker.give_up(request, str(unusable))
            return None
        except TooLong:
            self.revoker.roll_back(request, TOO_LONG)
            return None
        return request, decision.version

    def _heard_of(self, request: Request, people: Iterable[str], known: StoredDirectory) -> bool:
        """Whether it was asked lately who these people are: by the press, or of what begins later by the bot since."""
        now = self.clock.now()
        pressed = request.approved_at is not None and now - request.approved_at <= BEGIN_WITHIN
        return pressed or known.heard_within(people, BEGIN_WITHIN, now)

    def _begin(self, request: Request, target: Target, checked: str | None) -> Request:
        """Steps 2 and 3. The order comes before the intent that holds it: nothing begins without a queue."""
        held_before = _held_before(target, request)
        now, intent_id = self.clock.now(), uuid4()
        end = self.orders.make(request, now + request.duration, fact=intent_id)
        is_in_queue = self.orders.propose(end)  # 2.
        intent = GrantIntent.about(
            request,
            id=intent_id,
            at=now,
            actor=self.actor,
            source=Source.WORKER,
            ends_at=end.order.ends_at,
            held_before=held_before,
            end_order=end.text,
            checked_version=checked,
        )
        begun = self.ledger.append([intent], expect={request.id: request.version}).requests[request.id]  # 3.
        if not is_in_queue:
            self.orders.settle(begun)
        return begun

    def _drop(self, request: Request, reason: RefusalReason, checked: str | None) -> None:
        """Close a request whose decision holds no more: it lapses, or what was begun is rolled back."""
        log.warning("grant.dropped", request_id=request.id, because=reason.value)
        if request.state is State.GRANTING:
            self.revoker.roll_back(request, "it was no longer approved when it was taken up again")
            return
        because = LAPSES.get(reason, "no_longer_approved")
        by = {"at": self.clock.now(), "actor": self.actor, "source": Source.WORKER}
        lapsed = Lapsed.about(request, **by, because=because, checked_version=checked)
        self.ledger.append([lapsed], expect={request.id: request.version})

    def _give(self, request: Request, checked: str | None) -> None:
        """Steps 4 to 6."""
        ends_at = known(request.ends_at)
        grant = Grant(request.id, request.principal, request.permissions, ends_at)
        try:
            target = self.registry.get(request.target)
            held = target.grant(grant, StillDue(self.ledger, self.clock, request, self.lockdowns))  # 4. and 5.
        except NoLongerDue as over:
            log.info("grant.overtaken", request_id=request.id, because=str(over))
            return
        except TargetRefused as refused:
            self.revoker.roll_back(request, str(refused))
            return
        if set(held.permissions) != set(request.permissions):
            self.revoker.roll_back(request, "the target gave something else than was approved")
            return
        granted = Granted.about(
            request,
            at=self.clock.now(),
            actor=self.actor,
            source=Source.WORKER,
            ends_at=ends_at,
            read_back=held.permissions,
            how_to_connect=target.how_to_connect(request.principal) or None,
            checked_version=checked,
        )
        self.ledger.append([granted], expect={request.id: request.version})  # 6.
        log.info("grant.done", request_id=request.id, target=request.target)


def _held_before(target: Target, request: Request) -> tuple[str, ...]:
    """What the person has anyway. A target that refuses to say will refuse to give, and then says why."""
    try:
        return tuple(name for name in request.permissions if Holder(request.principal) in target.holders(name))
    except TargetUnreachable:
        raise
    except TargetError:
        return ()
