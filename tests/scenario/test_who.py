"""`/jit who`: who holds what now, for those who may see it, with a button that ends it."""

import pytest

from jit.requests.lifecycle import State
from playground.sample import ALICE, BOB, CAROL, EVE, REQUESTS
from tests.world.played_office import PlayedOffice, by

pytestmark = pytest.mark.scenario


def active(office: PlayedOffice, who=ALICE, access="orders-db/read"):
    request = office.ask(who, access)
    office.use_cases.approve(by(BOB), request.id, request.digest)
    return office.make_active(request)


def asked(office, who, typed):
    """What they are told, once it is there."""

    def told():
        return [each for each in office.person(who).sees(REQUESTS) if each.ephemeral]

    before = len(told())
    office.jit(who, typed)
    office.wait(lambda: len(told()) > before)
    return told()[-1]


def test_security_sees_who_holds_what_and_ends_it_from_there(office: PlayedOffice) -> None:
    first, second = active(office), active(office, EVE, "orders-db/write")
    both = asked(office, CAROL, "who")
    assert "2 accesses are held now" in both.text
    for said in ("Alice", "Eve", "orders-db/read", "orders-db/write", "approved by", first.id, second.id):
        assert said in str(both.content)
    assert second.id not in str(asked(office, CAROL, "who alice").content)
    only = asked(office, CAROL, "who orders-db/write")
    assert first.id not in str(only.content)
    office.person(CAROL).press(only, "End access")
    office.person(CAROL).form().fill({"Reason": "this looks odd to me"}).submit()
    office.wait(lambda: office.request(second.id).state is State.ENDING)
    assert office.request(first.id).state is State.ACTIVE


def test_others_see_their_own_and_what_they_decide_on(office: PlayedOffice) -> None:
    request = active(office)
    assert "Nobody holds any access now, as far as you may see." in asked(office, EVE, "who").text
    assert "Nobody holds any access of" in asked(office, EVE, "who <!channel>").text
    assert request.id in str(asked(office, ALICE, "who").content)
    assert request.id in str(asked(office, BOB, "who orders").content)


def test_what_is_over_or_never_was_is_held_by_nobody(office: PlayedOffice) -> None:
    office.ask()
    assert "Nobody holds any access now" in asked(office, CAROL, "who").text
