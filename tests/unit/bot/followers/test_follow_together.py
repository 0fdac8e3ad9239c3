"""One card, and as few messages as can be, for requests that were asked together."""

from datetime import timedelta

import pytest

from bot.buttons import APPROVE, DENY, WITHDRAW, read_values
from bot.followers.cards import Cards
from jit.testing import EVE
from tests.world.base import REQUESTS
from tests.world.face import Face

IDS = ("R-AAAA", "R-BBBB")
OTHER = "C0OTHER01"


@pytest.fixture
def house(tmp_path):
    return Face(tmp_path)


def together(house, ids=IDS, **fields):
    """Stories of as many requests, each naming all."""
    stories = [house.story(each, together=ids, access=f"orders-db/{each[2:]}", **fields) for each in ids]
    for story in stories:
        story.asked()
    return stories


def buttons(message):
    """The rows of buttons below all, by what they do: the requests that each is for."""
    rows = [block for block in message["blocks"] if block["type"] == "actions"]
    return {each["action_id"]: [one.request_id for one in read_values(each["value"])] for each in rows[-1]["elements"]}


def test_what_is_asked_together_is_one_card_whose_one_press_is_for_all(house):
    cards = house.start(Cards)
    together(house)
    house.work(cards, 2)
    (card,) = house.posted(REQUESTS)
    assert card["text"] == "*Alice* asks for *orders-db/AAAA* and *orders-db/BBBB* for *30 min*"
    assert buttons(card) == {APPROVE: [*IDS], DENY: [*IDS], WITHDRAW: [*IDS]}


def test_the_card_tells_each_truth_as_they_go_different_ways(house):
    cards = house.start(Cards)
    one, two = together(house)
    house.work(cards, 2)
    one.approval()
    one.approved()
    one.intent()
    one.granted()
    house.work(cards, 2)
    (card,) = house.posted(REQUESTS)
    assert card["text"].endswith("for *30 min*: 1 active, 1 waiting")
    assert buttons(card) == {APPROVE: [two.id], DENY: [two.id], WITHDRAW: [two.id]}
    assert f"End access {one.id}" in str(card["blocks"])
    two.denied()
    house.work(cards, 2)
    (card,) = house.posted(REQUESTS)
    assert card["text"].endswith("for *30 min*: 1 active, 1 denied")
    assert not [block for block in card["blocks"] if block["type"] == "actions"]


def test_each_channel_gets_one_card_with_those_that_are_its_own(house):
    cards = house.start(Cards)
    ids = ("R-AAAA", "R-BBBB", "R-CCCC")
    for each, channel in zip(ids, (OTHER, REQUESTS, REQUESTS), strict=True):
        house.story(each, together=ids, access=f"orders-db/{each[2:]}", channel=channel).asked()
    house.work(cards, 2)
    (alone,), (two,) = house.posted(OTHER), house.posted(REQUESTS)
    assert buttons(alone)[APPROVE] == ["R-AAAA"]
    assert buttons(two)[APPROVE] == ["R-BBBB", "R-CCCC"]


@pytest.mark.parametrize(
    "lie",
    [
        {"requester": EVE},
        {"why": "another reason"},
        {"duration": timedelta(hours=8)},
        {"incident": None},
        {"together": ()},
        {"together": ("R-BBBB", "R-AAAA", "R-CCCC")},
    ],
)
def test_who_names_requests_that_do_not_name_it_back_stands_on_a_card_of_its_own(house, lie):
    cards = house.start(Cards)
    house.story("R-BBBB", **({"access": "orders-db/BBBB", "together": IDS} | lie)).asked()
    house.story("R-AAAA", together=IDS).asked()
    house.work(cards, 3)
    assert sorted(buttons(card)[APPROVE][0] for card in house.posted(REQUESTS)) == [*IDS]
    assert all(len(buttons(card)[APPROVE]) == 1 for card in house.posted(REQUESTS))


def test_a_card_that_somebody_deletes_comes_again_as_one(house):
    cards = house.start(Cards)
    one, two = together(house)
    house.work(cards, 2)
    house.slack.messages.clear()
    two.denied()
    house.work(cards, 3)
    (card,) = house.posted(REQUESTS)
    assert buttons(card)[APPROVE] == [one.id]
