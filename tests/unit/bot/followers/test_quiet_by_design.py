"""How many messages a request causes, to whom, and who is called by them: whatever way it goes."""

from datetime import timedelta
from functools import partial

import pytest

from bot.followers.cards import Cards
from bot.followers.messages import Messages
from bot.followers.reminders import Reminders
from bot.mirror.follower import Mirror
from jit.facts import Escalation, Quorum
from jit.testing import ALICE, BOB, CAROL, DBA
from jit.use_cases.break_glass import alert as loud
from playground.text import pinged
from tests.world.base import ALERTS, AUDIT, REQUESTS, SAM, in_a_file
from tests.world.face import Face

TWO = Quorum(label="dba", who=("group:dba",), count=2)
REVIEWED = {"rested_on": "INC-42 open", "review_by": ("group:security",), "review_within": timedelta(hours=24)}


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


def quiet(house):
    """Nothing is said twice on one screen."""
    for channel in {message["channel"] for message in house.slack.messages}:
        texts = [message["text"] for message in house.posted(channel)]
        assert len(set(texts)) == len(texts), (channel, texts)
    for message in house.slack.messages:
        blocks = [str(block) for block in message["blocks"]]
        assert len(set(blocks)) == len(blocks), message["text"]


def told(house, channel="D01ALICE0"):
    return [message["text"].split()[0] for message in house.posted(channel)]


def goes_through(readers, *steps):
    for step in steps:
        step()
        readers.read()


def test_an_extension_is_one_message_to_those_who_decide_and_one_to_its_requester(house):
    story, readers = house.story(), Readers(house)
    goes_through(readers, story.asked, story.approval, story.approved, story.intent, story.granted)
    before, readers.called = told(house), []
    goes_through(readers, story.extension_asked, story.extension_approved, story.extending, story.extended)
    card, asked = house.posted(REQUESTS)
    assert card["text"].startswith("Active until")
    assert readers.called == [BOB, CAROL], "each approver once, and nobody else"
    assert pinged(asked) == set(), "what is decided calls nobody any more"
    assert told(house) == [*before, "Extended:"]
    assert house.posted(ALERTS) == []
    quiet(house)


def test_an_extension_that_is_withdrawn_says_nothing_to_who_withdrew_it(house):
    story, readers = house.story().active(), Readers(house)
    readers.read()
    before, readers.called = told(house), []
    goes_through(readers, story.extension_asked, story.extension_withdrawn)
    assert readers.called == [BOB, CAROL]
    assert told(house) == before
    quiet(house)


def test_a_start_that_was_put_off_is_told_of_when_it_is_given_and_not_before(house):
    story = house.story(start_at=house.clock.now() + timedelta(hours=3))
    readers = Readers(house)
    goes_through(readers, story.asked, story.approval, story.approved)
    assert told(house) == []
    house.clock.move(minutes=180)
    goes_through(readers, story.intent, story.granted)
    assert told(house) == ["Granted:"]
    assert readers.called == [BOB, CAROL]
    assert len(house.posted(REQUESTS)) == 1
    quiet(house)


def test_less_than_was_asked_is_no_message_more_but_to_whom_has_to_decide_again(house):
    story, readers = house.story(needs=(TWO,), permissions=("orders_read", "orders_write")), Readers(house)
    goes_through(readers, story.asked, story.approval)
    assert readers.called == [BOB, CAROL]
    less = partial(story.narrowed, by=CAROL, permissions=("orders_read",))
    goes_through(readers, less, partial(story.approval, CAROL), story.approval, story.approved)
    goes_through(readers, story.intent, story.granted)
    assert readers.called == [BOB, CAROL]
    assert len(house.posted(REQUESTS)) == 1
    assert told(house) == ["Granted:"]
    quiet(house)


def test_others_who_are_asked_as_well_are_called_once_and_those_of_before_not_again(house):
    escalation = Escalation(after=timedelta(minutes=15), to=(SAM,))
    story, readers = house.story(escalation=escalation), Readers(house)
    goes_through(readers, story.asked)
    house.clock.move(minutes=15)
    goes_through(readers, story.escalated)
    assert readers.called == [BOB, CAROL, SAM]
    goes_through(readers, partial(story.approval, SAM, "dba or U05SAM000"), story.approved)
    assert readers.called == [BOB, CAROL, SAM]
    assert len(house.posted(REQUESTS)) == 2
    assert house.posted(REQUESTS)[1]["text"].startswith("No longer waiting")
    quiet(house)


def test_a_break_glass_calls_each_who_was_passed_over_or_reviews_it_once(house):
    story, readers = house.story(basis="emergency", needs=(), skipped=(DBA,), **REVIEWED), Readers(house)
    story.asked()
    house.ledger.append([loud(story.request, story.approved(by=ALICE, by_rule="break-glass: INC-42 open").fact)])
    readers.read()
    goes_through(readers, story.intent, story.granted)
    assert sorted(readers.called) == [BOB, CAROL, SAM]
    assert [len(house.posted(channel)) for channel in (REQUESTS, ALERTS)] == [1, 1]
    assert told(house) == ["Granted:"]
    house.clock.time = story.request.ends_at - timedelta(minutes=5)
    readers.read()
    house.clock.time = story.request.ends_at
    goes_through(readers, story.ending, story.ended)
    assert sorted(readers.called) == [BOB, CAROL, SAM]
    assert told(house) == ["Over:", "Its", "Ended:"]
    quiet(house)


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
    quiet(house)
