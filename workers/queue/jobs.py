"""The three jobs a worker carries out. Each says when it should be carried out again, or that it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars

from jit.facts import RefusalReason, Refused, Source
from jit.ledger import Ledger, LedgerUnavailable
from jit.ports import Clock, Held
from jit.requests.due import begun_until
from jit.requests.lifecycle import LIVE, Request, State
from workers.end_orders.queue import EndOrderQueue
from workers.end_orders.signed import BadEndOrder, SignedOrder
from workers.provision.grant import Granter
from workers.provision.revoke import Revoker
from workers.queue.job import Payload

log = structlog.get_logger(__name__)

AGAIN_AFTER = timedelta(seconds=2)
"""An end that did not work, or that the timekeeper has begun, is tried again after this long, whatever it does then."""
MOST_WAITED_FOR = 10_000
"""Ends that others began are remembered up to so many."""
COMPLAIN_EVERY = timedelta(minutes=1)
"""Forged orders are recorded at most this often: who can write to Redis shall not flood the record."""


@dataclass(kw_only=True, eq=False, repr=False)
class Jobs:
    """The jobs by name, each with its one argument. No error escapes: RQ would write it into Redis and its log."""

    ledger: Ledger
    granter: Granter
    revoker: Revoker
    orders: EndOrderQueue
    clock: Clock
    actor: str
    _complained: datetime | None = field(default=None, init=False)
    _waited_for: dict[str, datetime] = field(default_factory=dict, init=False)

    def perform(self, payload: Payload) -> datetime | None:
        """Carry out a job. Returns when to carry it out again; None if it is done, or the timekeeper will see to it."""
        by_name: dict[str, Callable[[str], datetime | None]]
        by_name = {"grant": self.grant, "revoke": self.revoke, "end": self.end}
        with bound_contextvars(order=payload.name):
            try:
                return by_name[payload.name](payload.argument)
            except Exception:
                log.exception("order.failed")
                return self.clock.now() + AGAIN_AFTER

    def grant(self, request_id: str) -> None:
        self.granter.grant(request_id)

    def revoke(self, request_id: str) -> None:
        """End a request that is *ending* by the ledger's word, also where somebody has changed what that says."""
        try:
            request = self.ledger.request_as_written(request_id)
        except LedgerUnavailable as silent:
            log.warning("revoke.put_off", request_id=request_id, because=str(silent))
            return
        if request is not None and request.state is State.ENDING:
            self.revoker.end([request])

    def end(self, text: str) -> datetime | None:
        """End what a worker's signed order says, at the time it says.

        The order wins over the ledger, where somebody may have written a later end: only a newer order that the ledger
        holds puts this one off.
        """
        try:
            order = self.orders.read(text)
        except BadEndOrder:
            self._complain()
            return None
        now = self.clock.now()
        if now < order.ends_at:
            return order.ends_at
        try:
            return self._end_by_ledger(SignedOrder(order, text), now)
        except LedgerUnavailable as silent:
            log.warning("end.without_ledger", request_id=order.request_id, because=str(silent))
        return None if self.revoker.end_unrecorded(order, order.ends_at) else now + AGAIN_AFTER

    def _end_by_ledger(self, signed: SignedOrder, now: datetime) -> datetime | None:
        order = signed.order
        request = self.ledger.request(order.request_id)
        held = Held(order.request_id, order.principal, order.permissions, order.ends_at)
        if request is None or request.state not in LIVE:
            return None if self.revoker.revoke_late(order.target, held, seen=False) else now + AGAIN_AFTER
        if self._is_superseded(signed, request):
            return None
        others = begun_until(request, now)
        if others and self._is_first_beginning(request.id, others):
            return others
        gone = request.id in self.revoker.end([request], still=lambda one: not self._is_superseded(signed, one))
        if order.target != request.target:  # somebody wrote another into the ledger
            gone = self.revoker.revoke_late(order.target, held) and gone
        return None if gone else now + AGAIN_AFTER

    def _is_superseded(self, signed: SignedOrder, request: Request) -> bool:
        """Whether a newer order puts this one off, and nobody ordered the end."""
        return request.state is not State.ENDING and self.orders.drop_superseded(signed, request)

    def _is_first_beginning(self, request_id: str, until: datetime) -> bool:
        """Whether this beginning by others is the first that was seen here. An end that is begun again and again is
        held up by somebody, and not left to them.
        """
        first = self._waited_for.setdefault(request_id, until)
        if len(self._waited_for) > MOST_WAITED_FOR:
            self._waited_for.pop(next(iter(self._waited_for)))
        return first == until

    def _complain(self) -> None:
        now = self.clock.now()
        log.warning("order.forged")
        if self._complained is not None and now - self._complained < COMPLAIN_EVERY:
            return
        self._complained = now
        fact = Refused(at=now, actor=self.actor, source=Source.WORKER, attempted="end", reason=RefusalReason.BAD_TICKET)
        try:
            self.ledger.append([fact])
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))
