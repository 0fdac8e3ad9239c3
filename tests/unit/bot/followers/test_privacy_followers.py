"""What is drawn of requests whose requester or approver was erased: the same, without them."""

import pytest

from bot.followers.cards import CHANGED, Cards
from bot.followers.homes import Homes, open_home
from bot.followers.messages import Messages
from bot.views.card import draw
from bot.views.line import lines
from jit.facts import PolicyChanged, Source
from jit.ledger import Notes
from jit.ledger.privacy.erasing import erase
from jit.testing import ALICE, BOB, CAROL
from tests.world.base import ALERTS, REQUESTS
from tests.world.face import Face
from tests.world.fake_slack import refusal

SAID = "alice", "stuck orders", "Alice", ALICE


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


def over(house, request_id="R-7F3K", **fields):
    story = house.story(request_id, **fields).active()
    story.refused(by=CAROL)
    story.alert()
    story.revoked("alice has left", by=CAROL)
    story.ending()
    story.not_ended("alice has a session")
    story.ended(left_behind=("a table of alice",))
    return story


def gone(house, person=ALICE):
    return erase(house.ledger, person, legal_basis="Art. 17", actor="cli:admin@host")


def names(who):
    return {ALICE: "Alice", BOB: "Bob", CAROL: "Carol"}.get(who, who)


@pytest.mark.parametrize("person", [ALICE, BOB, CAROL])
def test_a_card_is_drawn_anew_without_them(house, person):
    story = over(house)
    house.work(house.start(Cards), 3)
    done = gone(house, person)
    Notes(house.engine, Cards.name).put({CHANGED + story.id: ""})
    house.work(house.start(Cards), 3)
    drawn = str(draw(house.ledger.request(story.id), names, asked=None, nth=None))
    assert names(person) not in drawn
    assert person == BOB or f"erased:{done.keys[0][:8]}" in drawn  # who let them in is not on a card that is over


def test_a_card_that_was_never_posted_is_posted_without_them(house):
    over(house)
    gone(house)
    house.work(house.start(Cards), 3)
    (card,) = house.posted(REQUESTS)
    assert not [said for said in SAID if said in str(card)]
    assert "erased:" in str(card)


@pytest.mark.parametrize("person", [ALICE, BOB, CAROL])
def test_every_line_of_the_audit_channel_is_drawn_without_them(house, person):
    over(house)
    story = house.story("R-9999").asked()
    assert story.fact.requester == ALICE
    house.story("R-9999").denied("alice may not")
    done = gone(house, person)
    entries = house.ledger.read()
    drawn = "\n".join(lines(entries, names, house.ledger.request))
    assert len(drawn.splitlines()) == len(entries)
    assert names(person) not in drawn
    assert f"erased:{done.keys[0][:8]}" in drawn


def test_what_was_still_to_be_said_to_them_is_not_said_and_holds_up_nobody(house):
    house.slack.refusing = {"D01ALICE0": refusal("channel_not_found")}
    messages = house.start(Messages)
    over(house)
    house.work(messages, 1)
    gone(house)
    assert Notes(house.engine, Messages.name).all("due:")
    house.slack.messages.clear()
    over(house, "R-9999", requester=BOB, principal="bob")
    house.work(house.start(Messages), 700, tick=5)
    assert {each["channel"] for each in house.slack.messages} == {"D02BOB000", ALERTS}
    assert Notes(house.engine, Messages.name).all("due:") == {}


def test_the_home_of_somebody_erased_is_drawn_no_more(house):
    homes = house.start(Homes, house.visibility())
    notes = Notes(house.engine, Homes.name)
    for person in (ALICE, BOB):
        open_home(notes, person)
    over(house)
    house.work(homes, 5)
    assert set(house.slack.homes) == {ALICE, BOB}
    gone(house)
    house.slack.homes.clear()
    fact = PolicyChanged(at=house.clock.now(), actor="bot@host", source=Source.BOT, policy_version="b", before="a")
    house.ledger.append([fact])
    over(house, "R-9999", requester=BOB, principal="bob")
    house.work(homes, 5)
    assert set(house.slack.homes) == {BOB}
    assert not [key for key in notes.all() if key.endswith(ALICE)]
    assert set(house.slack.homes[BOB]) >= {"blocks"}


def test_the_home_of_an_approver_says_nothing_of_who_was_erased(house):
    homes = house.start(Homes, house.visibility())
    over(house)
    gone(house)
    open_home(Notes(house.engine, Homes.name), BOB)
    house.work(homes, 5)
    assert not [said for said in SAID if said in str(house.slack.homes[BOB])]
