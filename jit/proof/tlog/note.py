"""Signing: C2SP signed-note, tlog-checkpoint and tlog-cosignature, with Ed25519. `jit.proof.verifier` checks."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jit.proof.verifier import ED25519, VerifierKey, cosigned_message, require_key_name

PREFIX = "PRIVATE+KEY+"


class NotASigningKey(ValueError):
    """This is no private key of a signed note (a line beginning with PRIVATE+KEY+). `jit audit keygen` makes one."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


@dataclass(frozen=True, slots=True)
class SignerKey:
    """One Ed25519 key under one name: it signs notes, and as a cosigner the time of a checkpoint."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        require_key_name(self.name)

    @classmethod
    def generate(cls, name: str) -> "SignerKey":
        """Raises jit.proof.verifier.NoteError for a name that cannot stand in a note."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, skey: str) -> "SignerKey":
        """From the format of Go's note package: ``PRIVATE+KEY+<name>+<hash>+<base64 of 0x01 and the seed>``.

        Raises:
            NotASigningKey: it names no part of what was given.
        """
        skey = skey.strip()
        name, _, rest = skey.removeprefix(PREFIX).partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
            if not skey.startswith(PREFIX) or len(raw) != 33 or raw[0] != ED25519:
                raise NotASigningKey
            key = cls(name, Ed25519PrivateKey.from_private_bytes(raw[1:]))
            fits = key.verifier().key_id.hex() == key_id
        except (binascii.Error, ValueError):
            raise NotASigningKey from None
        if not fits:
            raise NotASigningKey
        return key

    def skey(self) -> str:
        """The secret itself, as `parse` reads it: for a file that only the signer reads."""
        raw = bytes([ED25519]) + self.private.private_bytes_raw()
        return f"{PREFIX}{self.name}+{self.verifier().key_id.hex()}+{base64.b64encode(raw).decode()}"

    def verifier(self) -> VerifierKey:
        """The public half, as it signs notes; its ``cosigning()`` is how it signs times."""
        return VerifierKey.of(self.name, ED25519, self.private.public_key().public_bytes_raw())

    def __str__(self) -> str:
        return f"signing key {self.name}+{self.verifier().key_id.hex()}"


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    """The text of a checkpoint, to be signed."""
    if not origin or "\n" in origin or size < 0 or len(root) != hashlib.sha256().digest_size:
        raise ValueError("a checkpoint needs an origin of one line, a size and a root of 32 bytes")
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


def sign(text: bytes, *keys: SignerKey) -> bytes:
    """A signed note: the text, and a line by each key."""
    if not text.endswith(b"\n") or not keys:
        raise ValueError("what is signed ends with a newline, and somebody signs it")
    return text + b"\n" + b"".join(_line(key.verifier(), key.private.sign(text)) for key in keys)


def cosign(text: bytes, key: SignerKey, at: int) -> bytes:
    """One more line under the checkpoint with this text: that it was the largest seen at ``at``, POSIX seconds."""
    signature = key.private.sign(cosigned_message(text, at))
    return _line(key.verifier().cosigning(), at.to_bytes(8, "big") + signature)


def _line(key: VerifierKey, blob: bytes) -> bytes:
    return f"— {key.name} {base64.b64encode(key.key_id + blob).decode()}\n".encode()
