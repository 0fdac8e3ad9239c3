"""Whoever deletes or edits in the audit channel is told of, once for each; what was announced is not."""

import json

import pytest

from bot.followers.outbox import PAGE, Outbox
from bot.mirror.audit_channel import COMPARE_EVERY, AuditChannel
from bot.mirror.channel_changes import GONE, Announcements, Change, entries_of, heard, leave_word
from bot.mirror.follower import REMEMBERED, Mirror
from bot.mirror.message import STANDS
from bot.mirror.message_digest import message_digest
from bot.views.audit import REDRAWN
from jit.facts import AlertName
from jit.ledger import Notes
from tests.world.audit_channel import OUR_USER, AuditChannelWorld
from tests.world.base import AUDIT
from tests.world.fake_slack import OUR_BOT, refusal


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    house = AuditChannelWorld(tmp_path_factory.mktemp("told"))
    story = house.story()
    house.told(story.asked, story.approval, story.approved, story.intent, story.granted)
    return house


def only(house):
    (alert,) = house.alerts()
    assert alert.name is AlertName.AUDIT_CHANGED
    return alert.says


def test_a_deleted_message_is_told_of_with_its_entries_and_the_remedy(house, channel):
    message = house.message(2)
    house.tell(house.delete(message))
    channel.step()
    says = only(house)
    first, last = (message["metadata"]["event_payload"][part] for part in ("first", "last"))
    assert f"entries #{first} to #{last}" in says or f"entry #{first}" in says
    assert "deleted" in says
    assert "jit audit mirror-check --fill" in says


def test_it_is_told_once_whatever_slack_repeats_and_the_look_finds(house, channel):
    event = house.delete(house.message(1))
    for _ in range(3):
        house.tell(event)
        channel.step()
    house.work(channel, COMPARE_EVERY * 2, tick=60)
    house.work(house.start(AuditChannel), 1)
    only(house)


def test_an_edit_by_our_own_token_that_nobody_announced_is_told_of(house, channel):
    house.tell(house.edit(house.message(1), text="14:02:09 #1 nothing happened", blocks=[]))
    channel.step()
    says = only(house)
    assert "edited" in says
    assert "own token" in says


def test_an_edit_of_what_stands_in_the_blocks_alone_is_seen(house, channel):
    message = house.message(1)
    blocks = json.loads(json.dumps(message["blocks"]).replace("Alice", "Mallory"))
    house.tell(house.edit(message, blocks=blocks))
    channel.step()
    only(house)


@pytest.mark.parametrize(
    "added",
    [{"type": "image", "image_url": "https://x", "alt_text": "x"}, {"type": "header", "text": {"text": "x"}}],
    ids=lambda block: block["type"],
)
def test_an_added_block_is_seen(house, channel, added):
    message = house.message(1)
    house.tell(house.edit(message, blocks=[*message["blocks"], added]))
    channel.step()
    only(house)


