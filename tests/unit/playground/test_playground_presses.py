"""Presses on messages, as old, forged or foreign as they may be; the app is a stub that keeps what it got."""

import pytest

from playground.chat import post_ephemeral, post_message, update
from playground.interaction import Stage
from playground.people import User
from playground.person import AsksFirst, NotThere, Person
from playground.sample import ALICE, REQUESTS, sample_workspace
from playground.web_api import Arguments


def plain(text):
    return {"type": "plain_text", "text": text}


def button(name, **more):
    return {"type": "button", "text": plain(name), "action_id": name.split()[0].lower(), "value": "R-1", **more}


SURE = {"title": plain("Sure?"), "text": plain("Cuts Alice off"), "confirm": plain("Yes"), "deny": plain("No")}
BUTTONS = [button("Approve"), button("Deny"), button("Revoke now", confirm=SURE)]
CARD = {"channel": REQUESTS, "text": "card", "blocks": [{"type": "actions", "block_id": "a", "elements": BUTTONS}]}


@pytest.fixture
def slack():
    return sample_workspace()


@pytest.fixture
def got(slack, monkeypatch):
    payloads = []
    monkeypatch.setattr(slack.hub, "ask", lambda _kind, payload: payloads.append(payload) or {})
    return payloads


@pytest.fixture
def alice(slack):
    return Person(Stage(slack), ALICE)


@pytest.fixture
def ts(slack):
    return post_message(slack, Arguments(CARD))["ts"]


@pytest.fixture
def seen(alice, ts):
    return alice.sees(REQUESTS)[0]


def test_a_button_seen_earlier_sends_what_it_showed_then(slack, alice, seen, ts, got):
    update(slack, Arguments({"channel": REQUESTS, "ts": ts, "text": "decided"}))
    assert alice.press(seen, "Approve").ok
    assert alice.finds("decided", channel=REQUESTS).buttons == []
    assert got[0]["actions"][0]["value"] == "R-1"
    assert got[0]["message"]["text"] == "card"


def test_a_press_may_be_forged(alice, seen, got):
    alice.press_raw(seen, seen.action("Approve") | {"value": "R-2"})
    assert got[0]["actions"][0]["value"] == "R-2"


def test_a_button_with_a_confirmation_asks_first(alice, seen, got):
    with pytest.raises(AsksFirst, match="Cuts Alice off"):
        alice.press(seen, "Revoke")
    assert got == []
    alice.press(seen, "Revoke", confirm=True)
    assert got[0]["actions"][0]["action_id"] == "revoke"


def test_a_button_that_is_not_there_cannot_be_pressed(alice, seen, got):
    with pytest.raises(NotThere, match=r"Release.*Approve.*Deny"):
        alice.press(seen, "Release")
    assert got == []


def test_a_press_on_an_ephemeral_message_does_not_show_the_message(slack, alice, got):
    post_ephemeral(slack, Arguments(CARD | {"user": ALICE}))
    alice.press(alice.sees(REQUESTS)[0], "Approve")
    assert got[0]["container"]["is_ephemeral"] is True
    assert "message" not in got[0]


def test_somebody_of_another_workspace_presses_as_of_there(slack, ts, got):
    slack.world.add_user(User("U0STRANGE", "zoe", "Zoe", "T0OTHER01", "other"))
    slack.world.channel(REQUESTS).members.add("U0STRANGE")
    zoe = Person(Stage(slack), "U0STRANGE")
    zoe.press(zoe.sees(REQUESTS)[0], "Approve")
    assert got[0]["user"]["team_id"] == "T0OTHER01"
    assert got[0]["team"] == {"id": "T0OTHER01", "domain": "other"}


def test_each_press_gets_tickets_of_its_own(slack, alice, seen, got):
    for _ in range(2):
        alice.press(seen, "Approve")
    assert got[0]["trigger_id"] != got[1]["trigger_id"]
    assert got[0]["response_url"] != got[1]["response_url"]
    assert slack.tickets.spend(got[0]["trigger_id"]) == ALICE
