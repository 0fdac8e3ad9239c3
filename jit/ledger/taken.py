"""What the ledger holds of spools that were taken in."""

import json
from contextlib import suppress

from sqlalchemy import Engine, LargeBinary, cast, select

from jit.facts import SpoolTaken
from jit.ledger.database import reading
from jit.ledger.entry import hash_of
from jit.ledger.schema import entries
from jit.ledger.spool_chain import Place

_TAKINGS = (
    select(cast(entries.c.body, LargeBinary), entries.c.hash)
    .where(entries.c.request_id.is_(None), entries.c.kind == SpoolTaken.model_fields["kind"].default)
    .order_by(entries.c.index.desc())
    .execution_options(yield_per=100)
)


def last_taken(engine: Engine, spool: str) -> Place | None:
    """Up to where this spool was taken in, whatever its host was called then. Entries that were changed tell of
    nothing. Raises LedgerUnavailable.
    """
    with reading(engine, in_portions=True) as connection:
        for body, kept_under in connection.execute(_TAKINGS):
            with suppress(ValueError, KeyError, TypeError):
                fact = json.loads(body)["fact"]
                if hash_of(body) == kept_under and str(fact["host"]).rpartition("/")[2] == spool:
                    return Place(n=int(fact["last"]), head=str(fact["head"]))
    return None
