"""The signed heads that stand in the audit channel, held against the ledger's own tree.

Who can rewrite the ledger cannot rewrite these: a record that was cut off or changed has other roots.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jit.ledger import Ledger
from jit.proof.audit.roots import roots_at
from jit.proof.verifier import (
    Refused,
    VerifierKey,
    cosigned_at,
    decoded,
    parse_note,
    signed,
)


class PostedCheckpoint(NamedTuple):
    """A head as a message carries it; ``root`` is base64."""

    ts: str
    size: int
    root: str
    note: str


class Judged(NamedTuple):
    """What is wrong with one. ``contradicts``: the ledger is not what was signed."""

    head: PostedCheckpoint
    contradicts: bool
    says: str


def weigh(ledger: Ledger, heads: Sequence[PostedCheckpoint], keys: Sequence[VerifierKey]) -> Iterator[Judged]:
    """Those that the ledger or the keys do not bear out. Raises LedgerUnavailable."""
    roots = dict(roots_at(ledger, {head.size for head in heads}))
    ends = ledger.last_index()
    for head in sorted(heads):
        signature = _signature(head, keys)
        name = f"the head over {head.size} entries, root {head.root}"
        if signature is None:
            yield Judged(head, contradicts=False, says=f"{name}: what is written as a known key's signature is none")
        elif roots.get(head.size) != head.root:
            has = f"ends with #{ends}" if ends < head.size else "has another root there, or lacks an entry before"
            yield Judged(head, contradicts=True, says=f"{name}, {signature}: the ledger {has}")
        elif not signature.startswith("signed by"):
            yield Judged(head, contradicts=False, says=f"{name}: {signature}")


def _signature(head: PostedCheckpoint, keys: Sequence[VerifierKey]) -> str | None:
    """Who signed it, in words; None if a signature that names a known key does not hold."""
    try:
        note = parse_note(head.note.encode())
        decoded(head.root)
        for key in keys:
            cosigned_at(note, key)
            if signed(note, key):
                return f"signed by {key.name}"
    except Refused:
        return None
    return "signed by nobody who is known here" if not keys else "no known key signed it"
