"""Whoever can write rows beside the facts keeps nobody from asking, and hides from nobody what waits: rows are for
finding, and the facts say what is.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, text

from jit.ledger import Question
from jit.ledger.schema import requests
from jit.requests.lifecycle import OPEN, State
from jit.requests.refusal import Refusal
from jit.testing import ALICE, EVE
from tests.world.office import ADMIN, ASK, READ, Office, actor

AHEAD = timedelta(days=3650)


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def rows_of_nothing(office, many, **changes):
    """As a stolen login of the workers or of the bot can write them: nobody asked for these."""
    row = {
        "kind": "standard",
        "state": "pending",
        "version": 1,
        "requester": ALICE,
        "target": "x",
        "asked_at": office.clock.now(),
        "wakes_at": office.clock.now(),
        "last_entry": 1,
    }
    with office.engine.begin() as connection:
        connection.execute(
            insert(requests), [row | {"id": f"R-X{n}", "access": f"x{n}"} | changes for n in range(many)]
        )


def test_a_row_of_an_open_request_that_nobody_made_keeps_nobody_from_asking(office):
    """Alice was told that there was one, for ever, and could not see which."""
    rows_of_nothing(office, 1, access=READ)
    assert office.use_cases.request(actor(ALICE), ASK).state is State.PENDING


@pytest.mark.parametrize("whose", ["over", "of another", "for another access"])
def test_nor_does_the_row_of_another_request_that_was_rewritten(office, whose):
    other = office.asked(ADMIN if whose == "for another access" else READ)
    if whose == "over":
        office.use_cases.withdraw(actor(ALICE), other.id)
    if whose == "of another":
        asked = office.ledger.history(other.id)[0].fact
        office.use_cases.withdraw(actor(ALICE), other.id)
        office.ledger.append([asked.model_copy(update={"id": uuid4(), "request_id": "R-EVES", "requester": EVE})])
        other = office.ledger.request("R-EVES")
    with office.engine.begin() as connection:
        rewrite = text("UPDATE requests SET state = 'pending', requester = :who, access = :access WHERE id = :id")
        connection.execute(rewrite, {"who": ALICE, "access": READ, "id": other.id})
    assert office.use_cases.request(actor(ALICE), ASK).state is State.PENDING
    open_still = office.ledger.requests(Question(requester=other.requester, access=other.access, states=OPEN))
    assert (other.id in {one.id for one in open_still}) is (whose != "over")


def test_an_open_request_is_in_the_way_still(office):
    office.asked()
    rows_of_nothing(office, 3)
    with pytest.raises(Refusal, match="open"):
        office.use_cases.request(actor(ALICE), ASK)


def test_rows_of_nothing_use_up_nobodys_share(office):
    """200 of them, and she was told that she had asked for too much."""
    rows_of_nothing(office, 300, state="ended")
    assert office.use_cases.request(actor(ALICE), ASK).state is State.PENDING


def test_rows_of_nothing_hide_nothing_that_waits(office):
    """The newest hundred were all that anybody saw in /jit list and in the Home."""
    waits = office.asked()
    rows_of_nothing(office, 300, asked_at=office.clock.now() + AHEAD, requester="U0NOBODY1")
    assert [one.id for one in office.ledger.requests(Question(states=frozenset({State.PENDING})))] == [waits.id]


def test_nor_do_they_keep_the_timekeeper_busy(office):
    """Each was looked for in the facts, five times a second."""
    rows_of_nothing(office, 2000, wakes_at=office.clock.now() - AHEAD)
    assert office.ledger.waking(office.clock.now()) == []
