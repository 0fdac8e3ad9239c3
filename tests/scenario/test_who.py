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


def shown(office, who, said):
    office.told(who, said)
    return [each for each in office.person(who).sees(REQUESTS) if each.ephemeral and said in each.text][-1]


def test_security_sees_who_holds_what_and_ends_it_from_there(office: PlayedOffice) -> None:
    first, second = active(office), active(office, EVE, "orders-db/write")
    office.jit(CAROL, "who")
    seen = shown(office, CAROL, "2 accesses are held now")
    text = str(seen.content)
    for said in ("Alice", "Eve", "orders-db/read", "orders-db/write", "approved by", first.id, second.id):
        assert said in text
    office.jit(CAROL, "who orders-db/write")
    only = shown(office, CAROL, "1 access is held now")
    assert first.id not in str(only.content)
    office.jit(CAROL, "who alice")
    assert second.id not in str(shown(office, CAROL, "1 access is held now").content)
    office.person(CAROL).press(only, "End access")
    office.person(CAROL).form().fill({"Reason": "this looks odd to me"}).submit()
    office.wait(lambda: office.request(second.id).state is State.ENDING)
    assert office.request(first.id).state is State.ACTIVE


def test_others_see_their_own_and_what_they_decide_on(office: PlayedOffice) -> None:
    request = active(office)
    office.jit(EVE, "who")
    office.told(EVE, "Nobody holds any access now, as far as you may see.")
    office.jit(EVE, "who <!channel>")
    office.told(EVE, "Nobody holds any access of")
    office.jit(ALICE, "who")
    assert request.id in str(shown(office, ALICE, "1 access is held now").content)
    office.jit(BOB, "who orders")
    assert request.id in str(shown(office, BOB, "1 access is held now").content)


def test_what_is_over_or_never_was_is_held_by_nobody(office: PlayedOffice) -> None:
    office.ask()
    office.jit(CAROL, "who")
    office.told(CAROL, "Nobody holds any access now")
