"""Which cards are drawn and when, step by step, by a clock that the test moves."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.error import URLError

import pytest

from bot.followers.cards import LOOK_EVERY, Cards
from bot.followers.cards_gone import FIRST_COMPARED, GONE, leave_word
from bot.followers.outbox import Unreached, Unsure
from bot.followers.reached import named_in
from jit.facts import Away, Back, Source
from jit.ledger import Notes, StoredDirectory
from jit.people.person import Groups, Person
from jit.testing import ALICE, BOB, CAROL, EVE
from playground.blocks import message_problems
from playground.text import pinged
from tests.world.base import REQUESTS
from tests.world.face import Face
from tests.world.fake_slack import refusal

WAITING = 20


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


def test_many_steps_become_one_update(house):
    cards, story = house.start(Cards), house.story()
    story.asked()
    house.work(cards)
    story.approval()
    story.approved()
    story.intent()
    story.granted()
    house.work(cards)
    assert house.slack.updates == 1
    assert house.posted(REQUESTS)[0]["text"].startswith("Active until")


def test_a_card_that_shows_the_newest_is_left_alone(house):
    cards, story = house.start(Cards), house.story()
    story.asked()
    story.approval()
    house.work(cards)
    house.work(house.start(Cards), 1)
    assert len(house.posted(REQUESTS)) == 1
    assert house.slack.updates == 0


def test_a_card_that_was_adopted_is_brought_up_to_date(house):
    story = house.story()
    story.asked()
    house.slack.fates = [(TimeoutError(), True)]
    with pytest.raises(Unsure):
        house.start(Cards).step()
    story.withdrawn()
    house.work(house.start(Cards), 3)
    assert [each["text"].split()[0] for each in house.posted(REQUESTS)] == ["Withdrawn"]


def test_a_card_somebody_deleted_is_posted_again(house):
    cards, story = house.start(Cards), house.story()
    story.asked()
    house.work(cards)
    house.slack.messages.clear()
    house.slack.fates = [(refusal("message_not_found"), False)]
    story.withdrawn()
    house.work(cards, 1)
    assert [each["text"].split()[0] for each in house.posted(REQUESTS)] == ["Withdrawn"]


def test_a_channel_that_refuses_is_tried_again_and_holds_up_no_other(house):
    cards = house.start(Cards)
    house.slack.refusing["C0BROKEN1"] = refusal("channel_not_found")
    house.story("R-8888", channel="C0BROKEN1", requester=BOB, access="orders-db/gone").asked()
    house.story().asked()
    house.work(cards)
    assert len(house.posted(REQUESTS)) == 1
    house.slack.refusing.clear()
    house.work(cards, 5)
    assert len(house.posted("C0BROKEN1")) == 1


def test_a_channel_that_asks_to_wait_is_given_the_time(house):
    cards = house.start(Cards)
    house.slack.fates = [(refusal("ratelimited", 429, {"Retry-After": "30"}), False)]
    house.story().asked()
    house.work(cards, 29)
    assert house.posted(REQUESTS) == []
    house.work(cards, 1.5)
    assert len(house.posted(REQUESTS)) == 1


def test_a_clock_set_back_an_hour_does_not_hold_back_cards(house):
    cards = house.start(Cards)
    for number in range(5):
        house.story(f"R-{2000 + number}", requester=f"U{number:08}").asked()
    house.work(cards)
    house.set_back_an_hour()
    house.work(cards, 5)
    assert len(house.posted(REQUESTS)) == 5


def test_an_outage_of_slack_stops_the_step(house):
    house.story().asked()
    house.slack.fates = [(URLError(ConnectionRefusedError()), False)]
    with pytest.raises(Unreached):
        house.start(Cards).step()


def test_the_first_card_tells_approvers_and_a_later_one_nobody(house):
    cards, story = house.start(Cards), house.story(requester=BOB)
    story.asked()
    house.work(cards)
    first = json.dumps(house.posted(REQUESTS)[0]["blocks"])
    assert f"<@{CAROL}>" in first
    assert f"<@{BOB}>" not in first
    story.approval(CAROL)
    house.work(cards)
    assert "<@" not in json.dumps(house.posted(REQUESTS)[0]["blocks"])


def test_who_is_named_in_the_rules():
    groups = {"both": ("group:dba", "slack:S1"), "dba": (BOB, CAROL)}
    assert list(named_in(("group:both", EVE), groups)) == [BOB, CAROL, "slack:S1", EVE]


def test_cards_that_wait_for_their_channel_are_not_read_again_every_second(house, monkeypatch):
    for number in range(WAITING):
        house.story(f"R-{1000 + number}", requester=f"U{number:08}").asked()
    cards = house.start(Cards)
    house.work(cards)
    drawn, read, request = len(house.posted(REQUESTS)), [], house.ledger.request
    monkeypatch.setattr(house.ledger, "request", lambda each: read.append(each) or request(each))
    house.clock.move(seconds=1)
    house.work(cards)
    assert len(house.posted(REQUESTS)) == drawn + 1
    assert len(read) < WAITING / 2


def test_channels_with_many_cards_hold_up_none_with_few(house, monkeypatch):
    for number in range(WAITING):
        channel = f"C0CROWD{number % 2:02}"
        house.story(f"R-{1000 + number}", channel=channel, requester=f"U{number:08}").asked()
    house.story(requester=CAROL).asked()
    post = house.slack.chat_postMessage
    monkeypatch.setattr(
        house.slack, "chat_postMessage", lambda **message: (house.clock.move(seconds=0.6), post(**message))[1]
    )
    cards = house.start(Cards)
    for _ in range(3):
        cards.step()
    assert len(house.posted(REQUESTS)) == 1


def test_who_asks_and_withdraws_all_the_time_holds_up_nobodys_card(house):
    cards = house.start(Cards)
    for number in range(60):
        story = house.story(f"R-{1000 + number}", requester=CAROL)
        story.asked()
        story.withdrawn()
    house.story().asked()
    house.work(cards)
    (posted,) = house.posted(REQUESTS)
    assert "asks for" in posted["text"]


def test_who_has_many_cards_to_be_drawn_holds_up_nobody_with_one(house):
    for number in range(WAITING):
        house.story(f"R-{1000 + number}", requester=CAROL, access=f"orders-db/{number}").asked()
    for person in (BOB, EVE):
        house.story(f"R-{person}"[:8], requester=person).asked()
    cards = house.start(Cards)
    house.work(cards)
    said = [each["text"].partition("asks")[0] for each in house.posted(REQUESTS)]
    assert len(set(said)) == len(said) == 3
    house.clock.move(seconds=WAITING)
    house.work(cards, WAITING)
    assert len(house.posted(REQUESTS)) == WAITING + 2


def test_what_was_over_before_it_was_drawn_is_drawn_only_if_something_was_given(house):
    for number, (life, shown) in enumerate(
        {"withdrawn": 0, "denied": 0, "lapsed": 0, "approval approved revoked ended": 1}.items()
    ):
        story = house.story(f"R-{1000 + number}", requester=f"U{number:08}")
        for step in ("asked", *life.split()):
            getattr(story, step)()
        cards = house.start(Cards)
        before = len(house.posted(REQUESTS))
        house.work(cards, 2)
        house.work(house.start(Cards), 2)
        assert len(house.posted(REQUESTS)) - before == shown, life


def test_the_card_counts_the_requests_of_one_person_within_a_week(house):
    for request_id, requester in (("R-1001", CAROL), ("R-1002", CAROL), ("R-1003", BOB), ("R-1004", CAROL)):
        story = house.story(request_id, requester=requester)
        story.asked()
        story.withdrawn()
        if request_id == "R-1001":
            house.clock.move(days=7, seconds=1)
    cards = house.start(Cards)
    house.story("R-1005", requester=CAROL).asked()
    house.work(cards, 5)
    assert "3rd request this week" in json.dumps(house.posted(REQUESTS)[-1]["blocks"])


def test_a_pending_card_that_an_administrator_deletes_is_posted_again_as_soon_as_slack_tells(house):
    cards = house.start(Cards)
    house.story().asked()
    house.work(cards)
    gone = house.slack.messages.pop()
    leave_word(Notes(house.engine, Cards.name), gone["ts"], gone["bot_id"])
    house.work(cards, LOOK_EVERY + 1)
    (again,) = house.posted(REQUESTS)
    assert "asks for" in again["text"]
    assert again["ts"] != gone["ts"]
    assert Notes(house.engine, Cards.name).all(GONE) == {}


def test_a_pending_card_that_was_deleted_while_nobody_listened_is_posted_again(house):
    cards = house.start(Cards)
    for number in range(3):
        house.story(f"R-{1000 + number}", requester=f"U{number:08}").asked()
    house.work(cards, 5)
    gone = house.slack.messages.pop(1)
    house.work(house.start(Cards), FIRST_COMPARED + 5)
    assert len(house.posted(REQUESTS)) == 3
    assert gone["ts"] not in {each["ts"] for each in house.posted(REQUESTS)}


def test_word_of_what_is_no_card_or_stands_or_is_over_posts_nothing(house):
    cards, notes, over = house.start(Cards), Notes(house.engine, Cards.name), house.story("R-8888", requester=EVE)
    over.asked()
    house.story().asked()
    house.work(cards, 3)
    over.withdrawn()
    house.work(cards, 3)
    for each in [*house.posted(REQUESTS), {"ts": "1.000000"}]:
        leave_word(notes, each["ts"], "")
    leave_word(notes, house.slack.messages.pop(0)["ts"], "")
    house.work(cards, 5)
    assert ["asks for" in each["text"] for each in house.posted(REQUESTS)] == [True]


@pytest.mark.parametrize("way", ["deactivated", "another e-mail", "out of the group", "back"])
def test_an_approval_that_does_not_count_any_more_loses_its_mark(house, way):
    house.rules(("dba: [U02BOB000, U03CAROL0]", 'dba: ["slack:S0DBA0001"]'))
    house.last_good = house.policies.current()
    cards, story, stored = house.start(Cards), house.story(), StoredDirectory(house.engine)
    stored.keep_workspace(house.directory.workspace, house.clock.now())
    stored.keep_person(house.directory.look_up(BOB), house.clock.now())

    def look(members, **changed):
        house.clock.move(seconds=5)
        stored.keep_groups(Groups(house.clock.now(), {"S0DBA0001": frozenset(members)}, {}))
        stored.keep_person(replace(house.directory.look_up(BOB), **changed), house.clock.now())
        house.work(cards, 3)
        return "\u2713" in json.dumps(house.posted(REQUESTS)[0]["blocks"], ensure_ascii=False)

    story.asked()
    story.approval(BOB)
    assert look({BOB, CAROL})
    changes = {
        "deactivated": {"deleted": True},
        "another e-mail": {"email": "mallory@example.com", "first_email": "bob@example.com"},
    }
    assert not look({BOB, CAROL} if way in changes else {CAROL}, **changes.get(way, {}))
    if way == "back":
        assert look({BOB})


def test_a_card_says_who_is_away_and_who_stands_in_until_they_are_back(house):
    follower, story = house.start(Cards), house.story()
    story.asked()
    now = house.clock.now()
    gone = Away(at=now, actor=BOB, source=Source.SLACK, until=now + timedelta(days=3), substitute=CAROL)
    house.work(follower, 3)
    assert "stands in" not in str(house.posted(REQUESTS)[0]["blocks"])
    house.ledger.append([gone])
    house.work(follower, 5)
    (card,) = house.posted(REQUESTS)
    assert "Bob is away until" in str(card["blocks"])
    assert f"{CAROL} stands in" in str(card["blocks"])
    assert message_problems(card["blocks"]) == []
    house.ledger.append([Back(at=now, actor=BOB, source=Source.SLACK)])
    house.work(follower, 5)
    assert "stands in" not in str(house.posted(REQUESTS)[0]["blocks"])


@pytest.mark.parametrize(("owner", "said"), [("group:dba", "Owner: dba"), (ALICE, "Owner: Alice")])
def test_a_card_says_who_answers_for_the_access_while_it_is_decided(house, owner, said):
    house.rules(("max_duration: 8h", f"max_duration: 8h\n    owner: {owner}"))
    house.last_good = house.policies.current()
    follower, story = house.start(Cards), house.story()
    story.asked()
    house.work(follower, 3)
    (card,) = house.posted(REQUESTS)
    assert said in str(card["blocks"])
    assert message_problems(card["blocks"]) == []
    story.denied()
    house.work(follower, 3)
    assert "Owner:" not in str(house.posted(REQUESTS)[0]["blocks"])


def test_who_is_away_is_not_mentioned_on_a_new_card(house):
    now = house.clock.now()
    gone = Away(at=now, actor=BOB, source=Source.SLACK, until=now + timedelta(days=3), substitute=CAROL)
    house.ledger.append([gone])
    house.story().asked()
    house.work(house.start(Cards), 3)
    (card,) = house.posted(REQUESTS)
    assert pinged(card) == {CAROL}


def test_a_card_says_that_the_requesters_email_is_another(house):
    """People decide for them as ever, and have to know."""
    stored = StoredDirectory(house.engine)
    alice = Person(id=ALICE, team="T0TEST001", name="Alice", email="alice@example.com").seen_after(None)
    stored.keep_person(replace(alice, email="mallory@example.com"), house.clock.now())
    house.story().asked()
    house.work(house.start(Cards), 3)
    (card,) = house.posted(REQUESTS)
    assert "Alice has another e-mail in Slack than before: make sure who asks" in str(card["blocks"])
    assert "@example.com" not in str(card)
