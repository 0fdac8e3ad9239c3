"""A signed record of a few entries, the same each time, made by hand: for tests of what checks records."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jit.proof.tlog.note import SignerKey, checkpoint_text, cosign, sign
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import NO_ENTRY, Sources, Trust, leaf_hash, policy_version

ORIGIN = "jit.example.com/production"
REQUEST = "R-2345"
BEGAN = 1_790_000_000
"""When the first entry was recorded, POSIX seconds; each next one a second later."""
POLICY = [("base.policy.yml", b"channels: {audit: C0AUDIT01}\n"), ("dba.policy.yml", b"groups: {dba: [U02BOB000]}\n")]
SECRET_OF_ALICE = b"alice" * 6 + b"!!"


def key(name: str = ORIGIN, seed: int = 1) -> SignerKey:
    return SignerKey(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


LOG = key()
WITNESS = key("witness.example.net/w1", 2)
SECOND_WITNESS = key("witness.example.org/w2", 3)
STRANGER = key(ORIGIN, 9)


def fact_id(index: int) -> str:
    return str(UUID(int=index))


def field_secret(index: int, path: str) -> bytes:
    return hmac.digest(SECRET_OF_ALICE, f"jit field\0{fact_id(index)}\0{path}".encode(), "sha256")


def sealed(value: Any, index: int, path: str) -> dict[str, Any]:
    """As personal fields stand in an entry."""
    secret = field_secret(index, path)
    nonce = hashlib.sha256(secret).digest()[:12]
    box = AESGCM(hashlib.sha256(b"jit seal\0" + secret).digest()).encrypt(
        nonce, json.dumps(value).encode(), f"{fact_id(index)}\0{path}".encode()
    )
    commit = hashlib.sha256(b"jit commit\0" + secret).digest()
    return {"sealed": {"key": "ab" * 16, "commit": _b64(commit), "box": _b64(nonce + box)}}


def body(index: int, previous: str, fact: dict[str, Any], at: int | None = None) -> bytes:
    recorded_at = datetime.fromtimestamp(BEGAN + index if at is None else at, UTC) + timedelta(microseconds=7)
    head = {"index": index, "recorded_at": recorded_at.isoformat(), "previous": previous}
    return json.dumps(head)[:-1].encode() + b', "fact": ' + json.dumps(fact, separators=(",", ":")).encode() + b"}"


def life_fact(index: int, request: str | None = REQUEST) -> dict[str, Any]:
    fact: dict[str, Any] = {"id": fact_id(index), "kind": "requested", "policy_version": policy_version(POLICY)}
    if request is None:
        return fact | {"actor": "timekeeper@host", "kind": "started"}
    return fact | {
        "request_id": request,
        "requester": sealed("U01ALICE0", index, "requester"),
        "counted": [{"approver": sealed("U02BOB000", index, "counted.0.approver")}],
    }


@dataclass
class Record:
    """Entries, and a checkpoint of the log over all of them after each call of `sign_checkpoint`."""

    bodies: list[bytes] = field(default_factory=list)
    checkpoints: list[bytes] = field(default_factory=list)

    @property
    def entries(self) -> list[tuple[int, bytes, str | None]]:
        return [(place, body, hash_of(body)) for place, body in enumerate(self.bodies, 1)]

    @property
    def tree(self) -> HashTree:
        return HashTree(leaf_hash(body) for body in self.bodies)

    def append(self, fact: dict[str, Any]) -> None:
        previous = hash_of(self.bodies[-1]) if self.bodies else NO_ENTRY
        self.bodies.append(body(len(self.bodies) + 1, previous, fact))

    def checkpoint(
        self,
        size: int | None = None,
        *,
        at: int | None = None,
        by: Sequence[SignerKey] = (LOG,),
        witnesses: Sequence[SignerKey] = (),
    ) -> bytes:
        size = len(self.bodies) if size is None else size
        at = BEGAN + size if at is None else at
        text = checkpoint_text(ORIGIN, size, self.tree.root(size))
        return sign(text, *by) + b"".join(cosign(text, one, at) for one in (*by, *witnesses))

    def sign_checkpoint(self, **how: Any) -> None:
        self.checkpoints.append(self.checkpoint(**how))

    def bundle(self, **how: Any) -> dict[str, Any]:
        """As `jit audit prove` writes it, of every entry about `REQUEST`."""
        tree = self.tree
        return {
            "format": "jit evidence 1",
            "request": REQUEST,
            "made_at": "2026-09-21T15:00:00+00:00",
            "entries": [
                {
                    "index": place,
                    "body": body.decode(),
                    "proof": [_b64(step) for step in tree.inclusion(place - 1)],
                    "disclosed": {
                        path: _b64(field_secret(place, path)) for path in ("requester", "counted.0.approver")
                    },
                }
                for place, body in enumerate(self.bodies, 1)
                if json.loads(body)["fact"].get("request_id") == REQUEST
            ],
            "checkpoint": self.checkpoint(**how).decode(),
            "keys": [str(LOG.verifier())],
            "policies": [{"version": policy_version(POLICY), "files": [[name, _b64(data)] for name, data in POLICY]}],
            "anchors": [{"channel": "C0AUDIT01", "ts": "1790000010.000100"}],
        }

    def save(self, folder: Path) -> None:
        """As `jit audit export` writes it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "entries.jsonl").write_bytes(b"".join(body + b"\n" for body in self.bodies))
        rows = [
            {"number": number, "size": 0, "signed_at": 0, "note": note.decode(), "cosignatures": []}
            for number, note in enumerate(self.checkpoints, 1)
        ]
        (folder / "checkpoints.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "keys.txt").write_text(f"{LOG.verifier()}\n")


def record(entries: int = 8, *, every: int = 1) -> Record:
    """A record in which every third entry is about no request, with a checkpoint after every ``every`` entries."""
    made = Record()
    for place in range(1, entries + 1):
        made.append(life_fact(place, None if place % 3 == 0 else REQUEST))
        if place % every == 0:
            made.sign_checkpoint(witnesses=(WITNESS,))
    return made


def checkpoints(made: Record) -> Sources:
    return Sources(log=made.checkpoints)


TRUST = Trust(keys=(LOG.verifier(),), witnesses=(WITNESS.verifier(),))


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
