"""The followers against the playground: cards true, people told once, the audit channel whole, whatever Slack does."""

from datetime import timedelta

import pytest
from slack_sdk import WebClient

from bot.followers.cards import Cards
from bot.followers.messages import Messages
from bot.mirror.follower import Mirror
from bot.mirror.message import EVENT_TYPE
from jit.testing import ALICE, BOB, EVE
from playground.faults import Fault, Outage
from playground.sample import ALERTS, AUDIT, BOT_TOKEN, REQUESTS, sample_workspace
from playground.server import running
from playground.text import rendered
from tests.scenario.following import Following
from tests.world.base import World, in_a_file
from tests.world.shared_clock import SharedClock

pytestmark = pytest.mark.scenario

NAMES = {ALICE: "Alice", BOB: "Bob", "U03CAROL0": "Carol", EVE: "Eve"}


class House(World):
    def __init__(self, slack, folder):
        super().__init__(folder, clock=SharedClock(folder / "clock"), ledger=in_a_file(folder))
        self.slack = slack
        self.policies.current()

    def bot(self, *, holder="one", only=(Cards, Messages, Mirror)):
        return Following(
            {kind.name: kind for kind in only},
            client=WebClient(BOT_TOKEN, base_url=f"{self.slack.url}/api/", timeout=1, retry_handlers=[]),
            engine=self.engine,
            policies=self.policies,
            names=lambda who: NAMES.get(who, who),
            clock=self.clock,
            holder=holder,
        )

    def messages(self, channel):
        room = self.slack.world.channels.get(channel)
        return sorted(room.messages.values(), key=lambda message: message["ts"]) if room else []

    def said(self, channel):
        return [rendered(message, lambda who: NAMES.get(who, who)) for message in self.messages(channel)]

    def see(self, predicate):
        return self.slack.world.wait_for(predicate)

    def ranges(self):
        """First, last and head of every message in the audit channel, in order."""
        metadata = [message.get("metadata") for message in self.messages(AUDIT)]
        assert all(each["event_type"] == EVENT_TYPE for each in metadata)
        return [tuple(each["event_payload"][part] for part in ("first", "last", "head")) for each in metadata]

    def mirrored(self):
        ranges = self.ranges()
        return bool(ranges) and ranges[-1][1] >= self.ledger.last_index()

    def whole(self):
        """The audit channel shows entry 1 to the last, each once, in order."""
        hashes = {entry.index: entry.hash for entry in self.ledger.read()}
        expected = 1
        for first, last, head in self.ranges():
            assert first == expected
            assert hashes[last] == head
            expected = last + 1
        assert expected == len(hashes) + 1


@pytest.fixture
def house(tmp_path):
    slack = sample_workspace()
    with running(slack, {}):
        house = House(slack, tmp_path)
        yield house
        house.engine.dispose()


def test_a_request_from_its_card_to_its_end(house):
    story = house.story()
    with house.bot():
        story.asked()
        card = house.see(lambda: house.said(REQUESTS))[0]
        assert card.splitlines()[0] == "*Alice* asks for *orders-db/read* for *30 min*"
        assert "@Bob, @Carol" in card
        assert "[Approve] [Approve less…] [Deny] [Withdraw]" in card
        story.approval()
        story.approved()
        story.intent()
        story.granted()
        house.see(lambda: house.said(REQUESTS)[0].startswith("Active until "))
        house.see(lambda: house.said("D001ALICE0"))
        assert "[Release]" in house.said("D001ALICE0")[0]
        story.released()
        story.ended()
        house.see(lambda: house.said(REQUESTS)[0].startswith("Ended "))
        house.see(lambda: len(house.said("D001ALICE0")) == 2)
        house.see(lambda: "[Release]" not in house.said("D001ALICE0")[0])
        house.see(house.mirrored)
    house.whole()
    assert len(house.messages(REQUESTS)) == 1
    assert [line for line in house.said(REQUESTS)[0].splitlines() if "[" in line] == ["[Ask again]"]


