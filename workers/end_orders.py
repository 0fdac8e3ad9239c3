"""Signed orders to end one access: all that is needed to do it while the ledger is down.

They lie in Redis, where others may read and write. So they hold no text of people, and nobody without the
workers' key can make or change one.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, SecretStr, StringConstraints, ValidationError

from jit.access import REQUEST_ID, Request
from jit.facts import Moment
from jit.settings import CannotStart

LONGEST = 4096
"""Characters of an order."""
SHORTEST_KEY = 32
"""Bytes."""
DOMAIN = b"jit end-of-access order, version 1\0"
"""Goes into the signature, so that a signature made for anything else is worth nothing here."""
PREFIX = "end1."
KEY_FILE = "worker.key"

RequestId = Annotated[str, StringConstraints(pattern=rf"^{REQUEST_ID.pattern}$")]


class BadEndOrder(Exception):
    """Not an order that a worker signed."""


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

    @classmethod
    def of(cls, request: Request, ends_at: Moment) -> "EndOrder":
        return cls(
            request_id=request.id,
            target=request.target,
            principal=request.principal,
            ends_at=ends_at,
            requester=request.requester,
            access=request.access,
            permissions=request.permissions,
            policy_version=request.policy_version,
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


def sign(key: bytes, order: EndOrder) -> str:
    """The order as text, with its signature."""
    body = base64.urlsafe_b64encode(order.model_dump_json().encode()).decode()
    return f"{PREFIX}{body}.{_signature(key, body)}"


def verify(key: bytes, text: str) -> EndOrder:
    """Raises BadEndOrder."""
    body, _, signature = text.removeprefix(PREFIX).rpartition(".")
    if len(text) > LONGEST or not text.isascii() or not text.startswith(PREFIX):
        raise BadEndOrder
    if not hmac.compare_digest(signature, _signature(key, body)):
        raise BadEndOrder
    try:
        return EndOrder.model_validate_json(base64.urlsafe_b64decode(body))
    except (ValueError, ValidationError):
        raise BadEndOrder from None


def _signature(key: bytes, body: str) -> str:
    return hmac.new(key, DOMAIN + body.encode(), hashlib.sha256).hexdigest()


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
