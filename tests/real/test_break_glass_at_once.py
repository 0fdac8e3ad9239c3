"""Two break-glasses of one person at the same moment, on both databases of the ledger."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from multiprocessing.synchronize import Barrier

import pytest

from jit.facts import Requested, Source
from jit.ledger import Ledger, Question, ReviewOpen, connect
from jit.testing import ALICE, SECURITY, T0, ManualClock
from jit.use_cases.break_glass import let_in_at_once
from tests.world.at_once import at_once

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
