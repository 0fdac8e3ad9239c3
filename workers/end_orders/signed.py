"""Signed orders to end one access, and which of them counts. One is all that is needed to end it without the ledger.

They lie in Redis, where others may read and write. So they hold no text of people, and nobody without the workers'
key can make or change one. The protocol, and what was tried against it: *End orders* in `docs/end-orders.md`.
"""

import base64
import hashlib
import hmac
import os
import secrets
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, NonNegativeInt, SecretStr, StringConstraints, ValidationError

from jit.facts import Moment
from jit.ports import LONGEST_END_ORDER
from jit.requests.lifecycle import REQUEST_ID, Request
from jit.runtime.settings import CannotStart

SHORTEST_KEY = 32
"""Bytes."""
PREFIX = "end2."
DOMAINS = {
    PREFIX: b"jit end-of-access order, version 2\0",
    "end1.": b"jit end-of-access order, version 1\0",
}
"""Go into the signature, so that one made for anything else is worth nothing here. Version 1 named no fact."""
KEY_FILE = "worker.key"

RequestId = Annotated[str, StringConstraints(pattern=rf"^{REQUEST_ID.pattern}$")]


class BadEndOrder(Exception):
    """Not an order that a worker signed."""


class TooLong(Exception):
    """An order with so many permissions that no worker would take it."""


class BadKey(CannotStart):
    """The workers' key cannot be used."""


class EndOrder(BaseModel):
    """One access and its end. Has what a fact repeats of a request, but for what people wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_id: RequestId
    target: str
    principal: str
    ends_at: Moment
    requester: str
    access: str
    permissions: tuple[str, ...]
    policy_version: str
    fact: UUID | None = None
    """The fact that fixes this end, and holds this order. None in version 1."""
    number: NonNegativeInt = 0
    """Higher than that of every order before it that counted for the request."""

    @classmethod
    def of(cls, request: Request, ends_at: Moment, *, fact: UUID, number: int) -> "EndOrder":
        return cls(
            request_id=request.id,
            target=request.target,
            principal=request.principal,
            ends_at=ends_at,
            requester=request.requester,
            access=request.access,
            permissions=request.permissions,
            policy_version=request.policy_version,
            fact=fact,
            number=number,
        )

    @property
    def id(self) -> str:
        return self.request_id

    @property
    def why(self) -> str:
        return ""

    @property
    def incident(self) -> str | None:
        return None


class SignedOrder(NamedTuple):
    """An order and its text, signature included."""

    order: EndOrder
    text: str


class OrderStatus(StrEnum):
    """What an order that verifies is, by the facts of its request."""

    COUNTS = "counts"
    SUPERSEDED = "superseded"
    """By one that counts and has no lower number. It ends nothing."""
    EARLIER = "unexplained, and no later"
    """It may end access."""
    LATER = "unexplained, and later"
    """The end on record comes first."""


def counting(key: bytes, request: Request) -> SignedOrder | None:
    """The order that counts: of those that verify and that a fact of the request holds which they name, the one with
    the highest number. What the facts say beside them explains nothing.
    """
    explained: list[SignedOrder] = []
    for fixed in request.fixed_ends:
        try:
            order = verify(key, fixed.order or "")
        except BadEndOrder:
            continue
        if order.fact == fixed.fact and order.request_id == request.id:
            explained.append(SignedOrder(order, fixed.order or ""))
    return max(explained, key=lambda signed: signed.order.number, default=None)


def judge(key: bytes, order: EndOrder, request: Request) -> OrderStatus:
    """What ``order``, which verifies, is by the facts of its request."""
    counts = counting(key, request)
    if counts is not None and order == counts.order:
        return OrderStatus.COUNTS
    if counts is not None and order.number <= counts.order.number:
        return OrderStatus.SUPERSEDED
    ends_at = counts.order.ends_at if counts else request.ends_at
    return OrderStatus.LATER if ends_at is not None and ends_at < order.ends_at else OrderStatus.EARLIER


def next_number(key: bytes, request: Request, now: datetime) -> int:
    """For a new order: microseconds since 1970, so that it grows over tries that left no fact; or one more than the
    number that counts, whatever the clock says.
    """
    counts = counting(key, request)
    return max(int(now.timestamp() * 1_000_000), counts.order.number + 1 if counts else 0)


def sign(key: bytes, order: EndOrder) -> str:
    """The order as text, with its signature. Raises TooLong."""
    body = base64.urlsafe_b64encode(order.model_dump_json().encode()).decode()
    text = f"{PREFIX}{body}.{_signature(key, PREFIX, body)}"
    if len(text) > LONGEST_END_ORDER:
        raise TooLong
    return text


def verify(key: bytes, text: str) -> EndOrder:
    """Raises BadEndOrder."""
    prefix = text[: len(PREFIX)]
    body, _, signature = text[len(PREFIX) :].rpartition(".")
    if len(text) > LONGEST_END_ORDER or not text.isascii() or prefix not in DOMAINS:
        raise BadEndOrder
    if not hmac.compare_digest(signature, _signature(key, prefix, body)):
        raise BadEndOrder
    try:
        return EndOrder.model_validate_json(base64.urlsafe_b64decode(body))
    except (ValueError, ValidationError):
        raise BadEndOrder from None


def _signature(key: bytes, prefix: str, body: str) -> str:
    return hmac.new(key, DOMAINS[prefix] + body.encode(), hashlib.sha256).hexdigest()


def load_key(given: SecretStr | None, data: Path) -> bytes:
    """The key that was given, else the one in ``data``, made there if there is none. Raises BadKey."""
    if given is not None:
        return _long_enough(given.get_secret_value().encode(), "JIT_WORKER_KEY")
    path = data / KEY_FILE
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path)
        return _long_enough(path.read_bytes(), str(path))
    except OSError as wrong:
        raise BadKey(f"{path} cannot be used: {wrong.strerror}. Set JIT_WORKER_KEY, or mend the folder.") from None


def _make(path: Path) -> None:
    """Written aside and linked into place: whoever comes second finds the first one's, whole."""
    if path.exists():
        return
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_hex(SHORTEST_KEY).encode())
        os.fsync(handle)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        os.close(handle)
        draft.unlink()


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < SHORTEST_KEY:
        raise BadKey(f"{where} holds fewer than {SHORTEST_KEY} bytes. Make one with `openssl rand -hex 32`.")
    return key