@pytest.mark.parametrize(
    "fault", [Fault.LOST_BY_RESET, Fault.LOST_BY_SILENCE, Fault.SERVER_ERROR, Fault.DROPPED, Fault.RATE_LIMITED]
)
def test_what_slack_took_without_an_answer_is_not_doubled_and_what_it_did_not_take_is_sent_again(house, fault):
    house.slack.faults.plan("chat.postMessage", fault, times=3 if fault.after_effect else 4)
    with house.bot():
        house.story().active()
        house.see(house.mirrored)
        house.see(lambda: house.said(REQUESTS) and house.said(REQUESTS)[0].startswith("Active"))
        house.see(lambda: house.said("D001ALICE0"))
    house.whole()
    assert len(house.messages(REQUESTS)) == len(house.messages("D001ALICE0")) == 1


@pytest.mark.parametrize("outage", [Outage.DROPPING, Outage.UNAVAILABLE])
def test_an_outage_only_delays(house, outage):
    house.slack.break_down(outage)
    with house.bot():
        story = house.story().active()
        story.ended()
        house.slack.mend()
        house.see(house.mirrored)
        house.see(lambda: house.said(REQUESTS) and house.said(REQUESTS)[0].startswith("Ended"))
        house.see(lambda: len(house.said("D001ALICE0")) == 2)
    house.whole()


def test_a_bot_that_died_after_posting_is_continued_without_a_double(house):
    house.slack.faults.plan("chat.postMessage", Fault.LOST_BY_SILENCE, times=1)
    story = house.story()
    story.asked()
    with house.bot(only=(Mirror,)) as first:
        house.see(lambda: house.messages(AUDIT))
        first.stop.set()
    story.approval()
    story.approved()
    with house.bot(holder="two"):
        house.see(house.mirrored)
    house.whole()
    assert house.ranges()[0][:2] == (1, 1)


def test_of_two_bots_one_follows_and_the_other_takes_over(house):
    with house.bot() as first, house.bot(holder="two"):
        house.story().active()
        house.see(house.mirrored)
        first.stop.set()
        first.leadership.let_go()
        house.story("R-8888", requester=BOB).asked()
        house.see(house.mirrored)
        house.see(lambda: len(house.messages(REQUESTS)) == 2)
    house.whole()


def test_a_burst_of_refusals_does_not_bury_the_channel(house):
    with house.bot():
        story = house.story()
        story.asked()
        house.see(house.mirrored)
        for _ in range(60):
            story.refused()
        before = len(house.messages(AUDIT))
        house.see(house.mirrored)
        assert len(house.messages(AUDIT)) - before <= 4
        assert "REFUSED" in house.said(AUDIT)[-1]
    house.whole()


def test_the_requester_is_warned_once_before_the_end(house):
    with house.bot():
        house.story().active()
        house.see(lambda: len(house.said("D001ALICE0")) == 1)
        house.clock.advance(timedelta(minutes=26))
        house.see(lambda: len(house.said("D001ALICE0")) == 2)
        assert "ends in 4 min, at" in house.said("D001ALICE0")[1]
    with house.bot(holder="two"):
        house.story("R-8888", requester=BOB).active()
        house.see(lambda: house.said("D002BOB000"))
    assert len(house.said("D001ALICE0")) == 2


def test_an_alert_goes_to_its_own_channel_with_a_way_to_revoke(house):
    with house.bot():
        story = house.story().active()
        story.alert()
        house.see(lambda: house.said(ALERTS))
        assert "ALERT" in house.said(ALERTS)[0].splitlines()[0]
        assert "[Revoke]" in house.said(ALERTS)[0]


def test_a_channel_that_takes_nothing_holds_up_no_other(house):
    house.slack.world.channels["C0ARCHIVE"] = type(house.slack.world.channel(REQUESTS))(
        "C0ARCHIVE", "old", {"UJITBOT00"}, archived=True
    )
    with house.bot():
        house.story("R-8888", requester=BOB, channel="C0ARCHIVE", access="orders-db/gone").asked()
        house.story().asked()
        house.see(lambda: house.said(REQUESTS))
        house.see(house.mirrored)
        house.slack.world.channel("C0ARCHIVE").archived = False
        house.clock.advance(timedelta(seconds=30))
        house.see(lambda: house.said("C0ARCHIVE"))
    house.whole()
