"""The audit channel carries signed checkpoints: it waits for them a little, and never for long."""

from base64 import b64decode

import pytest

from bot.followers.outbox import Unsure
from bot.followers.watch import Watch
from bot.mirror.checkpoints import LONGEST
from bot.mirror.follower import CHECKPOINT_WITHIN, QUIET_AFTER, SIGNED_SHOWN_EVERY, Mirror
from bot.mirror.message import QUIET_TYPE
from jit.facts import AlertName
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.tlog.note import SignerKey, checkpoint_text, cosign, sign
from jit.proof.verifier import cosigned_at, parse_checkpoint, parse_note, signed
from jit.testing import BOB
from tests.world.audit_channel import AuditChannelWorld
from tests.world.base import AUDIT


@pytest.fixture
def house(tmp_path):
    house = AuditChannelWorld(tmp_path)
    yield house
    house.engine.dispose()


def carried(message):
    return message["metadata"]["event_payload"].get("checkpoint")


def test_a_message_carries_the_checkpoint_that_covers_it_and_says_so_in_one_line(house):
    house.story().asked()
    _, root = house.sign()
    house.work(house.start(Mirror))
    (message,) = house.posted(AUDIT)
    note = parse_note(carried(message).encode())
    assert signed(note, house.key.verifier())
    assert parse_checkpoint(note.text).size == 1
    assert message["blocks"][-1]["elements"][0]["text"] == f"signed: #1 · {root[:4]}…"


def test_what_is_signed_is_said_every_few_minutes_and_carried_by_every_message(house):
    story, mirror = house.story(), house.start(Mirror)
    for step in (story.asked, story.approval, story.approved, story.intent):
        if step == story.intent:
            house.clock.move(seconds=SIGNED_SHOWN_EVERY)
        step()
        house.sign()
        house.work(mirror, 2)
    messages = house.posted(AUDIT)
    assert all(map(carried, messages))
    assert ["signed: #" in str(message["blocks"]) for message in messages] == [True, False, False, True]


def test_where_nothing_was_ever_signed_nothing_waits_and_nothing_is_hinted(house):
    house.story().asked()
    house.start(Mirror).step()
    (message,) = house.posted(AUDIT)
    assert carried(message) is None
    assert "signed" not in str(message["blocks"])


def test_an_entry_waits_for_its_checkpoint(house):
    story, mirror = house.story(), house.start(Mirror)
    story.asked()
    house.sign()
    house.work(mirror, 2)
    story.withdrawn()
    house.work(mirror, CHECKPOINT_WITHIN - 1)
    assert house.ranges() == [(1, 1)]
    house.sign()
    house.work(mirror, 0.5)
    assert house.ranges() == [(1, 1), (2, 2)]
    assert carried(house.posted(AUDIT)[-1])


def test_an_entry_waits_three_seconds_and_no_longer_and_the_next_not_at_all(house):
    story, mirror = house.story(), house.start(Mirror)
    story.asked()
    house.sign()
    house.work(mirror, 2)
    story.approval()
    house.work(mirror, CHECKPOINT_WITHIN + 0.5)
    assert house.ranges()[-1] == (2, 2)
    assert carried(house.posted(AUDIT)[-1]) is None
    story.approved()
    house.work(mirror, 1)
    assert house.ranges()[-1] == (3, 3)
    house.sign()
    story.intent()
    house.work(mirror, 1)
    assert house.ranges()[-1] == (3, 3)


def test_a_message_ends_where_its_checkpoint_does(house):
    story = house.story()
    for step in (story.asked, story.approval):
        step()
    house.sign()
    story.approved()
    house.work(house.start(Mirror))
    assert house.ranges() == [(1, 2)]
    assert carried(house.posted(AUDIT)[0])


def test_what_is_no_checkpoint_holds_up_nothing(house):
    for number, note in enumerate((b"\xff" * 50, b"jit\n1\nAAAA\n\n", b"x" * (LONGEST + 1)), 1):
        house.story(f"R-{2000 + number}", requester=f"U{number:08}").asked()
        house.checkpoints.add(number, house.clock.now(), note)
        house.work(house.start(Mirror), 2)
        assert house.ranges()[-1] == (number, number), note[:20]
        assert carried(house.posted(AUDIT)[-1]) is None, note[:20]


def test_a_checkpoint_with_more_witnesses_than_a_message_can_carry_comes_without_them(house):
    house.story().asked()
    checkpoint, _ = house.sign()
    witnesses = [SignerKey.generate(f"witness-{number:02}.example.com/{'w' * 60}") for number in range(40)]
    for witness in witnesses:
        house.checkpoints.cosign(
            checkpoint.number, witness.name, cosign(parse_note(checkpoint.note).text, witness, 1_800_000_000)
        )
    house.work(house.start(Mirror))
    assert carried(house.posted(AUDIT)[0]).encode() == checkpoint.note


