"""What the ledger holds of spools that were taken in."""

import json
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import Engine, LargeBinary, cast, select

from jit.facts import SpoolTaken
from jit.ledger.database import reading
from jit.ledger.entry import hash_of
from jit.ledger.schema import entries
from jit.ledger.spool_chain import Place

_KIND = SpoolTaken.model_fields["kind"].default


def last_taken(engine: Engine, spool: str) -> Place | None:
    """Up to where this spool was taken in, whatever its host was called then. Raises LedgerUnavailable."""
    return next((place for host, place in _newest_first(engine) if host.rpartition("/")[2] == spool), None)


def knows_host(engine: Engine, host: str) -> bool:
    """Whether any spool of this host was ever taken in. Raises LedgerUnavailable."""
    return any(named.rpartition("/")[0] == host for named, _ in _newest_first(engine))


def holds(engine: Engine, fact: UUID) -> bool:
    """Whether this fact is recorded. Raises LedgerUnavailable."""
    with reading(engine) as connection:
        return connection.scalar(select(entries.c.index).where(entries.c.id == str(fact))) is not None


def _newest_first(engine: Engine) -> Iterator[tuple[str, Place]]:
    """Entries that were changed tell of nothing."""
    query = (
        select(cast(entries.c.body, LargeBinary), entries.c.hash)
        .where(entries.c.request_id.is_(None), entries.c.kind == _KIND)
        .order_by(entries.c.index.desc())
        .execution_options(yield_per=100)
    )
    with reading(engine) as connection:
        for body, kept_under in connection.execute(query):
            if hash_of(body) != kept_under:
                continue
            try:
                fact = json.loads(body)["fact"]
                yield str(fact["host"]), Place(int(fact["last"]), str(fact["head"]))
            except (ValueError, KeyError, TypeError):
                continue
