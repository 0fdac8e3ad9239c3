"""What should have happened by now and did not: access that is over and not taken away, grants that wait."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import inspect

from jit.doctor.examine import NotLookedAt, needed
from jit.doctor.line import Line, Part, fine, mend
from jit.facts import Fact, Released, Revoked, RevokeIntent
from jit.ledger import Ledger, LedgerUnavailable, connect
from jit.ledger.database import reading, there
from jit.ledger.schema import entries
from jit.ledger.unavailable import Forbidden
from jit.ports import Clock
from jit.requests.due import GRANT_GIVEN_UP
from jit.requests.lifecycle import Request, State
from jit.runtime.settings import CannotStart

ENDED_WITHIN = timedelta(seconds=5)
"""The lag that is promised for an end, and as much is normal before an approval is begun or a request lapses."""
MOST = 10
"""As many are named of each kind."""
START = "Start {}, or jit up."
ENDS = "access that is over and not taken away"
GRANTS = "approved and not given yet"
LAPSES = "unanswered and not lapsed"
REMEDIES = {
    ENDS: f"{START.format('jit timekeeper')} If one runs, does the target answer? `jit show` says what was tried.",
    GRANTS: f"{START.format('jit worker')} If one runs, are Redis and the target up, and its clock right?",
    LAPSES: START.format("jit timekeeper"),
}
"""What to do about each kind."""


def look_at_overdue(url: SecretStr, clock: Clock) -> Iterator[Line]:
    """By the facts, whatever the read model says. Writes nothing. Raises NotLookedAt."""
    try:
        engine = connect(needed("JIT_LEDGER_URL", url, "the processes run").get_secret_value())
    except CannotStart:
        raise NotLookedAt("the ledger cannot be opened; mend that first") from None
    try:
        if not there(engine.url):
            raise NotLookedAt("there is no ledger yet")
        with reading(engine) as connection:
            if not inspect(connection).has_table(entries.name):
                raise NotLookedAt("there is no ledger yet")
        yield from _said(_late(Ledger(engine, clock)))
    except Forbidden:
        raise NotLookedAt("the ledger's database does not let this login read the requests") from None
    except LedgerUnavailable:
        raise NotLookedAt("the ledger's database does not answer") from None
    finally:
        engine.dispose()


def _late(ledger: Ledger) -> dict[str, list[tuple[timedelta, Request]]]:
    """Of each kind those that are late and by how much, the latest first."""
    late: dict[str, list[tuple[timedelta, Request]]] = {kind: [] for kind in REMEDIES}
    now = ledger.clock.now()
    for request_id in ledger.unsettled():
        request = ledger.request_as_written(request_id)
        if request is None:
            continue
        facts = [entry.fact for entry in ledger.history(request_id, skip_unreadable=True)]
        for kind, due in _due(request, facts):
            if now - due > ENDED_WITHIN:
                late[kind].append((now - due, request))
    for found in late.values():
        found.sort(key=lambda one: one[0], reverse=True)
    return late


def _due(request: Request, facts: Sequence[Fact]) -> Iterator[tuple[str, datetime]]:
    """What is expected of it next, and when."""
    match request:
        case Request(state=State.PENDING):
            yield LAPSES, request.pending_until
        case Request(state=State.APPROVED, begins_at=datetime() as at):
            yield GRANTS, at
        case Request(state=State.GRANTING, intent_at=datetime() as at, ends_at=datetime() as ends_at):
            yield (ENDS, ends_at) if ends_at < at + GRANT_GIVEN_UP else (GRANTS, at + GRANT_GIVEN_UP)
        case Request(state=State.ACTIVE, ends_at=datetime() as ends_at):
            yield ENDS, ends_at
        case Request(state=State.ENDING):
            ordered = [fact.at for fact in facts if isinstance(fact, Released | Revoked | RevokeIntent)]
            yield ENDS, min(filter(None, (request.ends_at, *ordered)))


def _said(late: dict[str, list[tuple[timedelta, Request]]]) -> Iterator[Line]:
    for kind, found in late.items():
        for lag, request in found[:MOST]:
            yield mend(Part.ACCESS, f"{request.id}, {request.access}: {kind}, {_ago(lag)} late", REMEDIES[kind])
        if len(found) > MOST:
            yield mend(Part.ACCESS, f"{kind}: {len(found) - MOST} more", REMEDIES[kind])
    if not any(late.values()):
        yield fine(Part.ACCESS, "nothing is overdue")


def _ago(lag: timedelta) -> str:
    seconds = int(lag.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
