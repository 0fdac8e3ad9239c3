"""The audit channel against the ledger: what is equal, what is not, and what contradicts the ledger itself."""

import json

import pytest

from bot.mirror.comparison import Kind
from bot.mirror.follower import QUIET_AFTER, Mirror
from bot.mirror.message import QUIET_TYPE
from bot.mirror.message_digest import message_digest
from bot.views.audit import AGAIN, FILLED
from jit.proof.tlog.note import SignerKey
from jit.testing import ALICE, BOB, EVE
from tests.world.again import again
from tests.world.audit_channel import ORIGIN, AuditChannelWorld
from tests.world.base import AUDIT
from tests.world.face import NAMES


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    house = AuditChannelWorld(tmp_path_factory.mktemp("told"))
    house.announce_key()
    story, late = house.story(), house.story("R-9999", requester=BOB)
    steps = [story.asked, story.approval, story.approved, story.intent, story.granted, late.asked, story.refused]
    house.told(*(step for each in steps for step in (each, house.sign)))
    return house


def kinds(report):
    return [each.kind for each in report.differences]


def only(report, kind):
    (found,) = report.differences
    assert found.kind is kind
    return found


def test_a_channel_that_was_left_alone_is_equal(house):
    report = house.checked()
    assert report.differences == ()
    assert (report.code, report.entries, report.unshown) == (0, 8, ())
    assert len(report.checkpoints) == len(house.posted(AUDIT)) - 1 == report.messages - 1


def test_a_deleted_message_leaves_a_gap_which_is_filled(house):
    message = house.message(4)
    first, last = (message["metadata"]["event_payload"][part] for part in ("first", "last"))
    house.delete(message)
    report = house.checked()
    missing = only(report, Kind.MISSING)
    assert (missing.first, missing.last, report.code) == (first, last, 3)
    assert house.filled(report) == [(first, last)]
    assert FILLED in str(house.posted(AUDIT)[-1]["blocks"])
    mended = house.checked()
    assert (mended.code, mended.differences) == (0, ())
    assert "messages shown again later, out of order: 1" in mended.notes


def test_deleted_messages_at_the_beginning_and_the_end_are_missing(house):
    for index in (1, house.ledger.last_index()):
        house.delete(house.message(index))
    house.clock.move(minutes=5)
    report = house.checked()
    assert kinds(report) == [Kind.MISSING, Kind.LATE]
    house.filled(report)
    assert house.checked().code == 0


def test_an_edited_message_is_found_though_its_metadata_were_made_to_fit(house):
    message = house.message(6)
    text, before = message["text"], json.dumps(message["blocks"])
    for old, new in (("granted", "denied"), ("approved", "denied"), ("#", "#1")):
        assert old in before
        house.edit(message, text=text.replace(old, new), blocks=json.loads(before.replace(old, new)))
        assert only(house.checked(), Kind.EDITED).ts == message["ts"], new


def test_an_edited_message_that_says_the_same_was_edited_all_the_same(house):
    message = house.message(6)
    house.edit(message, text=message["text"])
    assert "edited by UJITBOT00" in only(house.checked(), Kind.EDITED).says


def test_an_edit_that_left_no_mark_is_found_by_what_it_says_also_where_people_are_called_otherwise(house, monkeypatch):
    message = house.message(6)
    for part in ("text", "blocks"):
        before = message[part]
        message[part] = json.loads(json.dumps(before).replace("granted", "denied"))
        assert only(house.checked(), Kind.CHANGED).ts == message["ts"], part
        with monkeypatch.context() as patch:
            patch.setitem(NAMES, ALICE, "Alicia")
            differences = house.checked().differences
        assert {each.kind for each in differences} == {Kind.CHANGED}, part
        assert message["ts"] in {each.ts for each in differences}, part
        message[part] = before


class TestALineThatNothingIsNew:
    @pytest.fixture
    def line(self, house):
        house.work(house.start(Mirror), QUIET_AFTER + 60, tick=60)
        message = house.posted(AUDIT)[-1]
        assert message["metadata"]["event_type"] == QUIET_TYPE
        return message

    def test_is_no_difference_and_its_checkpoint_counts(self, house, line):
        report = house.checked()
        assert report.code == 0
        assert line["ts"] in {checkpoint.ts for checkpoint in report.checkpoints}

    def test_is_one_where_it_says_something_else(self, house, line):
        line["text"] = line["text"].replace("Nothing", "Much")
        only(house.checked(), Kind.CHANGED)

    def test_is_one_where_it_was_edited(self, house, line):
        house.edit(line, text=line["text"])
        only(house.checked(), Kind.EDITED)

    def test_is_compared_whatever_version_is_said_to_have_drawn_it(self, house, line):
        line["text"] = line["text"].replace("Nothing", "Much")
        line["metadata"]["event_payload"]["drawn_by"] = "0.0.1"
        only(house.checked(), Kind.NOT_COMPARED)
        assert house.checked(accepted={"0.0.1"}).code == 0

    def test_is_one_where_its_metadata_are_of_another_shape(self, house, line):
        for at in (None, "1", 10**15, -1, True):
            line["metadata"]["event_payload"]["signed_at"] = at
            assert kinds(house.checked()) == [Kind.MALFORMED], at


