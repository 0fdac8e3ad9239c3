"""Giving more time: only what the ledger's facts decide, and never before the target has the later end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog

from jit.facts import Extended, ExtensionFailed, ExtensionIntent, ExtensionLapsed, RefusalReason, Source
from jit.ledger import Ledger
from jit.policy import PolicyFolder
from jit.ports import Clock, Directory, Grant, Held, QueueUnavailable, TargetError, TargetRefused, TargetUnreachable
from jit.requests.decision import Outcome, before_effect
from jit.requests.due import Action, action_at
from jit.requests.lifecycle import Request, State
from workers.end_orders.queue import EndOrderQueue
from workers.end_orders.signed import TooLong
from workers.provision.lockdowns import ObeyedLockdowns
from workers.provision.still_due import LAPSES, NoLongerDue, StillDue, known
from workers.targets.registry import TargetRegistry

log = structlog.get_logger(__name__)

TOO_LONG = "its permissions are too many for one order to end it"
GONE = "the target holds nothing of it any more, or something else than was given"
NOT_AS_TOLD = "the target took another end than it was told"
NO_LONGER = "it was no longer approved when it was taken up again"


@dataclass(kw_only=True, eq=False, repr=False)
class Extender:
    """Moves the end of active access to where it was approved to be. Safe to call for anything, at any time, twice.

    The order of the steps is the promise. A worker may die after any of them: until the last but one the end is where
    it was, and another worker takes it up while that has not come. See *End orders* in `docs/end-orders.md`.

    1. The decision is checked, by the facts and the rules in force.
    2. The intent is recorded. It fixes nothing.
    3. The target takes the principal's lock, and has ledger and time checked once more.
    4. The target is told the later end, and is read back.
    5. The outcome is recorded: it fixes the end, and holds a signed order for it.
    6. The order is put into the queue, in the place of the one before.
    """

    ledger: Ledger
    policies: PolicyFolder
    directory: Directory
    orders: EndOrderQueue
    registry: TargetRegistry
    clock: Clock
    actor: str
    lockdowns: ObeyedLockdowns

    def extend(self, request: Request) -> None:
        """Carry out the extension of this request, if it was approved and still is. Raises Conflict, ClockSkew,
        LedgerUnavailable, TargetUnreachable.
        """
        if self._wanted(request) and (prepared := self._prepare(request)) is not None:
            self._move(*prepared)

    def _wanted(self, request: Request) -> bool:
        """Approved and not begun, or begun and left by its worker long enough ago; and the end has not come."""
        extension, now = request.extension, self.clock.now()
        if request.state is not State.ACTIVE or extension is None or now >= known(request.ends_at):
            return False
        return extension.state is State.APPROVED or (
            extension.state is State.GRANTING and action_at(request, now) is Action.EXTEND
        )

    def _prepare(self, request: Request) -> tuple[Request, str | None] | None:
        """Steps 1 and 2: the request with the intent on record; and the version of the rules under which it was
        checked. None if it may not be extended.
        """
        self.ledger.require_clocks_agree()
        extension = request.undecided
        decision = before_effect(extension, self.policies, self.directory, self.clock.now())  # 1.
        if decision.reason is not None and decision.outcome is Outcome.UNKNOWN:
            why, because = decision.outcome.value, decision.reason.value
            log.warning("extension.put_off", request_id=request.id, why=why, because=because)
            return None
        if decision.reason is not None:
            self._drop(request, decision.reason, decision.version)
            return None
        if extension.state is State.GRANTING:
            return request, decision.version
        told = {"ends_at": known(extension.longest_end), "checked_version": decision.version}
        intent = ExtensionIntent.about(extension, **self._signed(), **told)
        recorded = self.ledger.append([intent], expect={request.id: request.version})  # 2.
        return recorded.requests[request.id], decision.version

    def _move(self, request: Request, checked: str | None) -> None:
        """Steps 3 to 6."""
        extension, fact = request.undecided, uuid4()
        ends_at = known(extension.ends_at)
        try:
            signed = self.orders.make(request, ends_at, fact=fact)
            held = self._told(request, ends_at)  # 3. and 4.
        except NoLongerDue as over:
            log.info("extension.overtaken", request_id=request.id, because=str(over))
            return
        except TooLong:
            self._give_up(request, TOO_LONG)
            return
        except TargetUnreachable:
            raise
        except TargetError as refused:
            self._give_up(request, str(refused))
            return
        if set(held.permissions) != set(request.permissions) or held.ends_at != ends_at:
            self._put_back(request, NOT_AS_TOLD)
            return
        told = {"ends_at": ends_at, "end_order": signed.text, "read_back": held.permissions}
        outcome = Extended.about(extension, id=fact, **self._signed(), **told, checked_version=checked)
        after = self.ledger.append([outcome], expect={request.id: request.version}).requests[request.id]  # 5.
        log.info("extension.done", request_id=request.id, target=request.target)
        try:
            self.orders.settle(after)  # 6.
        except QueueUnavailable as silent:  # the one that lies there is superseded once it is due
            log.warning("queue.unavailable", request_id=request.id, because=str(silent))

    def _told(self, request: Request, ends_at: datetime) -> Held:
        """What the target holds, once it was told this end. Raises NoLongerDue, TargetError."""
        target = self.registry.get(request.target)
        held = target.held(request.id)
        if held is None or set(held.permissions) != set(request.permissions):
            raise TargetRefused(GONE)  # to give it anew would be another grant
        grant = Grant(request.id, request.principal, request.permissions, ends_at)
        return target.grant(grant, StillDue(self.ledger, self.clock, request, self.lockdowns))

    def _drop(self, request: Request, reason: RefusalReason, checked: str | None) -> None:
        """Close an extension whose decision holds no more."""
        log.warning("extension.dropped", request_id=request.id, because=reason.value)
        extension = request.undecided
        if extension.state is State.GRANTING:
            self._put_back(request, NO_LONGER)
            return
        because = LAPSES.get(reason, "no_longer_approved")
        lapsed = ExtensionLapsed.about(extension, **self._signed(), because=because, checked_version=checked)
        self.ledger.append([lapsed], expect={request.id: request.version})

    def _put_back(self, request: Request, because: str) -> None:
        """Close an extension of which the target may have been told, once it was told the end in force again."""
        try:
            self._told(request, known(request.ends_at))
        except NoLongerDue as over:
            log.info("extension.overtaken", request_id=request.id, because=str(over))
            return
        except TargetUnreachable:
            raise
        except TargetError as refused:
            log.warning("extension.not_put_back", request_id=request.id, because=type(refused).__name__)
        self._give_up(request, because)

    def _give_up(self, request: Request, because: str) -> None:
        failed = ExtensionFailed.about(request.undecided, **self._signed(), reason=because)
        self.ledger.append([failed], expect={request.id: request.version})

    def _signed(self) -> dict[str, Any]:
        return {"at": self.clock.now(), "actor": self.actor, "source": Source.WORKER}
