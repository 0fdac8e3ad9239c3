"""What is written to people, and to the channel of alerts, step by step, by a clock that the test moves."""

from datetime import timedelta

import pytest

from bot.follow.messages import Messages
from bot.follow.outbox import Unsure
from tests.fake_slack import refusal
from tests.follow_house import ALERTS, House
from tests.life import BOB


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.engine.dispose()


def test_nothing_said_twice_or_forgotten_over_a_restart(house):
    story = house.story().active()
    house.slack.fates = [(TimeoutError(), True)]
    with pytest.raises(Unsure):
        house.work(house.start(Messages))
    story.released()
    story.ended()
    house.work(house.start(Messages), 5)
    texts = [each["text"] for each in house.posted("D01ALICE0")]
    assert [text.split()[0] for text in texts] == ["Over:", "Ended:"]


def test_buttons_of_direct_messages_and_alerts_go_when_they_no_longer_apply(house):
    messages, story = house.start(Messages), house.story().active()
    story.alert()
    house.work(messages, 1)
    (granted,), (alert,) = house.posted("D01ALICE0"), house.posted(ALERTS)
    assert "jit.release" in str(granted["blocks"])
    assert "jit.revoke" in str(alert["blocks"])
    story.revoked()
    house.work(messages, 1)
    assert "actions" not in str(granted["blocks"])
    assert "actions" not in str(alert["blocks"])


def test_what_was_said_of_an_access_turns_with_it_until_it_is_over(house):
    messages, story = house.start(Messages), house.story().active()
    story.alert()
    house.work(messages, 1)
    (granted,), (alert,) = house.posted("D01ALICE0"), house.posted(ALERTS)
    story.ending()
    story.not_ended()
    house.work(house.start(Messages), 1)
    assert granted["text"].startswith("Ending, not gone yet: *orders-db/read*, orders-db: no answer")
    assert alert["text"].startswith("*ALERT*")
    story.ended()
    messages = house.start(Messages)
    house.work(messages, 1)
    assert granted["text"].startswith("Over: *orders-db/read*, ended")
    assert alert["text"].startswith("Over: ended")
    updates = house.slack.updates
    story.ended()
    house.work(messages, 1)
    assert house.slack.updates == updates


@pytest.mark.parametrize(("minutes", "warned"), [(30, 1), (10, 0)])
def test_a_warning_comes_once_and_for_longer_accesses_only(house, minutes, warned):
    messages = house.start(Messages)
    house.story(duration=timedelta(minutes=minutes)).active()
    house.work(messages)
    house.clock.move(seconds=(minutes - 5) * 60 - 1)
    house.work(messages)
    assert len(house.posted("D01ALICE0")) == 1
    house.clock.move(seconds=2)
    house.work(messages)
    house.work(house.start(Messages), 1)
    assert len(house.posted("D01ALICE0")) == 1 + warned


def test_no_warning_of_an_end_that_has_come(house):
    messages, story = house.start(Messages), house.story().active()
    house.work(messages)
    story.released()
    story.ended()
    house.clock.move(seconds=26 * 60)
    house.work(messages, 1)
    assert [each["text"].split()[0] for each in house.posted("D01ALICE0")] == ["Over:", "Ended:"]


def test_somebody_who_cannot_be_written_to_holds_up_nobody(house):
    messages = house.start(Messages)
    house.slack.refusing["D01ALICE0"] = refusal("channel_not_found")
    house.story().active()
    house.story("R-8888", requester=BOB).active()
    house.work(messages)
    assert len(house.posted("D02BOB000")) == 1


def test_an_alert_waits_for_rules_that_name_its_channel(house):
    house.last_good, kept = None, house.last_good
    messages = house.start(Messages)
    house.story().active().alert()
    house.work(messages)
    assert house.posted(ALERTS) == []
    house.last_good = kept
    house.work(messages, 6)
    assert len(house.posted(ALERTS)) == 1


def test_a_clock_set_back_an_hour_does_not_put_messages_off_for_longer(house):
    messages = house.start(Messages)
    house.slack.refusing["D01ALICE0"] = refusal("channel_not_found")
    house.story().active()
    house.work(messages)
    house.slack.refusing.clear()
    house.set_back_an_hour()
    house.work(messages, 6)
    assert len(house.posted("D01ALICE0")) == 1
