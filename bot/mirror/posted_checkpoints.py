"""The signed heads that stand in the audit channel, held against the ledger's own tree.

Who can rewrite the ledger cannot rewrite these: a record that was cut off or changed has other roots.
"""

import base64
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import LargeBinary, cast, select

from jit.facts import KeyChanged
from jit.ledger import Ledger
from jit.ledger.database import reading
from jit.ledger.schema import entries
from jit.proof.verifier import (
    ED25519,
    Frontier,
    NoteError,
    Refused,
    VerifierKey,
    cosigned_at,
    decoded,
    leaf_hash,
    parse_note,
    signed,
)

PAGE = 1000


class HeadShown(NamedTuple):
    """A head as a message carries it; ``root`` is base64."""

    ts: str
    size: int
    root: str
    note: str


class Judged(NamedTuple):
    """What is wrong with one. ``contradicts``: the ledger is not what was signed."""

    head: HeadShown
    contradicts: bool
    says: str


def weigh(ledger: Ledger, heads: Sequence[HeadShown], keys: Sequence[VerifierKey]) -> Iterator[Judged]:
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


def roots_at(ledger: Ledger, sizes: set[int]) -> Iterator[tuple[int, str]]:
    """The root in base64 for each of these sizes, as far as the ledger goes without a gap."""
    wanted = sorted(sizes, reverse=True)
    tree = Frontier()
    if wanted and wanted[-1] == 0:
        yield wanted.pop(), base64.b64encode(tree.root()).decode()
    while wanted and (page := _bodies(ledger, tree.size)):
        for index, body in page:
            if index != tree.size + 1:
                return
            tree.push(leaf_hash(body))
            if wanted and wanted[-1] == tree.size:
                yield wanted.pop(), base64.b64encode(tree.root()).decode()


def keys_of(ledger: Ledger) -> list[VerifierKey]:
    """Those that the record itself names. Whoever wrote the record chose them."""
    query = select(entries.c.index).where(entries.c.kind == KeyChanged.model_fields["kind"].default)
    with reading(ledger.engine) as connection:
        places = list(connection.scalars(query.order_by(entries.c.index).limit(PAGE)))
    facts = [entry.fact for index in places for entry in ledger.read(after=index - 1, limit=1, legible=True)]
    found: list[VerifierKey] = []
    for fact in facts:
        if isinstance(fact, KeyChanged):
            try:
                found.append(VerifierKey.parse(fact.key))
            except NoteError:
                continue
    return [key for key in found if key.alg == ED25519]


def _signature(head: HeadShown, keys: Sequence[VerifierKey]) -> str | None:
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


def _bodies(ledger: Ledger, after: int) -> list[tuple[int, bytes]]:
    query = select(entries.c.index, cast(entries.c.body, LargeBinary)).where(entries.c.index > after)
    with reading(ledger.engine) as connection:
        return [(index, bytes(body)) for index, body in connection.execute(query.order_by(entries.c.index).limit(PAGE))]
