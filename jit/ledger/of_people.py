"""What the record says of people: which e-mail security said last is somebody's, and who is away."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from jit.facts import Away, Back, Fact, PersonRebound
from jit.ledger.store import Ledger
from jit.people.away import Absence

MOST_READ = 2000
"""Facts about people that are looked at, the newest first."""


def rebound_email(ledger: Ledger, person: str) -> str:
    """Empty where it never said so. Raises LedgerUnavailable."""
    said = ledger.newest(("person.rebound",), MOST_READ)
    return next((each.email for each in said if isinstance(each, PersonRebound) and each.requester == person), "")


def absences(ledger: Ledger, now: datetime) -> Mapping[str, Absence]:
    """Who is away at ``now``, by their id. Raises LedgerUnavailable."""
    return away_at(ledger.newest(("away", "back"), MOST_READ), now)


def away_at(newest_first: Iterable[Fact], now: datetime) -> Mapping[str, Absence]:
    """Who is away at ``now``, by their id; what somebody said last counts."""
    last: dict[str, Away | Back] = {}
    for fact in newest_first:
        if isinstance(fact, Away | Back):
            last.setdefault(fact.actor, fact)
    return {
        person: Absence(person, said.substitute, said.until, said.group)
        for person, said in last.items()
        if isinstance(said, Away) and said.until > now
    }
