"""Somebody mentions the app or writes to it, through the playground and a real Bolt app in Socket Mode."""

import pytest

from playground.sample import ALICE, BOB, BOT, EVE, MALLORY, REQUESTS
from tests.world.played_office import PlayedOffice, active_request

pytestmark = pytest.mark.scenario


def test_whoever_writes_to_the_app_is_told_what_it_can_do_what_they_hold_and_what_waits(office: PlayedOffice) -> None:
    active = active_request(office)
    alice = office.person(ALICE)
    alice.says("hello?", channel=office.stage.direct(ALICE))
    answer = alice.finds("I give access to production for a limited time")
    assert active.id in answer.text
    assert "/jit request" in answer.text
    assert answer.buttons == ["Ask for access"]
    alice.press(answer, "Ask for access")
    assert alice.form().labels[0] == "Access"
    waiting = office.ask(user=EVE)
    bob = office.person(BOB)
    bob.says("and now", channel=office.stage.direct(BOB))
    answer = bob.finds("Waiting for you")
    assert waiting.id in answer.text
    office.person(MALLORY).says("hello", channel=office.stage.direct(MALLORY))
    assert office.person(MALLORY).finds("Only full members")


def test_a_mention_is_answered_to_its_author_alone_with_the_command_that_stands_in_it(office: PlayedOffice) -> None:
    office.person(ALICE).says(f"<@{BOT}> request orders-db/read 1h db &lt;down&gt;", channel=REQUESTS)
    said = office.told(ALICE, "I give access to production")
    assert "/jit request orders-db/read 1h db <down>" in said
    office.person(EVE).says(f"hey <@{BOT}>", channel=REQUESTS)
    office.told(EVE, "I give access to production")
    office.person(BOB).says("nobody is meant", channel=REQUESTS)
    office.person(EVE).says(f"<@{BOT}> request 1h password=hunter2hunter2", channel=REQUESTS)
    office.person(EVE).says(f"<@{BOT}> list", channel=REQUESTS)
    assert "hunter2" not in office.told(EVE, "/jit list")
    assert not [shown for shown in office.person(BOB).sees(REQUESTS) if shown.ephemeral]
    assert [shown.content["user"] for shown in office.person(BOB).sees(REQUESTS)] == [ALICE, EVE, BOB, EVE, EVE]


def test_the_same_message_told_of_twice_is_answered_once(office: PlayedOffice) -> None:
    about = {"user": ALICE, "text": f"<@{BOT}>", "channel": REQUESTS, "ts": "1700000000.000001"}
    for _ in range(2):
        office.stage.slack.hub.tell({"type": "app_mention", **about, "event_ts": "1700000000.000001"})
    office.stage.slack.hub.tell({"type": "app_mention", "user": ALICE, "bot_id": "B1", "event_ts": "1700000000.000002"})
    office.told(ALICE, "I give access")
    office.jit(ALICE, "show R-2222")
    office.told(ALICE, "There is no such request.")
    said = [shown for shown in office.person(ALICE).sees(REQUESTS) if "I give access" in shown.text]
    assert len(said) == 1
