"""A person erased from the record is gone from the audit channel too, and the channel still tells the truth."""

import pytest

from bot.followers.outbox import CallFailed
from bot.mirror.audit_channel import COMPARE_EVERY, AuditChannel
from bot.mirror.channel_changes import Announcements
from bot.mirror.comparison import Kind
from bot.mirror.erasure_redraw import SETTLED, ErasureRedraw
from bot.mirror.message_digest import message_digest
from bot.views.audit import REDRAWN
from jit.ledger import Notes
from jit.ledger.privacy.erasing import erase
from jit.testing import ALICE, BOB, EVE
from tests.world.audit_channel import AuditChannelWorld
from tests.world.base import AUDIT
from tests.world.face import NAMES
from tests.world.fake_slack import refusal

WORDS = "INC-42: db down, need to look at stuck orders"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    house = AuditChannelWorld(tmp_path_factory.mktemp("told"))
    house.announce_key()
    story, other = house.story(), house.story("R-9999", requester=EVE, why="something of Eve's")
    steps = [story.asked, story.approval, story.approved, story.intent, story.granted, story.ending, story.ended]
    house.told(*(step for each in [*steps, other.asked, other.withdrawn] for step in (each, house.sign)))
    return house


def forgotten(house, person=ALICE):
    done = erase(house.ledger, person, legal_basis="Art. 17 GDPR", actor="cli:root@host")
    assert done
    house.sign()
    house.mirrored()
    return done


def start(house):
    return house.start(ErasureRedraw, Notes(house.engine, AuditChannel.name))


def redrawn(house, seconds=60):
    house.work(start(house), seconds, tick=1)


def everything(house):
    return str([(each["text"], each["blocks"]) for each in house.posted(AUDIT)])


def test_the_person_and_their_words_are_gone_and_all_else_stands(house):
    before = {each["ts"]: dict(each) for each in house.posted(AUDIT)}
    forgotten(house)
    redrawn(house)
    said = everything(house)
    assert "Alice" not in said
    assert WORDS not in said
    assert "Eve" in said
    assert "something of Eve" in said
    assert "granted orders-db/read to erased:" in said
    kept = [each for each in house.posted(AUDIT) if each["ts"] in before and "R-9999" in each["text"]]
    assert kept
    assert all(each == before[each["ts"]] for each in kept)


def test_whoever_approved_is_gone_from_the_lines_that_only_quote_the_decision(house):
    forgotten(house, BOB)
    redrawn(house)
    assert "Bob" not in everything(house)
    assert "Alice" in everything(house)


def test_the_check_recognises_them_and_finds_those_that_are_missing(house):
    forgotten(house)
    assert {each.kind for each in house.checked().differences} == {Kind.NOT_REDRAWN}
    redrawn(house)
    report = house.checked()
    assert report.differences == ()
    assert any("as a person was erased" in note for note in report.notes)
    assert all(REDRAWN in str(each["blocks"]) for each in house.posted(AUDIT) if each.get("edited"))


def test_they_carry_the_same_entries_and_checkpoints(house):
    def carried():
        payloads = [each["metadata"]["event_payload"] for each in house.posted(AUDIT)]
        return [[each.get(part) for part in ("first", "last", "head", "checkpoint")] for each in payloads]

    forgotten(house)
    before = carried()
    redrawn(house)
    assert carried() == before


def test_our_own_redrawing_raises_no_alert(house, channel):
    forgotten(house)
    before = {each["ts"]: dict(each) for each in house.posted(AUDIT)}
    redrawn(house)
    for each in house.posted(AUDIT):
        if each != before[each["ts"]]:
            event = {"subtype": "message_changed", "channel": AUDIT, "message": dict(each)}
            house.tell({**event, "previous_message": before[each["ts"]]})
    channel.step()
    house.work(channel, COMPARE_EVERY + 60, tick=60)
    assert not house.alerts()


def test_people_who_are_called_otherwise_since_make_no_alert_of_a_redrawing(house, channel, monkeypatch):
    forgotten(house)
    redrawn(house)
    monkeypatch.setitem(NAMES, BOB, "Robert")
    house.work(house.start(AuditChannel), COMPARE_EVERY + 60, tick=60)
    assert not house.alerts()


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "seen"])
def test_going_back_to_the_words_before_a_redrawing_is_told_of(house, channel, heard):
    before = dict(house.message(2))
    forgotten(house)
    redrawn(house)
    house.work(channel, COMPARE_EVERY + 60, tick=60)
    event = house.edit(house.message(2), text=before["text"], blocks=before["blocks"])
    if heard:
        house.tell(event)
        channel.step()
    house.work(channel, COMPARE_EVERY * 2, tick=60)
    assert len(house.alerts()) == 1