def test_an_edited_message_whose_entries_were_shown_again_is_a_difference_no_longer(house):
    house.edit(house.message(6), text="nothing", blocks=[])
    report = house.checked()
    assert report.code == 3
    house.filled(report)
    mended = house.checked()
    assert mended.code == 0
    assert any("edited, and shown again later" in note for note in mended.notes)


def test_people_who_are_called_otherwise_by_now_are_no_difference(house, monkeypatch):
    monkeypatch.setitem(NAMES, BOB, "Robert · the second")
    report = house.checked()
    assert report.code == 0
    assert any("as they were called then" in note for note in report.notes)


def test_a_name_in_the_place_of_more_than_a_name_is_a_difference(house):
    message = house.message(6)
    swapped = json.loads(json.dumps(message).replace("Alice", "Alice until 23:00 \\u00b7 approved by Carol"))
    message.update(text=swapped["text"], blocks=swapped["blocks"])
    only(house.checked(), Kind.CHANGED)


def test_a_block_of_somebody_elses_in_a_message_of_ours_is_a_difference(house):
    house.message(3)["blocks"].append({"type": "header", "text": {"type": "plain_text", "text": "All is well"}})
    only(house.checked(), Kind.CHANGED)


def test_a_second_copy_is_marked_or_a_difference(house):
    message = house.message(3)
    copy = {**message, "ts": "1700000001.000001"}
    house.slack.messages.append(copy)
    only(house.checked(), Kind.DOUBLE)
    again = {"type": "context", "elements": [{"type": "mrkdwn", "text": AGAIN}]}
    copy["blocks"] = [*copy["blocks"], again]
    assert house.checked().code == 0


def test_a_message_posted_behind_others_without_saying_so_is_out_of_place(house):
    message = house.message(3)
    message["ts"] = "1700000001.000001"
    only(house.checked(), Kind.OUT_OF_PLACE)


def test_another_apps_message_with_our_metadata_shows_nothing(house):
    message = house.message(3)
    house.delete(message)
    house.slack.messages.insert(2, {**message, "bot_id": "B0MALLORY"})
    assert sorted(kinds(house.checked())) == sorted([Kind.FOREIGN, Kind.MISSING])


def test_metadata_of_another_shape_are_a_difference_and_nothing_fails(house):
    message = house.message(3)
    whole = message["metadata"]["event_payload"]
    for payload in (
        None,
        [],
        {"first": "1", "last": 2, "head": "x"},
        {"first": 1, "last": 10**12, "head": "x"},
        {"first": True, "last": True, "head": "x"},
        {"first": 3, "last": 1, "head": "x"},
        {"first": 1, "last": 1, "head": 7},
        *(whole | {"checkpoint": note} for note in ("", "x", 7, "x" * 100_000, "\ud800")),
    ):
        message["metadata"] = {"event_type": message["metadata"]["event_type"], "event_payload": payload}
        assert Kind.MALFORMED in kinds(house.checked()), str(payload)[:100]


def test_entries_that_are_fresh_are_on_their_way_and_others_are_late(house):
    house.story("R-7777", requester=EVE).asked()
    assert house.checked().code == 0
    house.clock.move(minutes=2)
    assert only(house.checked(), Kind.LATE).first == house.ledger.last_index()


def test_a_channel_may_begin_later(house):
    house.delete(house.message(1))
    first = house.posted(AUDIT)[0]["metadata"]["event_payload"]["first"]
    assert house.checked().code == 3
    assert house.checked(since=first).code == 0


class TestAMessageThatAnotherVersionIsSaidToHaveDrawn:
    @pytest.fixture
    def lie(self, house):
        message = house.message(3)
        message["text"] += " in other words"
        assert house.checked().code == 3
        message["metadata"]["event_payload"] |= {"drawn_by": "0.0.1", "words": message_digest(message)}
        return message

    def test_is_not_compared_and_not_equal(self, house, lie):
        report = house.checked()
        found = only(report, Kind.NOT_COMPARED)
        assert (report.code, report.not_compared, found.ts) == (3, 1, lie["ts"])
        assert "jit 0.0.1" in found.says

    def test_is_believed_once_somebody_accepts_that_version(self, house, lie):
        report = house.checked(accepted={"0.0.1"})
        assert report.code == 0
        assert any("was accepted" in note for note in report.notes)
        assert house.checked(accepted={"0.0.2"}).code == 3

    def test_must_carry_its_own_words_though_accepted(self, house, lie):
        lie["metadata"]["event_payload"]["words"] = "0" * 64
        only(house.checked(accepted={"0.0.1"}), Kind.CHANGED)

    def test_is_shown_again_by_filling(self, house, lie):
        house.filled(house.checked())
        assert house.checked().code == 0

    def test_is_equal_where_only_the_spaces_are_others(self, house, lie):
        lie["text"] = lie["text"].removesuffix(" in other words").replace(" ", "  ")
        lie["metadata"]["event_payload"]["words"] = message_digest(lie)
        assert house.checked().code == 0

    def test_names_no_version_that_is_none(self, house, lie):
        for by in (None, 7, [], "[bold]x[/bold]", "1" * 10_000):
            lie["metadata"]["event_payload"]["drawn_by"] = by
            (found,) = house.checked().differences
            assert "bold" not in found.says
            assert len(found.says) < 200, str(by)[:20]


