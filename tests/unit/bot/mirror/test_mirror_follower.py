"""What the mirror shows and when, step by step, by a clock that the test moves."""

import pytest

from bot.followers.follower import LEASE
from bot.followers.outbox import Unsure
from bot.mirror.follower import AT_ONCE, Mirror
from bot.views.audit import in_short
from bot.views.text import in_blocks
from jit.ledger import Lease, LeaseLost, Leases
from jit.testing import EVE
from tests.world.base import AUDIT
from tests.world.face import Face
from tests.world.fake_slack import refusal


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


def test_the_mirror_writes_at_most_one_message_a_second_and_leaves_nothing_out(house):
    mirror = house.start(Mirror)
    story = house.story()
    for step in (story.asked, story.approval, story.approved, story.intent, story.granted):
        step()
        house.work(mirror, 0.25)
    assert house.ranges() == [(1, 1), (2, 4)]
    assert len(house.posted(AUDIT)[1]["text"].splitlines()) == 3
    house.work(mirror, 1)
    assert house.ranges() == [(1, 1), (2, 4), (5, 5)]
    assert house.posted(AUDIT)[-1]["metadata"]["event_payload"]["head"] == house.ledger.read()[-1].hash


def test_who_takes_over_in_the_middle_of_a_post_shows_nothing_twice(house, monkeypatch):
    one, two, story = Lease(LEASE, "one"), Lease(LEASE, "two"), house.story()
    leases = Leases(house.engine, house.clock)
    leases.hold(*one)
    mirror, post = house.start(Mirror, lease=one), house.slack.chat_postMessage
    story.asked()

    def stands_still(**message):
        monkeypatch.setattr(house.slack, "chat_postMessage", post)
        answer = post(**message)
        house.clock.move(seconds=6)
        assert leases.hold(*two)
        house.work(house.start(Mirror, lease=two))
        return answer

    monkeypatch.setattr(house.slack, "chat_postMessage", stands_still)
    with pytest.raises(LeaseLost):
        house.work(mirror)
    story.withdrawn()
    house.work(house.start(Mirror, lease=two), 2)
    assert house.ranges() == [(1, 1), (2, 2)]


class TestAClockSetBackAnHour:
    """Under a running bot: nothing falls silent until the hour has passed again."""

    def test_does_not_silence_the_mirror(self, house):
        mirror, story = house.start(Mirror), house.story()
        story.asked()
        house.work(mirror)
        house.set_back_an_hour()
        story.withdrawn()
        house.work(mirror, 1)
        assert house.ranges() == [(1, 1), (2, 2)]

    def test_does_not_keep_refusals_waiting_for_company(self, house):
        mirror, story = house.start(Mirror), house.story()
        for _ in range(AT_ONCE):
            story.refused()
            house.work(mirror, 1)
        story.refused()
        house.set_back_an_hour()
        house.work(mirror, 12)
        assert house.ranges()[-1] == (AT_ONCE + 1, AT_ONCE + 1)


def test_a_mirror_far_behind_puts_forty_lines_into_a_message(house):
    for number in range(45):
        house.story(f"R-{2000 + number}", requester=f"U{number:08}").asked()
    house.work(house.start(Mirror), 2)
    assert house.ranges() == [(1, 40), (41, 45)]


def test_a_continuing_burst_of_refusals_gets_a_line_every_ten_seconds(house):
    mirror, story = house.start(Mirror), house.story()
    story.asked()
    house.work(mirror, 2)
    for _ in range(40):
        story.refused()
        house.work(mirror, 1, tick=1)
    assert len(house.ranges()) <= 1 + AT_ONCE + 4
    house.work(mirror, 11, tick=1)
    assert house.ranges()[-1][1] == house.ledger.last_index()
    assert "*REFUSED* 11 times" in house.posted(AUDIT)[-2]["text"]


def test_refusals_that_wait_go_out_with_whatever_else_comes(house):
    mirror, story = house.start(Mirror), house.story()
    story.asked()
    house.work(mirror, 1)
    for _ in range(4):
        story.refused()
        house.work(mirror, 1)
    assert house.ranges()[-1] == (4, 4)
    story.withdrawn()
    house.work(mirror)
    assert house.ranges()[-1] == (5, 6)


@pytest.mark.parametrize("taken", [True, False])
def test_a_mirror_that_was_restarted_in_the_middle_says_the_same_entries(house, taken):
    story = house.story()
    story.asked()
    house.slack.fates = [(TimeoutError(), taken)]
    with pytest.raises(Unsure):
        house.start(Mirror).step()
    story.approval()
    house.work(house.start(Mirror), 1)
    assert house.ranges() == [(1, 1), (2, 2)]


def test_without_rules_there_is_no_channel_and_nothing_is_lost(house):
    house.last_good, kept = None, house.last_good
    mirror = house.start(Mirror)
    house.story().asked()
    house.work(mirror, 1)
    assert house.slack.messages == []
    house.last_good = kept
    house.work(mirror)
    assert house.ranges() == [(1, 1)]


def test_blocks_and_text_hold_whole_lines():
    shown = [f"{number} " + "x" * 900 for number in range(10)]
    blocks = in_blocks(shown)
    assert "\n".join(blocks).split("\n") == shown
    assert max(map(len, blocks)) <= 3000
    assert in_short(shown).splitlines() == [*shown[:3], "and 7 more"]


def test_a_channel_that_the_rules_name_no_more_is_told_once_where_it_goes_on(house):
    mirror, story, other = house.start(Mirror), house.story(), "C0NOBODY1"
    story.asked()
    house.work(mirror, 2)
    house.rules((f"audit: {AUDIT}", f"audit: {other}"))
    house.last_good = house.policies.current()
    story.withdrawn()
    house.work(mirror, 3)
    house.work(house.start(Mirror), 3)
    assert [each["text"] for each in house.posted(AUDIT)][1:] == [
        f"From here on the lines of the audit channel go to <#{other}>, as the rules say now. Nothing more comes here."
    ]
    assert [each["metadata"]["event_payload"]["last"] for each in house.posted(other)] == [2]


def test_a_channel_that_takes_no_last_line_holds_up_nothing(house):
    mirror, other = house.start(Mirror), "C0NOBODY1"
    house.story().asked()
    house.work(mirror, 2)
    house.slack.refusing[AUDIT] = refusal("is_archived")
    house.rules((f"audit: {AUDIT}", f"audit: {other}"))
    house.last_good = house.policies.current()
    house.story("R-8888", requester=EVE).asked()
    house.work(mirror, 3)
    assert house.posted(other)