def test_a_witness_stands_in_what_is_carried(house):
    house.story().asked()
    checkpoint, _ = house.sign()
    witness = SignerKey.generate("witness.example.com")
    house.checkpoints.cosign(
        checkpoint.number, witness.name, cosign(parse_note(checkpoint.note).text, witness, 1_800_000_000)
    )
    house.work(house.start(Mirror))
    assert cosigned_at(parse_note(carried(house.posted(AUDIT)[0]).encode()), witness.verifier()) == 1_800_000_000


def test_a_checkpoint_too_long_to_carry_holds_up_nothing(house):
    house.story().asked()
    _, root = house.sign()
    keys = [SignerKey.generate(f"key-{number:02}.example.com/{'k' * 60}") for number in range(40)]
    note = sign(checkpoint_text(keys[0].name, 1, b64decode(root)), *keys)
    assert len(parse_note(note).signatures) == 40
    house.checkpoints.add(1, house.clock.now(), note)
    house.work(house.start(Mirror))
    assert carried(house.posted(AUDIT)[0]) is None


def test_a_message_that_was_taken_is_adopted_though_another_checkpoint_was_signed_since(house):
    house.story().asked()
    house.sign()
    house.slack.fates = [(TimeoutError(), True)]
    with pytest.raises(Unsure):
        house.start(Mirror).step()
    house.clock.move(seconds=300)
    house.sign()
    house.work(house.start(Mirror), 2)
    assert house.ranges() == [(1, 1)]


class TestAQuietHour:
    def quiet(self, house):
        return [each for each in house.posted(AUDIT) if each["metadata"]["event_type"] == QUIET_TYPE]

    def test_gets_one_line_with_the_newest_checkpoint(self, house):
        house.story().asked()
        house.sign()
        mirror = house.start(Mirror)
        house.work(mirror, QUIET_AFTER - 60, tick=60)
        house.sign()
        assert not self.quiet(house)
        house.work(mirror, 120, tick=30)
        (line,) = self.quiet(house)
        assert line["text"].startswith("Nothing new since #1; signed <!date^")
        assert carried(line)
        house.work(mirror, QUIET_AFTER - 300, tick=60)
        assert len(self.quiet(house)) == 1

    def test_gets_none_where_nothing_is_signed(self, house):
        house.story().asked()
        house.work(house.start(Mirror), QUIET_AFTER * 2, tick=60)
        assert not self.quiet(house)

    def test_gets_one_line_though_the_answer_was_lost(self, house):
        house.story().asked()
        house.sign()
        mirror = house.start(Mirror)
        house.work(mirror, QUIET_AFTER - 30, tick=30)
        house.clock.move(seconds=60)
        house.slack.fates = [(TimeoutError(), True)]
        with pytest.raises(Unsure):
            mirror.step()
        mirror.begin()
        house.work(mirror, 5)
        assert len(self.quiet(house)) == 1
        house.story("R-8888", requester=BOB).asked()
        house.work(mirror, 5)
        house.work(house.start(Mirror), 5)
        assert house.message(2)


class TestARecordThatNobodySigns:
    def watch(self, house):
        return house.start(Watch)

    def missing(self, house):
        return [alert for alert in house.alerts() if alert.name is AlertName.CHECKPOINT_MISSING]

    def test_is_told_of_after_a_minute_once(self, house):
        watch = self.watch(house)
        house.story().asked()
        house.sign()
        house.story("R-8888", requester=BOB).asked()
        house.work(watch, 60, tick=2)
        assert not self.missing(house)
        house.work(watch, 60, tick=2)
        (alert,) = self.missing(house)
        assert "covers 1 entries" in alert.says

    def test_is_told_of_though_somebody_put_checkpoints_there_that_cover_more_than_there_is(self, house):
        watch = self.watch(house)
        house.story().asked()
        house.sign()
        house.story("R-8888", requester=BOB).asked()
        for size in (10**18, 3, 2**63 - 1):
            Checkpoints(house.engine).add(size, house.clock.now(), b"junk")
        house.work(watch, 120, tick=2)
        (alert,) = self.missing(house)
        assert "covers 1 entries" in alert.says

    def test_is_nothing_to_tell_of_where_nobody_ever_did(self, house):
        house.story().asked()
        house.work(self.watch(house), 600, tick=10)
        assert not self.missing(house)