def test_a_lie_put_in_the_place_of_a_deleted_message_by_our_own_token_is_a_difference(house):
    message = house.message(3)
    house.delete(message)
    payload = message["metadata"]["event_payload"] | {"filled": True, "drawn_by": "0.0.1"}
    remark = {"type": "context", "elements": [{"type": "mrkdwn", "text": FILLED}]}
    said = "#3 Dana approved this in person"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": said}}, remark]
    lie = {**message, "text": said, "blocks": blocks, "ts": "1700000001.000001"}
    lie["metadata"] = {**message["metadata"], "event_payload": payload | {"words": message_digest(lie)}}
    house.slack.messages.append(lie)
    assert Kind.NOT_COMPARED in kinds(house.checked())


def test_a_lie_behind_the_true_message_is_a_difference_until_it_is_shown_again_below(house):
    message = house.message(3)
    remark = {"type": "context", "elements": [{"type": "mrkdwn", "text": FILLED}]}
    lie = {**message, "ts": "1700000000.900000", "text": "nothing", "blocks": [remark]}
    lie["metadata"] = {**message["metadata"], "event_payload": message["metadata"]["event_payload"] | {"filled": True}}
    house.slack.messages.append(lie)
    house.slack.given = 900_000
    report = house.checked()
    assert only(report, Kind.CHANGED).ts == lie["ts"]
    house.filled(report)
    assert house.checked().code == 0
    house.slack.messages.append({**lie, "ts": "1700000002.000000"})
    assert only(house.checked(), Kind.CHANGED).ts == "1700000002.000000"


class TestALedgerThatIsNotTheOneTheChannelSaw:
    """It was put back as it was before the last entry."""

    @pytest.fixture
    def older(self, house, tmp_path):
        older = again(house, tmp_path_of(tmp_path, "older"))
        house.story("R-8888", requester=EVE).asked()
        house.sign()
        house.work(house.start(Mirror), 2)
        return older.ledger

    def test_cut_off_at_its_end_is_contradicted_by_the_checkpoint(self, house, older):
        signed_size, house.ledger = house.ledger.last_index(), older
        report = house.checked()
        assert report.code == 4
        checkpoints = [each.says for each in report.differences if "the checkpoint over" in each.says]
        assert f"over {signed_size} entries" in checkpoints[0]
        assert f"signed by {ORIGIN}" in checkpoints[0]

    def test_that_went_on_differently_is_contradicted_too(self, house, older):
        house.ledger = older
        house.story("R-6666", requester=EVE).asked()
        report = house.checked()
        assert report.code == 4
        assert sum("the checkpoint over" in each.says for each in report.differences) == 1

    def test_is_contradicted_though_it_names_another_key(self, house, older):
        house.ledger = older
        other = SignerKey.generate(ORIGIN).verifier()
        assert house.checked(keys=[other]).code == 4
        assert house.checked(keys=[]).code == 4


def test_a_checkpoint_that_another_key_signed_is_not_borne_out(house):
    story = house.story("R-8888", requester=EVE)
    story.asked()
    house.sign(key=SignerKey.generate("mallory.example.com"))
    house.work(house.start(Mirror), 2)
    assert only(house.checked(), Kind.CHECKPOINT_UNSURE).says.endswith("no known key signed it")


def test_a_checkpoint_with_a_forged_signature_is_not_borne_out(house):
    payload = house.message(3)["metadata"]["event_payload"]
    other = house.message(6)["metadata"]["event_payload"]["checkpoint"]
    payload["checkpoint"] = payload["checkpoint"].partition("\n\n")[0] + "\n\n" + other.partition("\n\n")[2]
    assert "is none" in only(house.checked(), Kind.CHECKPOINT_UNSURE).says


def test_a_copy_of_the_record_is_compared_as_well(house, tmp_path):
    """Nothing but the ledger and the channel is asked."""
    house.ledger = again(house, tmp_path_of(tmp_path, "copy")).ledger
    assert house.checked().code == 0


def tmp_path_of(tmp_path, name):
    (tmp_path / name).mkdir()
    return tmp_path / name
