"""A mirror that starts goes on where the channel ends, whatever the notes say."""

import pytest

from bot.mirror.audit_channel import AuditChannel
from bot.mirror.follower import SHOWN, Mirror
from bot.mirror.message import STANDS
from jit.facts import AlertName
from jit.ledger import Notes
from jit.ledger.followers import CURSOR
from tests.world.audit_channel import AuditChannelWorld
from tests.world.base import AUDIT
from tests.world.fake_slack import refusal


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    house = AuditChannelWorld(tmp_path_factory.mktemp("told"))
    story = house.story()
    house.told(story.asked, story.approval, story.approved)
    return house


@pytest.fixture
def house(house):
    house.later = house.story()
    return house


def shown(house):
    return [index for first, last in house.ranges() for index in range(first, last + 1)]


def set_forward(house, **more):
    """As somebody who can write to the notes, while no bot runs."""
    house.later.intent()
    house.later.granted()
    last = house.ledger.read(limit=100)[-1]
    Notes(house.engine, Mirror.name).put({CURSOR: str(last.index), SHOWN: f"{last.index} {last.hash}", **more})
    return last.index


def names(house):
    return [alert.name for alert in house.alerts()]


def test_notes_set_forward_while_no_bot_ran_hide_no_entry(house):
    last = set_forward(house)
    house.work(house.start(Mirror), 30)
    assert names(house) == [AlertName.AUDIT_CHANGED]
    assert f"up to #{last}" in house.alerts()[0].says
    assert shown(house) == list(range(1, house.ledger.last_index() + 1))
    assert house.checked().code == 0


def test_notes_set_forward_while_another_bot_leads_hide_no_entry(house):
    mirror = house.mirrored()
    set_forward(house)
    mirror.begin()
    house.work(mirror, 30)
    assert names(house) == [AlertName.AUDIT_CHANGED]
    assert shown(house) == list(range(1, house.ledger.last_index() + 1))


def test_messages_noted_as_posted_that_were_not_are_told_of_as_deleted(house):
    house.work(house.start(AuditChannel))
    first, last = house.ledger.last_index() + 1, house.ledger.last_index() + 2
    set_forward(house, **{f"{STANDS}1700000000.900000": f'["{AUDIT}", {first}, {last}, "x"]'})
    house.work(house.start(Mirror), 30)
    house.work(house.start(AuditChannel), 5)
    assert names(house) == [AlertName.AUDIT_CHANGED]
    assert "deleted" in house.alerts()[0].says


def test_a_deleted_last_message_is_told_of_once_and_not_posted_anew(house):
    house.delete(house.posted(AUDIT)[-1])
    before = len(house.posted(AUDIT))
    house.work(house.start(Mirror), 30)
    assert not house.alerts()
    assert len(house.posted(AUDIT)) == before
    house.work(house.start(AuditChannel), 5)
    assert len(house.alerts()) == 1


def test_a_start_after_trouble_looks_no_second_time(house, monkeypatch):
    mirror, looks = house.mirrored(), []
    monkeypatch.setattr("bot.mirror.follower.end_of", lambda *_: looks.append(1))
    for _ in range(3):
        mirror.begin()
        house.work(mirror, 2)
    assert looks == []


def test_a_channel_that_is_as_noted_makes_no_alert(house):
    house.work(house.start(Mirror), 30)
    house.later.intent()
    house.work(house.start(Mirror), 30)
    assert not house.alerts()
    assert shown(house) == list(range(1, house.ledger.last_index() + 1))


def test_a_new_channel_is_not_filled_with_what_was_shown_in_another(house):
    house.slack.messages.clear()
    with house.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM notes WHERE key LIKE 'stands:%'")
    last = house.ledger.last_index()
    house.work(house.start(Mirror), 30)
    assert names(house) == [AlertName.AUDIT_CHANGED]
    assert min(shown(house)) == last + 1


def test_a_channel_that_slack_does_not_show_holds_up_nothing(house):
    house.slack.conversations_history = lambda **_: (_ for _ in ()).throw(refusal("missing_scope"))
    mirror = house.start(Mirror)
    mirror.step()
    assert not house.alerts()


def test_metadata_of_another_shape_end_no_channel(house):
    last = house.posted(AUDIT)[-1]
    for payload in (None, [], {"last": "7"}, {"last": True}, {"last": 10**30}, {"last": -1}, {"first": 1}):
        metadata = {**last["metadata"], "event_payload": payload}
        house.slack.messages.append(dict(last, ts="1700000000.900000", metadata=metadata))
        house.work(house.start(Mirror), 5)
        assert not house.alerts(), payload
        house.slack.messages.pop()
