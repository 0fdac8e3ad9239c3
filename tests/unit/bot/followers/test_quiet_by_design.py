"""How many messages one ordinary request causes, to whom, and who is called by them."""

from datetime import timedelta

import pytest

from bot.followers.cards import Cards
from bot.followers.messages import Messages
from bot.followers.reminders import Reminders
from bot.mirror.follower import Mirror
from jit.testing import BOB, CAROL
from playground.text import pinged
from tests.world.base import ALERTS, AUDIT, REQUESTS, in_a_file
from tests.world.face import Face


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path, ledger=in_a_file(tmp_path))
    yield house
    house.engine.dispose()


class Readers:
    """Works the followers after each step, and counts whom anything called that was not there before."""

    def __init__(self, house):
        self.house = house
        self.followers = [house.start(kind) for kind in (Cards, Messages, Reminders, Mirror)]
        self.called = []
        self._seen = 0

    def read(self, seconds=2.0):
        for follower in self.followers:
            self.house.work(follower, seconds / len(self.followers))
        news, self._seen = self.house.slack.messages[self._seen :], len(self.house.slack.messages)
        self.called += [person for message in news for person in sorted(pinged(message))]


def test_one_request_is_one_card_three_messages_to_its_requester_and_lines_of_the_record(house):
    story, readers = house.story(), Readers(house)
    for step in (story.asked, story.approval, story.approved, story.intent, story.granted):
        step()
        readers.read()
    house.clock.time = story.request.ends_at - timedelta(minutes=5)
    readers.read()
    house.clock.time = story.request.ends_at
    for step in (story.ending, story.ended):
        step()
        readers.read()
    (card,) = house.posted(REQUESTS)
    assert card["text"].startswith("Ended")
    direct = house.posted("D01ALICE0")
    assert [message["text"].split()[0] for message in direct] == ["Over:", "Its", "Ended:"]
    assert house.posted(ALERTS) == []
    assert len(house.slack.messages) == 1 + len(direct) + len(house.posted(AUDIT))
    assert len(house.posted(AUDIT)) <= len(house.facts())
    assert readers.called == [BOB, CAROL], "each approver once, and nobody else"
    for channel in (REQUESTS, "D01ALICE0", AUDIT):
        texts = [message["text"] for message in house.posted(channel)]
        assert len(set(texts)) == len(texts), "nothing is said twice on one screen"
    for message in house.slack.messages:
        blocks = [str(block) for block in message["blocks"]]
        assert len(set(blocks)) == len(blocks)


def test_what_is_answered_late_calls_those_who_have_not_once_more_and_no_others(house):
    story, readers = house.story(), Readers(house)
    story.asked()
    readers.read()
    house.clock.time = story.request.pending_until - timedelta(hours=4)
    readers.read()
    story.denied()
    readers.read()
    house.clock.time = story.request.pending_until
    readers.read()
    assert readers.called == [BOB, CAROL, BOB, CAROL]
    assert len(house.posted(REQUESTS)) == 2
    assert [message["text"].split()[0] for message in house.posted("D01ALICE0")] == ["Denied:"]


def test_two_asked_together_are_one_card_and_as_many_messages_as_one(house):
    ids = ("R-AAAA", "R-BBBB")
    stories = [house.story(each, together=ids, access=f"orders-db/{each[2:]}", permissions=(each,)) for each in ids]
    readers = Readers(house)
    for steps in (("asked",), ("approval", "approved"), ("intent", "granted")):
        for story in stories:
            for step in steps:
                getattr(story, step)()
        readers.read(4.0)
    house.clock.time = stories[0].request.ends_at - timedelta(minutes=5)
    readers.read(4.0)
    house.clock.time = stories[0].request.ends_at
    for story in stories:
        story.ending()
        story.ended()
    readers.read(4.0)
    (card,) = house.posted(REQUESTS)
    assert card["text"].endswith("2 ended")
    direct = house.posted("D01ALICE0")
    assert [message["text"].split()[0] for message in direct] == ["Over:", "Its", "Ended:"]
    assert all(message["text"].count("orders-db/") == 2 for message in direct), "both in each"
    assert len(house.slack.messages) == 1 + len(direct) + len(house.posted(AUDIT))
    assert readers.called == [BOB, CAROL], "each approver once, and nobody else"
    for message in house.slack.messages:
        blocks = [str(block) for block in message["blocks"]]
        assert len(set(blocks)) == len(blocks), "nothing is said twice on one screen"
