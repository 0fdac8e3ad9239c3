"""`/jit lockdown` as people type it, and the button that lifts."""

import pytest

from jit.facts import RefusalReason
from playground.sample import ALICE, BOB, CAROL, EVE, REQUESTS
from tests.world.played_office import PlayedOffice

pytestmark = pytest.mark.scenario
WHY = "somebody reads what they should not"


def test_security_stops_an_access_and_two_people_lift_that(office: PlayedOffice) -> None:
    request = office.ask()
    office.jit(CAROL, f"lockdown {request.access} {WHY}")
    said = office.told(CAROL, "Locked down")
    [lockdown] = office.ledger.lockdowns()
    assert lockdown.id in said
    assert "1 is open" in said
    assert (lockdown.scope, lockdown.access, lockdown.reason) == ("access", request.access, WHY)
    office.jit(CAROL, f"lockdown {WHY} {request.access}")
    assert lockdown.id in office.told(CAROL, "Locked down already")
    office.form(EVE).fill({"Access": request.access, "Duration": "30m", "Reason": "stuck orders, again"}).submit()
    office.told(EVE, f"Lockdown {lockdown.id} stops this")

    office.jit(CAROL, f"lockdown lift {lockdown.id} the audit did it")
    office.told(CAROL, "Proposed")
    office.jit(CAROL, f"lockdown {lockdown.id} lift the audit did it")
    office.told(CAROL, "Lifting takes two different people")
    office.jit(BOB, "lockdown")
    office.told(BOB, lockdown.id)
    [shown] = [each for each in office.person(BOB).sees(REQUESTS) if each.ephemeral]
    office.person(BOB).press(shown, "Lift")
    assert "the audit did it" in office.person(BOB).form().text
    office.person(BOB).form().fill({"Reason": "I saw the papers of the audit"}).submit()
    office.wait(lambda: not office.ledger.lockdowns())


def test_who_may_not_is_refused_on_the_record(office: PlayedOffice) -> None:
    office.jit(EVE, f"lockdown everything {WHY}")
    office.told(EVE, "Only security")
    assert (EVE, "lockdown", RefusalReason.NOT_ALLOWED_TO_LOCK) in office.refusals()
    assert not office.ledger.lockdowns()


def test_a_piece_of_a_name_is_offered_and_never_taken(office: PlayedOffice) -> None:
    office.ask()
    office.jit(CAROL, f"lockdown person ali {WHY}")
    assert f"/jit lockdown person @alice {WHY}" in office.told(CAROL, "Which did you mean?")
    assert not office.ledger.lockdowns()
    office.jit(CAROL, f"lockdown person @alice {WHY}")
    office.told(CAROL, "Locked down")
    assert office.ledger.lockdowns()[0].person == ALICE
