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
_FIELD = b"jit field\0"
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_KEY_ID = re.compile(r"[0-9a-f]{32}")
_PLAIN = re.compile(r'"[^"\\\x00-\x1f]*"').fullmatch
"""JSON of a text in which nothing is escaped. Nearly all there is is such a text."""


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
            inner = value["sealed"]
            key_id, commitment, box = inner["key"], inner["commit"], inner["box"]
            commitment, box = a2b_base64(commitment, strict_mode=True), a2b_base64(box, strict_mode=True)
            sized = len(value) == 1 and len(inner) == 3 and len(commitment) == _COMMITMENT and len(box) > _NONCE + _TAG
            if sized and _KEY_ID.fullmatch(key_id):
                return cls(key_id, commitment, box)
        except (LookupError, TypeError, ValueError) as wrong:
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
    return _secret(key, _place(fact_id, path))


def close(value: Any, key: PersonKey, fact_id: str, path: str, nonce: bytes | None = None) -> dict[str, Any]:
    """What stands in the entry instead of ``value``. A ``nonce`` is given by tests alone."""
    place = _place(fact_id, path)
    secret = _secret(key.key, place)
    nonce = nonce or os.urandom(_NONCE)
    text = _as_json(value).encode()
    text += b" " * (-len(text) % _STEP)  # JSON takes blanks at its end, and a box then does not tell a name's length
    box = AESGCM(_key(secret)).encrypt(nonce, text, place)
    return Sealed(key.id, _commitment(secret), nonce + box).written()


def open_with_key(sealed: Sealed, key: bytes, fact_id: str, path: str) -> Any:
    """What was closed. Raises CannotOpen."""
    return json.loads(open_text(sealed.commitment, sealed.box, key, fact_id, path))


def open_text(commitment: bytes, box: bytes, key: bytes, fact_id: str, path: str) -> str:
    """The JSON of what was closed. Raises CannotOpen."""
    place = _place(fact_id, path)
    secret = _secret(key, place)
    if _commitment(secret) != commitment:
        raise CannotOpen("closed for another place, or with another key")
    try:
        text = AESGCM(_key(secret)).decrypt(box[:_NONCE], box[_NONCE:], place).decode().rstrip(" ")
        return text if _PLAIN(text) else json.dumps(json.loads(text))
    except (InvalidTag, ValueError, RecursionError) as wrong:
        raise CannotOpen("not what was closed") from wrong


def _place(fact_id: str, path: str) -> bytes:
    return f"{fact_id}\0{path}".encode()


def _secret(key: bytes, place: bytes) -> bytes:
    """HMAC-SHA256 as RFC 2104 has it: `hmac.digest` takes twice as long, as it looks for its algorithm at each call."""
    padded = key.ljust(64, b"\0")
    return sha256(padded.translate(_OUTER) + sha256(padded.translate(_INNER) + _FIELD + place).digest()).digest()


def _key(secret: bytes) -> bytes:
    return sha256(b"jit seal\0" + secret).digest()


def _commitment(secret: bytes) -> bytes:
    return sha256(b"jit commit\0" + secret).digest()
