"""Two break-glasses of one person at the same moment, on both databases of the ledger."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from jit.facts import Fact, Requested, Source
from jit.ledger import Ledger, Question, Recorded, ReviewOpen, connect
from jit.people.person import Person
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import State
from jit.testing import ALICE, EVE, SECURITY, T0, WORKSPACE, InterruptibleLedger, ManualClock
from jit.use_cases.break_glass import let_in_at_once
from tests.world.at_once import at_once
from tests.world.break_glass import ADMIN, ALICE_TOO, READ, RULES
from tests.world.office import Office, actor

pytestmark = pytest.mark.real
MANY = 6


def broken(number: int) -> Requested:
    """Each for another access, so that no index keeps them apart."""
    return Requested(
        at=T0,
        actor=ALICE,
        source=Source.SLACK,
        request_id=f"R-{1000 + number}",
        requester=ALICE,
        access=f"orders-db/{number}",
        target="orders-db",
        permissions=("orders_admin",),
        principal="alice",
        why="the database is down",
        incident="INC-42",
        policy_version="ab" * 32,
        duration=timedelta(minutes=30),
        channel="C0ACCESS1",
        risk="high",
        needs=(),
        pending_until=T0 + timedelta(minutes=15),
        basis="emergency",
        rested_on="INC-42 open",
        skipped=(SECURITY,),
        review_by=("group:security",),
        review_within=timedelta(hours=24),
    )


def breaks(number: int, url: str, together: Barrier) -> None:
    engine = connect(url)
    ledger, fact = Ledger(engine, ManualClock()), broken(number)
    together.wait()
    with suppress(ReviewOpen):
        ledger.append([fact, let_in_at_once(fact)], expect={fact.request_id: 0})
    engine.dispose()


def test_one_of_them_gets_in_without_a_co_signer(ledger_url: str) -> None:
    with at_once(ledger_url, *(partial(breaks, number) for number in range(MANY))):
        pass
    engine = connect(ledger_url)
    assert len(Ledger(engine, ManualClock()).requests(Question(requester=ALICE))) == 1
    engine.dispose()


class Shared(NamedTuple):
    """What tells that two accounts are one person, if anything does."""

    first: str
    second: str
    email: str = ""


def breaks_by_account(account: str, email: str, url: str, together: Barrier) -> None:
    """By the use case. Both have looked whether a review is open before either is recorded."""
    with TemporaryDirectory() as folder:
        office = Office(Path(folder), rules=RULES, ledger=lambda clock: InterruptibleLedger(connect(url), clock))
        office.incidents.open = {"INC-42": True}
        for person in (ALICE, ALICE_TOO, EVE):
            office.directory.people[person] = Person(id=person, team=WORKSPACE, name=person, email=email)
        office.directory.on_call = {"sre": frozenset({ALICE, ALICE_TOO})}
        append, waits = office.ledger.append, [together.wait]

        def append_together(facts: Sequence[Fact], **more: Any) -> Recorded:
            for wait in waits[:1]:
                waits.clear()
                wait()
            return append(facts, **more)

        office.ledger.append = append_together  # type: ignore[method-assign]
        access = ADMIN if account == ALICE_TOO else READ
        office.use_cases.break_glass(actor(account), RequestForm(access, "30m", "the database is down", "INC-42"))
        together.wait()
        office.engine.dispose()


@pytest.mark.parametrize(
    ("both", "at_once_in"),
    [
        (Shared(ALICE, ALICE_TOO), 1),
        (Shared(ALICE, EVE, "alice@example.com"), 1),
        (Shared(ALICE, EVE), 2),
    ],
    ids=["one name in the rules", "one e-mail", "two people"],
)
def test_two_accounts_of_one_person_get_in_once_without_a_co_signer(
    ledger_url: str, both: Shared, at_once_in: int
) -> None:
    work = (partial(breaks_by_account, account, both.email) for account in (both.first, both.second))
    with at_once(ledger_url, *work):
        pass
    engine = connect(ledger_url)
    states = [request.state for request in Ledger(engine, ManualClock()).requests(Question())]
    assert sorted(states) == [State.APPROVED] * at_once_in + [State.PENDING] * (2 - at_once_in)
    engine.dispose()