class TestWhatSomebodyElseHasNoted:
    """Whoever can write to the notes, and has the bot's token."""

    def test_a_deletion_that_was_announced_is_told_of(self, house, channel):
        message = house.message(3)
        Announcements(Notes(house.engine, AuditChannel.name)).announce(message["ts"], GONE, house.clock.now())
        house.tell(house.delete(message))
        channel.step()
        house.work(channel, COMPARE_EVERY * 2, tick=60)
        assert "deleted" in only(house)

    def test_an_announced_change_to_what_the_ledger_does_not_ask_for_is_told_of(self, house, channel):
        message, announced = house.message(1), Announcements(Notes(house.engine, AuditChannel.name))
        change = {"text": "drawn again", "blocks": [{"type": "context", "elements": [{"text": REDRAWN}]}]}
        announced.announce(message["ts"], message_digest(change), house.clock.now(), [REDRAWN])
        house.tell(house.edit(message, **change))
        channel.step()
        assert "edited" in only(house)
        house.work(channel, COMPARE_EVERY + 60, tick=60)
        only(house)

    def test_an_announcement_that_nothing_follows_is_no_change(self, house, channel):
        announced = Announcements(Notes(house.engine, AuditChannel.name))
        announced.announce(house.message(1)["ts"], "0" * 64, house.clock.now())
        house.work(channel, COMPARE_EVERY + 60, tick=60)
        assert not house.alerts()

    def test_a_deletion_that_was_noted_as_told_is_told(self, house):
        message = house.message(3)
        for value in (GONE, f"{GONE} 1", f"{GONE} ", f"{GONE} {10**30}"):
            Notes(house.engine, AuditChannel.name).put({f"told:{message['ts']}": value})
        channel = house.start(AuditChannel)
        house.tell(house.delete(message))
        channel.step()
        assert "deleted" in only(house)

    def test_a_message_that_was_noted_as_gone_is_told_of(self, house, channel):
        message = house.message(3)
        stands = Notes(house.engine, Mirror.name)
        stands.put({STANDS + message["ts"]: json.dumps([AUDIT, 3, 3, GONE])})
        house.tell(house.delete(message))
        channel.step()
        assert "deleted" in only(house)


def test_an_event_that_changes_no_word_is_none(house, channel):
    message = house.message(1)
    blocks = [{**block, "block_id": "aBc"} for block in message["blocks"]]
    house.tell(house.edit(message, blocks=blocks))
    channel.step()
    assert not house.alerts()


def test_emoji_as_slack_writes_them_are_the_same_words():
    kept = {"text": "Ann :tada: asks at 14:02:09", "blocks": []}
    assert message_digest({"text": "Ann 🎉 asks at 14:02:09", "blocks": []}) == message_digest(kept)
    assert message_digest({"text": "Ann 🎉 asks at 14:03:09", "blocks": []}) != message_digest(kept)


def test_what_happened_while_nobody_listened_is_found_at_the_start(house):
    gone, changed = house.message(1), house.message(house.ledger.last_index())
    house.delete(gone)
    house.edit(changed, text="nothing to see")
    house.work(house.start(AuditChannel))
    deleted, edited = (alert.says for alert in house.alerts())
    assert "deleted" in deleted
    assert "edited" in edited


def test_what_happens_unheard_is_found_within_a_quarter_of_an_hour(house, channel):
    house.delete(house.message(1))
    house.work(channel, COMPARE_EVERY - 60, tick=30)
    assert not house.alerts()
    house.work(channel, 120, tick=30)
    only(house)


def test_older_messages_than_a_look_shows_are_not_taken_for_gone(house, channel, monkeypatch):
    monkeypatch.setattr(Outbox, "page", lambda *_: (house.posted(AUDIT)[-1:], "more"))
    house.work(channel, COMPARE_EVERY + 60, tick=60)
    assert not house.alerts()


def test_a_channel_that_slack_does_not_show_stops_no_word_of_what_happens(house, channel):
    house.slack.conversations_history = lambda **_: (_ for _ in ()).throw(refusal("not_in_channel"))
    house.work(channel, COMPARE_EVERY + 60, tick=60)
    house.tell(house.edit(house.message(1), text="x"))
    channel.step()
    only(house)


def test_a_message_older_than_what_is_remembered_names_its_entries_by_its_metadata(house, channel):
    with_words = {"text": "x", "bot_id": OUR_BOT, "metadata": {"event_payload": {"first": 3, "last": 9}}}
    event = {"subtype": "message_deleted", "channel": AUDIT, "deleted_ts": "1600000000.000001"}
    house.tell({**event, "previous_message": with_words})
    channel.step()
    assert "entries #3 to #9" in only(house)


def test_what_people_write_there_is_theirs():
    said = {"text": "#3 looks odd", "user": "U01ALICE0"}
    event = {"subtype": "message_deleted", "channel": AUDIT, "deleted_ts": "1600000000.000001"}
    assert Change.read({**event, "previous_message": said}) is None


