"""What the ledger itself says that a signed checkpoint is held against: the roots of its tree, and its keys."""

import base64
from collections.abc import Iterator

from sqlalchemy import select

from jit.facts import KeyChanged
from jit.ledger import Ledger
from jit.ledger.database import reading
from jit.ledger.schema import entries
from jit.proof.audit.kept import KeptEntry, kept_entries
from jit.proof.verifier import ED25519, Frontier, NoteError, VerifierKey, leaf_hash

PAGE = 1000


def roots_at(ledger: Ledger, sizes: set[int]) -> Iterator[tuple[int, str]]:
    """The root in base64 for each of these sizes, as far as the ledger goes without a gap."""
    wanted = sorted(sizes, reverse=True)
    tree = Frontier()
    if wanted and wanted[-1] == 0:
        yield wanted.pop(), base64.b64encode(tree.root()).decode()
    while wanted and (page := _page(ledger, tree.size)):
        for index, body, _ in page:
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
    facts = [entry.fact for index in places for entry in ledger.read(after=index - 1, limit=1, skip_unreadable=True)]
    found: list[VerifierKey] = []
    for fact in facts:
        if isinstance(fact, KeyChanged):
            try:
                found.append(VerifierKey.parse(fact.key))
            except NoteError:
                continue
    return [key for key in found if key.alg == ED25519]


def _page(ledger: Ledger, after: int) -> list[KeptEntry]:
    with reading(ledger.engine) as connection:
        return kept_entries(connection, entries.c.index > after, limit=PAGE)
