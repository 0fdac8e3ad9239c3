"""Orders to end access, signed with the workers' key of `tests.world.hands`."""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any
from uuid import uuid4

from jit.requests.lifecycle import Request
from tests.world.hands import KEY, Hands
from workers.end_orders.signed import EndOrder, sign
from workers.queue.job import Payload


def order_about(request: Request, ends_at: datetime, /, **other: Any) -> EndOrder:
    """One that belongs to no fact, and is older than all; but for ``other``."""
    return EndOrder.of(request, ends_at, fact=uuid4(), number=0).model_copy(update=other)


def signed(request: Request, ends_at: datetime, /, **other: Any) -> str:
    return sign(KEY, order_about(request, ends_at, **other))


def signed_before_the_upgrade(request: Request, ends_at: datetime) -> str:
    """Version 1: about a request alone."""
    told = order_about(request, ends_at).model_dump_json(exclude={"fact", "number"})
    body = base64.urlsafe_b64encode(told.encode()).decode()
    signature = hmac.new(KEY, b"jit end-of-access order, version 1\0" + body.encode(), hashlib.sha256).hexdigest()
    return f"end1.{body}.{signature}"


def lying(house: Hands, request_id: str = "R-TEST") -> str:
    """The text of the order that lies in the queue for a request."""
    _, text = house.queue.end_orders[request_id]
    return text


def carry_out(house: Hands, *texts: str) -> None:
    """These orders, or what lies in the queue, as a worker takes them."""
    for text in texts or [text for _, text in house.queue.ends]:
        house.jobs.perform(Payload("end", text))
