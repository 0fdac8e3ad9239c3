"""`/jit who`: who holds what now, for those who may see it, with a button that ends it."""

import json
from typing import Any
from uuid import UUID

import pytest

from jit.detect.reconcile import FIRST, alert_id
from jit.detect.words import how_to_remove
from jit.facts import Alert, AlertName, Reconciled, Source
from jit.requests.lifecycle import State
from playground.sample import ALICE, BOB, CAROL, EVE, REQUESTS
from playground.text import elements
from tests.scenario.test_app_home import drawing, opens, sees
from tests.world.activity import collect, collector
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


def found(office: PlayedOffice, finding: str, says: str, before: UUID | None, **about: Any) -> UUID:
    """A comparison that finds one thing more, with its alert, as a timekeeper records them. Returns its id."""
    known = [fact.known for fact in office.facts("reconciled") if isinstance(fact, Reconciled)]
    every = (*(known[-1] if known else ()), finding)
    told: dict[str, Any] = {"at": office.clock.now(), "actor": "timekeeper@host", "source": Source.TIMEKEEPER}
    about |= {"id": alert_id("orders-db", f"{finding} {before or FIRST}"), "name": AlertName.DRIFT, "says": says}
    compared = Reconciled(target="orders-db", outcome="new", found=len(every), known=every, **told)
    office.ledger.append([compared, Alert(target="orders-db", **about, **told)])
    return compared.id


def test_security_alone_sees_what_nobody_granted_and_what_was_done_there_and_in_home(office: PlayedOffice) -> None:
    request = active(office)
    command = how_to_remove("orders-db", "f00dfeed0123")
    first = found(office, "f00dfeed0123", f"mallory has orders_read on orders-db.{command}", None)
    about = {"request_id": request.id, "requester": ALICE, "access": request.access}
    found(office, "0123f00dfeed", f"eve has {request.id} on orders-db.", first, **about)
    line = {"target": "orders-db", "principal": request.principal, "class": "read", "text": "SELECT 1"}
    file = office.folder / "lines"
    reader = collector(office, file, kind="json")
    file.write_text(json.dumps(line | {"time": office.clock.now().isoformat()}) + "\n")
    collect(reader)
    with drawing(office):
        opens(office, CAROL, ALICE)
        home = sees(office, CAROL, "mallory")
        seen = asked(office, CAROL, "who orders-db")
        for said in (home.text, str(seen.content)):
            assert said.index("Nobody granted") < said.index("eve has") < said.index("mallory has orders_read")
            assert "`jit reconcile orders-db --remove f00dfeed0123` takes it away" in said
            assert "1 statement, last" in said
        for said in (sees(office, ALICE, request.id).text, str(asked(office, ALICE, "who").content)):
            assert "mallory" not in said
            assert "statement" not in said
        assert "mallory" not in str(asked(office, BOB, "who orders-db").content)
        assert "mallory" not in str(asked(office, CAROL, "who alice").content)
        [revoke] = [each for _, each in elements(seen.content) if each["text"]["text"] == "Revoke"]
        office.person(CAROL).press(seen, "Revoke")
        office.person(CAROL).form().fill({"Reason": "this looks odd to me"}).submit()
        office.wait(lambda: office.request(request.id).state is State.ENDING)
    assert revoke["value"].startswith(f"{request.id} ")