def test_another_apps_messages_are_none_of_ours(house, channel):
    said = {"text": "#3 looks odd", "bot_id": "B0MALLORY"}
    event = {"subtype": "message_deleted", "channel": AUDIT, "deleted_ts": "1600000000.000001"}
    house.tell({**event, "previous_message": said})
    channel.step()
    assert not house.alerts()
    assert not heard(Notes(house.engine, AuditChannel.name))


def test_the_mirror_remembers_no_more_than_it_must(house, monkeypatch):
    monkeypatch.setattr("bot.mirror.follower.REMEMBERED", 3)
    assert REMEMBERED >= PAGE
    for number in range(6):
        house.story(f"R-{3000 + number}", requester=f"U{number:08}").asked()
        house.work(house.start(Mirror), 1.5)
    kept = sorted(Notes(house.engine, Mirror.name).all(STANDS))
    assert kept == [STANDS + each["ts"] for each in house.posted(AUDIT)[-3:]]


def test_what_was_announced_for_old_messages_is_forgotten_once_slack_must_have_told(house, channel):
    announced = Announcements(Notes(house.engine, AuditChannel.name))
    announced.announce("1600000000.000001", "a", house.clock.now())
    house.clock.move(hours=2)
    announced.announce("1600000000.000002", "b", house.clock.now())
    announced.announce(house.message(1)["ts"], message_digest(house.message(1)), house.clock.now())
    house.work(channel)
    assert announced.all().keys() == {"1600000000.000002", house.message(1)["ts"]}


def test_notes_that_somebody_else_has_written_hold_up_nothing(house, channel):
    notes, ts = Notes(house.engine, AuditChannel.name), house.message(1)["ts"]
    for number, value in enumerate(("", "{", "[]", "{}", "7", '["C",1,2,3,4,5,6]', '[[],"","","","",1,2]')):
        notes.put({f"heard:{ts} {number}": value, f"announced:{ts[:-1]}{number}": value})
        Notes(house.engine, Mirror.name).put({f"{STANDS}1600000000.00000{number}": value})
    house.tell(house.delete(house.message(2)))
    house.work(channel, COMPARE_EVERY + 60, tick=60)
    only(house)
    assert not heard(notes)


def test_which_entries_a_message_showed():
    for message, entries in (
        ({"text": "14:02 #7 granted\n14:03 #9 ended"}, (7, 9)),
        ({"text": "no numbers"}, (0, 0)),
        ({"text": "#1 x", "metadata": {"event_payload": {"first": True, "last": "9"}}}, (1, 1)),
        ({"metadata": {"event_payload": {"first": 10**30, "last": 10**31}}}, (0, 0)),
        ({"text": None, "metadata": []}, (0, 0)),
    ):
        assert entries_of(message) == entries, entries


def test_events_of_another_shape_are_no_change():
    for event in (
        {},
        {"subtype": "message_deleted"},
        {"subtype": "message_deleted", "channel": AUDIT, "deleted_ts": "../../etc"},
        {"subtype": "message_deleted", "channel": [], "deleted_ts": "1600000000.000001"},
        {"subtype": "message_changed", "channel": AUDIT, "message": "x"},
        {"subtype": "bot_message", "channel": AUDIT, "deleted_ts": "1600000000.000001"},
        {"channel": AUDIT, "ts": "1600000000.000001", "text": "hello"},
    ):
        assert Change.read(event) is None, event


def test_a_message_deleted_with_replies_under_it_is_deleted(house, channel):
    message = house.message(1)
    before = dict(message)
    gone = {"ts": message["ts"], "subtype": "tombstone", "text": "This message was deleted."}
    event = {"subtype": "message_changed", "channel": AUDIT, "message": gone, "previous_message": before}
    change = Change.read(event)
    leave_word(Notes(house.engine, AuditChannel.name), change)
    channel.step()
    assert "deleted" in only(house)
    assert OUR_USER not in only(house)
