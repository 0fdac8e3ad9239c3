"""One value closed and opened.

Each field of each fact has a secret of its own, from the person's key, the fact and the field's path; who is told that
secret can open that one field and nothing else. Key and commitment come from the secret. AES-GCM alone can be made to
open with two keys to two texts; the commitment leaves one secret for each box. What is closed in one place opens in
no other.

    place   = fact id + 0x00 + path                  as UTF-8; path as `counted.0.approver`
    secret  = HMAC-SHA256(person's key, "jit field" + 0x00 + place)
    commit  = SHA-256("jit commit" + 0x00 + secret)
    box     = nonce of 12 bytes + AES-256-GCM(SHA-256("jit seal" + 0x00 + secret), nonce, JSON of the value, place)
    written   {"sealed": {"key": id of the person's key, "commit": Base64, "box": Base64}}

`jit.proof.verifier.open_sealed` is the other side, for who has the secret and nothing else of ours.
"""

import base64
import hmac
import json
import os
import re
from binascii import a2b_base64
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE, _TAG = 12, 16
_STEP = 32
_COMMITMENT = 32
_OUTER, _INNER = frozenset({"sealed"}), frozenset({"key", "commit", "box"})
_FIELD = b"jit field\0"
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_KEY_ID = re.compile(r"[0-9a-f]{32}")


class PersonKey(NamedTuple):
    """The key of one person's fields, and the id that entries name it by."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"PersonKey({self.id})"


class CannotOpen(ValueError):
    """A closed value is not what was closed here, or has not its shape."""


class Sealed(NamedTuple):
    """A closed value, taken out of its JSON."""

    key_id: str
    commitment: bytes
    box: bytes

    @classmethod
    def read(cls, value: Any) -> "Sealed":
        """Raises CannotOpen."""
        try:
            if value.keys() != _OUTER or (inner := value["sealed"]).keys() != _INNER:
                raise CannotOpen("not the parts of a closed value")
            commitment, box = a2b_base64(inner["commit"], strict_mode=True), a2b_base64(inner["box"], strict_mode=True)
            if len(commitment) == _COMMITMENT and len(box) > _NONCE + _TAG and _KEY_ID.fullmatch(inner["key"]):
                return cls(inner["key"], commitment, box)
        except (AttributeError, TypeError, ValueError) as wrong:
            raise CannotOpen("not the parts of a closed value") from wrong
        raise CannotOpen("not the parts of a closed value")

    def written(self) -> dict[str, Any]:
        return {
            "sealed": {
                "key": self.key_id,
                "commit": base64.b64encode(self.commitment).decode(),
                "box": base64.b64encode(self.box).decode(),
            }
        }


def new_key() -> PersonKey:
    return PersonKey(os.urandom(16).hex(), os.urandom(KEY_BYTES))


def field_secret(key: bytes, fact_id: str, path: str) -> bytes:
    """What opens this one field."""
    return hmac.digest(key, _FIELD + _place(fact_id, path), "sha256")


def close(value: Any, key: PersonKey, fact_id: str, path: str, nonce: bytes | None = None) -> dict[str, Any]:
    """What stands in the entry instead of ``value``. A ``nonce`` is given by tests alone."""
    place = _place(fact_id, path)
    secret = hmac.digest(key.key, _FIELD + place, "sha256")
    nonce = nonce or os.urandom(_NONCE)
    text = _as_json(value).encode()
    text += b" " * (-len(text) % _STEP)  # JSON takes blanks at its end, and a box then does not tell a name's length
    box = AESGCM(_key(secret)).encrypt(nonce, text, place)
    return Sealed(key.id, _commitment(secret), nonce + box).written()


def open_with_key(sealed: Sealed, key: bytes, fact_id: str, path: str) -> Any:
    """What was closed. Raises CannotOpen."""
    place = _place(fact_id, path)
    secret = hmac.digest(key, _FIELD + place, "sha256")
    if _commitment(secret) != sealed.commitment:
        raise CannotOpen("closed for another place, or with another key")
    try:
        return json.loads(AESGCM(_key(secret)).decrypt(sealed.box[:_NONCE], sealed.box[_NONCE:], place).decode())
    except (InvalidTag, ValueError, RecursionError) as wrong:
        raise CannotOpen("not what was closed") from wrong


def _place(fact_id: str, path: str) -> bytes:
    return f"{fact_id}\0{path}".encode()


def _key(secret: bytes) -> bytes:
    return sha256(b"jit seal\0" + secret).digest()


def _commitment(secret: bytes) -> bytes:
    return sha256(b"jit commit\0" + secret).digest()