def test_a_redrawn_message_under_another_announcement_is_told_of(house, channel):
    """Who erases somebody may not have other words passed for a redrawing."""
    forgotten(house)
    redrawn(house)
    message, announced = house.message(2), Announcements(Notes(house.engine, AuditChannel.name))
    change = {"text": message["text"].replace("requested", "never requested"), "blocks": message["blocks"]}
    assert change["text"] != message["text"]
    announced.announce(message["ts"], message_digest(change), house.clock.now(), [REDRAWN])
    house.tell(house.edit(message, **change))
    channel.step()
    house.work(channel, COMPARE_EVERY * 2, tick=60)
    assert len(house.alerts()) == 1


def test_an_edit_that_only_says_that_it_was_redrawn_is_an_edit(house):
    message = house.message(3)
    payload = message["metadata"]["event_payload"] | {"redrawn": True}
    remark = {"type": "context", "elements": [{"type": "mrkdwn", "text": REDRAWN}]}
    house.edit(message, blocks=[*message["blocks"], remark], metadata={**message["metadata"], "event_payload": payload})
    (found,) = house.checked().differences
    assert found.kind is Kind.EDITED


def test_other_words_under_the_mark_of_an_erasure_are_an_edit(house):
    forgotten(house)
    redrawn(house)
    message = house.message(6)
    house.edit(message, text=message["text"].replace("granted", "denied"))
    (found,) = house.checked().differences
    assert found.kind is Kind.EDITED


def test_the_follower_tells_of_what_the_command_calls_an_edit_of_a_redrawn_message(house, channel):
    """The words are the announced ones, and the message no longer says that it was redrawn."""
    forgotten(house)
    redrawn(house)
    message = house.message(2)
    payload = {key: value for key, value in message["metadata"]["event_payload"].items() if key != "redrawn"}
    house.edit(message, metadata={**message["metadata"], "event_payload": payload})
    (found,) = house.checked().differences
    assert found.kind is Kind.EDITED
    house.work(channel, COMPARE_EVERY + 60, tick=60)
    assert len(house.alerts()) == 1


def test_nothing_is_drawn_from_memory(house):
    """Whoever read the person right before the erasure may still have them in mind."""
    forgotten(house)
    house.clock.time = house.ledger.read(limit=100)[-1].recorded_at
    updates = house.slack.updates
    house.work(start(house), SETTLED.total_seconds() - 1)
    assert house.slack.updates == updates


def test_trouble_on_the_way_delays_it_and_leaves_nothing_out(house):
    forgotten(house)
    house.clock.move(seconds=20)
    redraw = start(house)
    limited = refusal("ratelimited", 429, {"Retry-After": "2"})
    house.slack.fates = [(limited, False), (TimeoutError(), True), (refusal("", 503), False)] * 2
    for _ in range(6):
        with pytest.raises(CallFailed):
            house.work(redraw, 30)
        redraw.begin()
    house.work(redraw, 30)
    assert "Alice" not in everything(house)
    assert house.checked().differences == ()


def test_a_restart_goes_through_the_channel_again_and_changes_nothing_twice(house):
    forgotten(house)
    redrawn(house)
    updates = house.slack.updates
    with house.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM notes WHERE follower = 'tombstones'")
    redrawn(house)
    assert house.slack.updates == updates


def test_a_message_that_is_gone_or_cannot_be_changed_holds_up_nothing(house):
    forgotten(house)
    house.delete(house.message(2))
    house.slack.fates = [(refusal("message_not_found"), False), (refusal("edit_window_closed"), False)]
    redrawn(house)
    assert Notes(house.engine, ErasureRedraw.name).cursor
    assert sum("Alice" in str(each) for each in house.posted(AUDIT)) == 2


def test_a_message_that_goes_on_naming_the_erased_as_slack_lets_nobody_change_it_is_told(house):
    forgotten(house)
    house.slack.fates = [(refusal("message_not_found"), False), (refusal("edit_window_closed"), False)]
    redrawn(house)
    (alert,) = [alert for alert in house.alerts() if alert.name == "not_shown"]
    assert "still names somebody who was erased" in alert.says
    assert "(edit_window_closed). Have it deleted" in alert.says
