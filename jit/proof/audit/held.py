"""Who held what at a moment: what was given by then and had not ended, as the record tells it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from jit.facts import Ended, Granted
from jit.ledger import Ledger, TamperedEntry
from jit.proof.audit.index import SearchIndex, key_term, term
from jit.proof.audit.search import People, read_found


@dataclass(frozen=True, slots=True)
class Holding:
    """``ended`` is when it was taken away, None where it still is not; ``fact`` is the one by which it was given."""

    fact: Granted
    ended: datetime | None

    @property
    def until(self) -> datetime:
        """When it ended, or will."""
        return self.ended or self.fact.ends_at


NOBODY = People()


def held_at(
    ledger: Ledger, at: datetime, index: SearchIndex, called: str = "", people: People = NOBODY
) -> Iterator[Holding | TamperedEntry]:
    """What was held at ``at``: all of it, or what is access
    or target of this name, or held by these people. Access is held
    from when it was read back in its target until nothing of it was there any more.

    What cannot be read, or is missing, comes out as that: it may have been a grant, or an end.

    Raises LedgerUnavailable.
    """
    terms = [term("access", called), term("target", called)] if called else []
    terms += [*(term("person", who) for who in people.ids), *map(key_term, people.keys)]
    found, held = index.held(ledger, at, terms, ledger.last_index())
    facts = {}
    for each in read_found(ledger, found, newest_first=False):
        if isinstance(each, TamperedEntry):
            yield each
        else:
            facts[each.index] = each.fact
    for given, ended in held.items():
        fact, end = facts.get(given), facts.get(ended or 0)
        if isinstance(fact, Granted) and (not terms or _is_about(fact, called, people)):
            yield Holding(fact, end.at if isinstance(end, Ended) else None)


def _is_about(fact: Granted, called: str, people: People) -> bool:
    return called in {fact.access, fact.target} or fact.requester in people.ids
