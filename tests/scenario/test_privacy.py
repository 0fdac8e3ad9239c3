"""Somebody is erased, and the others go on in Slack."""

import pytest

from jit.facts import Ended, Source
from jit.ledger.privacy.erasing import StillInvolved, erase
from jit.requests.lifecycle import State
from playground.sample import ALICE, BOB, CAROL
from tests.world.played_office import active_request, by

pytestmark = pytest.mark.scenario


def end(office, request):
    request = office.request(request.id)
    rest = {"cause": "released", "existed": True, "sessions": 1, "left_behind": ()}
    fact = Ended.about(request, at=office.clock.now(), actor="timekeeper@test", source=Source.TIMEKEEPER, **rest)
    office.ledger.append([fact])


def gone(office, person=ALICE):
    return erase(office.ledger, person, legal_basis="GDPR Art. 17(1)(a)", actor="cli:admin@host")


def test_who_has_access_cannot_be_forgotten_and_whose_access_is_over_can(office):
    request = active_request(office)
    with pytest.raises(StillInvolved, match=f"{request.id} is active"):
        gone(office)
    end(office, request)
    assert gone(office).requests == 1


def test_the_approver_still_sees_what_was_asked_for_and_not_by_whom(office):
    request = active_request(office)
    end(office, request)
    done = gone(office)
    nobody = f"erased:{done.keys[0][:8]}"
    office.jit(BOB, f"show {request.id}")
    shown = office.told(BOB, request.id)
    assert nobody in shown
    assert "stuck orders" not in shown
    assert "Alice" not in shown
    drawn = office.card(request)
    assert "orders-db/read" in drawn.text
    assert "Alice" not in drawn.text


def test_who_comes_back_asks_as_anybody_does(office):
    request = active_request(office)
    end(office, request)
    gone(office)
    again = office.ask()
    assert (again.requester, again.state) == (ALICE, State.PENDING)
    office.jit(ALICE, "list")
    listed = office.told(ALICE, again.id)
    assert request.id not in listed
    office.use_cases.approve(by(BOB), again.id, again.digest)
    assert office.request(again.id).state is State.APPROVED


def test_an_approver_who_was_erased_takes_nothing_away_from_what_they_let_in(office):
    request = active_request(office)
    gone(office, BOB)
    found = office.request(request.id)
    assert found.state is State.ACTIVE
    assert found.approvers[0].startswith("erased:")
    office.jit(ALICE, f"show {request.id}")
    shown = office.told(ALICE, request.id)
    assert "Bob" not in shown
    office.jit(CAROL, f"revoke {request.id} enough of it")
    assert office.wait(lambda: office.request(request.id).state is State.ENDING)
