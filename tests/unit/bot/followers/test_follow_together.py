"""One card, and as few messages as can be, for requests that were asked together."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.buttons import APPROVE, DENY, RELEASE, WITHDRAW, read_value, read_values
from bot.followers.cards import Cards
from bot.followers.cards_gone import leave_word
from bot.followers.messages import Messages
from bot.followers.reminders import Reminders
from jit.ledger import Notes
from jit.testing import EVE
from tests.world.base import REQUESTS
from tests.world.face import Face
from tests.world.tamper import past_the_guards

IDS = ("R-AAAA", "R-BBBB")
OTHER, DIRECT = "C0OTHER01", "D01ALICE0"


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


def changed_by_somebody(house, story):
    """The record of this request, past the guards."""
    with house.engine.begin() as connection, past_the_guards(connection):
        how = "UPDATE entries SET body = replace(body, 'orders_read', 'orders_x') WHERE request_id = :id"
        connection.execute(text(how), {"id": story.id})


def test_a_changed_record_of_one_stops_no_card_and_no_message_of_others(house):
    cards, messages = house.start(Cards), house.start(Messages)
    one, two = together(house)
    house.story("R-9999").asked()
    house.work(cards, 2)
    changed_by_somebody(house, one)
    granted(house, two)
    for message in house.slack.messages:
        leave_word(Notes(house.engine, Cards.name, None), message["ts"], "")
    house.work(cards, 3)
    house.work(messages, 3)
    card = house.posted(REQUESTS)[-1]
    assert card["text"].startswith("Active until ")
    assert "R-BBBB" in str(card["blocks"])
    assert house.posted(DIRECT)[0]["text"].startswith("Granted: *orders-db/BBBB*")


def test_what_waits_beside_one_whose_record_was_changed_is_reminded_of(house):
    reminders = house.start(Reminders)
    one, two = together(house)
    house.work(reminders, 1)
    changed_by_somebody(house, one)
    house.clock.time = two.request.pending_until - timedelta(hours=4)
    house.work(reminders, 3)
    (reminder,) = house.posted(REQUESTS)
    assert "orders-db/BBBB" in reminder["text"]


def test_one_given_less_says_so_and_the_other_is_still_what_was_asked(house):
    cards = house.start(Cards)
    one, two = together(house, duration=timedelta(hours=2))
    house.work(cards, 2)
    (before,) = house.posted(REQUESTS)
    one.narrowed(duration=timedelta(hours=1), reason="an hour will do")
    house.work(cards, 2)
    (card,) = house.posted(REQUESTS)
    assert card["text"] == before["text"]
    assert str(card["blocks"]).count("an hour will do") == 1
    pressed = {each: read_values(row["elements"][0]["value"]) for each, row in enumerate(action_rows(card))}
    assert [each.digest for each in pressed[0]] == [one.request.digest, two.request.digest]
    granted(house, one, two)
    house.work(cards, 2)
    (card,) = house.posted(REQUESTS)
    assert card["text"].endswith("for *2 h*: 2 active")


def action_rows(message):
    return [block for block in message["blocks"] if block["type"] == "actions"]


def test_what_begins_later_says_so_once_and_each_waits_for_it(house):
    cards = house.start(Cards)
    start = house.clock.now() + timedelta(hours=3)
    one, _ = together(house, start_at=start)
    house.work(cards, 2)
    (card,) = house.posted(REQUESTS)
    assert card["text"].count("from ") == 1
    one.approval()
    one.approved()
    house.work(cards, 2)
    (card,) = house.posted(REQUESTS)
    assert card["text"].endswith("1 approved, 1 waiting")
    assert "Approved by Bob" in str(card["blocks"])


def test_more_time_with_one_is_decided_in_a_message_of_its_own_and_moves_the_end_of_that_alone(house):
    cards, messages = house.start(Cards), house.start(Messages)
    one, two = together(house)
    granted(house, one, two)
    house.work(cards, 2)
    house.work(messages, 3)
    one.extension_asked(why="two orders left")
    house.work(cards, 2)
    house.work(messages, 3)
    card, asked = house.posted(REQUESTS)
    assert card["text"].endswith("2 active")
    assert str(card["blocks"]).count("two orders left") == 1
    assert not action_rows(card)
    assert buttons(asked)[APPROVE] == [one.id]
    one.extension_approved()
    one.extending()
    one.extended()
    house.work(cards, 2)
    house.work(messages, 3)
    assert str(house.posted(REQUESTS)[0]["blocks"]).count("extended") == 1
    assert house.posted(DIRECT)[-1]["text"].startswith("Extended: *orders-db/AAAA*")
    house.clock.time = two.request.ends_at - timedelta(minutes=5)
    house.work(messages, 3)
    assert house.posted(DIRECT)[-1]["text"].startswith("*orders-db/BBBB* ends in")


def granted(house, *stories):
    for story in stories:
        story.approval()
        story.approved()
        story.intent()
        story.granted()


def test_what_is_granted_at_about_the_same_time_is_told_in_one_message(house):
    messages = house.start(Messages)
    one, two = together(house)
    granted(house, one)
    house.work(messages, 1)
    granted(house, two)
    house.work(messages, 3)
    (told,) = house.posted(DIRECT)
    assert told["text"].count("Granted: ") == 2
    assert [each.request_id for each in values(told, RELEASE)] == [*IDS]


def test_what_waits_for_long_holds_up_nothing_that_is_granted(house):
    messages = house.start(Messages)
    one, two = together(house)
    granted(house, one)
    house.work(messages, 3)
    (told,) = house.posted(DIRECT)
    assert told["text"].startswith("Granted: *orders-db/AAAA*")
    two.denied()
    house.work(messages, 3)
    assert [message["text"].split(":")[0] for message in house.posted(DIRECT)] == ["Granted", "Denied"]


def test_one_message_of_two_tells_of_each_as_it_is_then(house):
    messages = house.start(Messages)
    one, two = together(house)
    granted(house, one, two)
    house.work(messages, 3)
    one.released()
    one.ended()
    messages = house.start(Messages)
    house.work(messages, 3)
    told, ended = house.posted(DIRECT)
    assert told["text"].startswith("Over: *orders-db/AAAA*")
    assert "Granted: *orders-db/BBBB*" in told["text"]
    assert [each.request_id for each in values(told, RELEASE)] == [two.id]
    assert ended["text"].startswith("Ended: *orders-db/AAAA*")


def test_a_warning_and_the_end_of_both_are_one_message_each(house):
    messages = house.start(Messages)
    one, two = together(house)
    granted(house, one)
    house.clock.move(seconds=1)
    granted(house, two)
    house.work(messages, 3)
    house.clock.time = one.request.ends_at - timedelta(minutes=5)
    house.work(messages, 4)
    house.clock.time = two.request.ends_at
    for story in (one, two):
        story.ending()
        story.ended()
    house.work(messages, 4)
    assert [message["text"].count(" · ") for message in house.posted(DIRECT)][1:] != []
    assert len(house.posted(DIRECT)) == 3
    warned = house.posted(DIRECT)[1]
    assert warned["text"].count("Its end was announced here") == 2
    assert house.posted(DIRECT)[2]["text"].count("Ended: ") == 2


def values(message, action):
    rows = [block for block in message["blocks"] if block["type"] == "actions"]
    return [read_value(each["value"]) for row in rows for each in row["elements"] if each["action_id"] == action]


def test_one_reminder_for_all_that_wait_says_of_each_when_it_does_not_any_more(house):
    reminders = house.start(Reminders)
    one, two = together(house)
    house.work(reminders, 1)
    house.clock.time = one.request.pending_until - timedelta(hours=4)
    house.work(reminders, 3)
    (reminder,) = house.posted(REQUESTS)
    assert reminder["text"].count("Still waiting: ") == 2
    assert str(reminder["blocks"]).count("<@U02BOB000>") == 1
    one.denied()
    house.work(house.start(Reminders), 3)
    (reminder,) = house.posted(REQUESTS)
    assert "No longer waiting: *orders-db/AAAA* for *Alice*, denied" in reminder["text"]
    assert "Still waiting: " in reminder["text"]
    two.denied()
    house.work(house.start(Reminders), 3)
    assert "Still waiting" not in str(house.posted(REQUESTS))


OWNERS = (
    ("group:dba", "Owner: dba"),
    ("group:security", "Owner of orders-db/read: dba · Owner of orders-db/admin: security"),
)


@pytest.mark.parametrize(("owner", "says"), OWNERS)
def test_the_card_says_who_answers_for_which_where_these_are_others(house, owner, says):
    hour, day = "max_duration: 1h", "max_duration: 8h"
    house.rules((day, f"{day}\n    owner: group:dba"), (hour, f"{hour}\n    owner: {owner}"))
    house.last_good = house.policies.current()
    for each, access in zip(IDS, ("orders-db/read", "orders-db/admin"), strict=True):
        house.story(each, together=IDS, access=access).asked()
    house.work(house.start(Cards), 3)
    [card] = house.posted(REQUESTS)
    assert says in json.dumps(card["blocks"], ensure_ascii=False)
