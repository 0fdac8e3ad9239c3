"""What others hold, in the Home of security: revoked, paged through and looked for through the playground."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.views.held import TITLE
from jit.facts import RefusalReason, Revoked
from jit.requests.lifecycle import State
from playground.sample import ALICE, BOB, CAROL, EVE
from playground.text import elements
from tests.scenario.test_app_home import drawing, opens, sees
from tests.world.played_office import PlayedOffice, by, opened, rules_of_its_own

pytestmark = pytest.mark.scenario


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PlayedOffice]:
    """Carol is of security, and decides on nothing."""
    folder = rules_of_its_own(tmp_path)
    file = folder / "orders.policy.yml"
    rules = file.read_text().replace("dba: [U02BOB000, U03CAROL0]", "dba: [U02BOB000]")
    file.write_text(rules.replace("lockdown: [group:security, group:dba]", "lockdown: [U02BOB000, U03CAROL0]"))
    with opened(tmp_path, folder) as office, drawing(office):
        yield office


def active(office, who, access):
    request = office.ask(who, access)
    office.use_cases.approve(by(BOB), request.id, request.digest)
    return office.make_active(request)


def chosen(home, action, **what):
    """The action of a menu, as Slack sends it."""
    blocks = [block for block in home.raw["view"]["blocks"] if block["type"] == "actions"]
    kinds = {each["action_id"]: (each["type"], block["block_id"]) for block in blocks for each in block["elements"]}
    kind, block_id = kinds[action]
    return {"type": kind, "action_id": action, "block_id": block_id, **what}


def revoke(home, request):
    """The button beside this one."""
    button = {"type": "button", "action_id": "jit.end", "block_id": "b"}
    [element] = [each for _, each in elements(home.content) if each.get("value", "").startswith(f"{request.id} ")]
    return button | {"value": element["value"]}


def test_security_revokes_from_home_with_a_reason_and_not_once_they_are_none(office, tmp_path):
    opens(office, CAROL)
    first, second = active(office, ALICE, "orders-db/read"), active(office, EVE, "orders-db/write")
    carol, home = office.person(CAROL), sees(office, CAROL, second.id)
    assert home.text.count("[Revoke]") == 2
    assert "need to look at stuck orders" not in str(home.raw)
    assert carol.press_raw(home, revoke(home, first)).ok
    carol.form().fill({"Reason": "this looks odd to me"}).submit()
    sees(office, CAROL, "*Alice* still holds *orders-db/read*")
    assert office.request(first.id).state is State.ENDING
    assert [fact.reason for fact in office.facts("revoked") if isinstance(fact, Revoked)] == ["this looks odd to me"]
    home = sees(office, CAROL, second.id)
    carol.press(home, "Revoke")
    file = tmp_path / "policies" / "orders.policy.yml"
    file.write_text(file.read_text().replace("security: [U03CAROL0]", "security: [U02BOB000]"))
    office.clock.advance(timedelta(seconds=2))
    assert carol.form().fill({"Reason": "this looks odd to me, too"}).submit().ok
    office.wait(lambda: office.refusals() == [(CAROL, "revoke", RefusalReason.NOT_ALLOWED_TO_END)])
    carol.press(home, "Revoke")
    office.wait(lambda: len(office.refusals()) == 2)
    assert office.request(second.id).state is State.ACTIVE


def test_security_pages_through_it_and_looks_for_one_person_or_one_target(office, monkeypatch):
    for module in ("bot.visibility", "bot.views.held"):
        monkeypatch.setattr(f"{module}.PAGE", 1)
    opens(office, CAROL)
    write, read = active(office, EVE, "orders-db/write"), active(office, ALICE, "orders-db/read")
    carol, home = office.person(CAROL), sees(office, CAROL, "2 accesses · 1 to 1")
    assert carol.press(home, "More").ok
    home = sees(office, CAROL, "2 accesses · 2 to 2")
    assert (write.id in home.text, read.id in home.text) == (False, True)
    assert carol.press(home, "Back").ok
    home = sees(office, CAROL, "2 accesses · 1 to 1")
    assert carol.press_raw(home, chosen(home, "jit.held.person", selected_user=ALICE)).ok
    home = sees(office, CAROL, "1 access of Alice")
    option = {"text": {"type": "plain_text", "text": "orders-db"}, "value": "orders-db"}
    assert carol.press_raw(home, chosen(home, "jit.held.target", selected_option=option)).ok
    home = sees(office, CAROL, "1 access of Alice on orders-db")
    assert carol.press(home, "Show all").ok
    sees(office, CAROL, "2 accesses · 1 to 1")


def test_others_than_security_learn_nothing_by_the_same_presses(office):
    opens(office, CAROL, EVE)
    active(office, ALICE, "orders-db/read")
    home = sees(office, CAROL, TITLE)
    eve = office.person(EVE)
    action = {"type": "button", "action_id": "jit.held.on", "block_id": "b", "value": "1"}
    assert eve.press_raw(home, action).ok
    offered = office.stage.suggest(EVE, "b", "jit.held.target", "", home.raw)
    assert offered["ack"] == {"options": []}
    assert office.stage.suggest(CAROL, "b", "jit.held.target", "ord", home.raw)["ack"]["options"]
    for value in ("-1", "9999999", "\N{ARABIC-INDIC DIGIT ONE}", "x"):
        assert office.person(CAROL).press_raw(home, action | {"value": value}).ok
    sees(office, CAROL, "*Alice* holds")
    assert TITLE not in eve.home().text
