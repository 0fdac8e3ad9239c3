"""Checkpoints over a record, signed and cosigned by hand."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from jit.proof.tlog.note import SignerKey, checkpoint_text, cosign, sign
from jit.proof.verifier import Frontier, leaf_hash


def tree_of(bodies: Iterable[bytes]) -> Frontier:
    tree = Frontier()
    for body in bodies:
        tree.push(leaf_hash(body))
    return tree


def signed_checkpoint(keys: Sequence[SignerKey], size: int, root: bytes, at: datetime, origin: str = "") -> bytes:
    """Of the log ``origin``, which has the name of its first key unless said."""
    text, seconds = checkpoint_text(origin or keys[0].name, size, root), int(at.timestamp())
    return sign(text, *keys) + b"".join(cosign(text, key, seconds) for key in keys)
