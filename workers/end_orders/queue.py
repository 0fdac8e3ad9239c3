"""The orders to end access that lie in the queue, one for each request: signed here, with the workers' key."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from jit.ledger import Ledger
from jit.ports import Clock, Queue, QueueUnavailable
from jit.requests.lifecycle import Request
from workers.end_orders.signed import EndOrder, OrderStatus, SignedOrder, counting, judge, next_number, sign, verify

log = structlog.get_logger(__name__)

TIMEKEEPER_FIRST = timedelta(seconds=1)
"""The signed order comes this long after the end: as a rule the timekeeper is at it by then, and once is enough.

Well inside `workers.provision.late_ends.STATED_LAG`, which the order has to keep alone.
"""
TRIES = 5
"""How often an order is put in the place of what somebody else left there meanwhile."""


class EndOrderQueue:
    """``queue`` is where the orders lie. Thread-safe as far as that is."""

    def __init__(self, *, queue: Queue, ledger: Ledger, key: bytes, clock: Clock) -> None:
        self._queue = queue
        self._ledger = ledger
        self._key = key
        self._clock = clock

    def read(self, text: str) -> EndOrder:
        """Raises BadEndOrder."""
        return verify(self._key, text)

    def make(self, request: Request, ends_at: datetime, *, fact: UUID) -> SignedOrder:
        """A new order for the fact of this id to hold. Raises TooLong."""
        number = next_number(self._key, request, self._clock.now())
        order = EndOrder.of(request, ends_at, fact=fact, number=number)
        return SignedOrder(order, sign(self._key, order))

    def propose(self, signed: SignedOrder) -> bool:
        """Put a new order into the queue before its fact is recorded, unless another is there for the request: that may
        turn out to be the one whose fact the ledger takes. Returns whether it is there now. If not, `settle` puts the
        one that counts there, once the fact is recorded.

        Raises QueueUnavailable.
        """
        return self._put(signed) == signed.text

    def settle(self, request: Request) -> None:
        """Put the order that counts into the queue, in the place of whatever is there. Nothing is given before that.

        Raises QueueUnavailable, LedgerUnavailable, TooLong.
        """
        signed = self._on_record(request)
        present = self._put(signed)
        for _ in range(TRIES):
            if present == signed.text or self._counts_by_now(present, request.id):
                return
            present = self._put(signed, instead_of=present)
        raise QueueUnavailable("another order to end is put there again and again")

    def drop_superseded(self, signed: SignedOrder, request: Request) -> bool:
        """Whether this order, which is due, ends nothing, as one counts that is not due yet. That is put in its place.

        With the ledger silent it would have ended the access.
        """
        counts = counting(self._key, request)
        if counts is None or counts.order.ends_at <= self._clock.now():
            return False
        if judge(self._key, signed.order, request) is not OrderStatus.SUPERSEDED:
            return False
        log.info("order.superseded", request_id=request.id)
        try:
            self._put(counts, instead_of=signed.text)
        except QueueUnavailable as silent:
            log.warning("queue.unavailable", request_id=request.id, because=str(silent))
        return True

    def _on_record(self, request: Request) -> SignedOrder:
        """The order that counts; a new one where no fact holds one of this version, signed with this key."""
        if request.ends_at is None:
            raise AssertionError("nothing fixed an end")
        return counting(self._key, request) or self.make(request, request.ends_at, fact=request.fixed_ends[-1].fact)

    def _counts_by_now(self, text: str, request_id: str) -> bool:
        """Whether somebody has gone on with this request, so that another order counts."""
        request = self._ledger.request(request_id)
        counts = counting(self._key, request) if request else None
        return counts is not None and counts.text == text

    def _put(self, signed: SignedOrder, instead_of: str = "") -> str:
        """The text of the order that is in the queue for the request then. Raises QueueUnavailable."""
        order, text = signed
        return self._queue.end_at(order.ends_at + TIMEKEEPER_FIRST, order.request_id, text, instead_of=instead_of)
