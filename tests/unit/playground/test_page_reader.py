"""What a reader is told: once, whole, and nothing that is not theirs to see."""

import json

import pytest

from playground.interaction import Stage
from playground.page.marks import Marks
from playground.page.reader import PAGE, Reader
from playground.sample import ALERTS, ALICE, BOB, BOT, EVE, REQUESTS, account, sample_workspace
from playground.world import Channel, Missing


@pytest.fixture
def slack():
    return sample_workspace()


@pytest.fixture
def marks():
    return Marks()


def reader(slack, marks, person=ALICE):
    return Reader(slack, marks, person)


def settled(slack, marks, person=ALICE):
    """A reader who was told everything there is."""
    page = reader(slack, marks, person)
    page.frames()
    return page


def post(slack, text, channel=REQUESTS, **more):
    return slack.world.post(slack.world.channel(channel), {"user": BOB, "text": text, **more})


def of_kind(frames, kind):
    return [frame for frame in frames if frame["kind"] == kind]


def shown(frames, channel=REQUESTS):
    """Text of each message shown in a channel; those only the reader sees in brackets."""
    return [
        f"[{item['message']['text']}]" if item["ephemeral"] else item["message"]["text"]
        for frame in of_kind(frames, "messages")
        if frame["channel"] == channel
        for item in frame["shown"]
    ]


def test_the_first_frames_tell_everything(slack, marks):
    post(slack, "hello")
    hello, *rest = reader(slack, marks).frames()
    assert hello["kind"] == "hello"
    about = {"name": "Alice", "title": "Engineer, on call", "tz": "Europe/Berlin", "admin": False}
    assert hello["me"] == {"id": ALICE, **about}
    assert [channel["name"] for channel in hello["channels"]] == ["access-requests", "jit-alerts", "jit-audit", "jit"]
    assert [channel["kind"] for channel in hello["channels"]] == ["channel"] * 3 + ["im"]
    assert hello["app"] == {"name": "jit", "bot_user": BOT}
    assert hello["commands"][0]["name"] == "/jit"
    assert [frame["channel"] for frame in of_kind(rest, "messages")] == [c["id"] for c in hello["channels"]]
    assert shown(rest) == ["hello"]
    assert {"kind": "form", "form": None} in rest
    assert {"kind": "home", "view": None} in rest


def test_who_has_a_title_can_be_played(slack, marks):
    slack.world.add_user(account("U0TALLY00", "Tally"))
    hello = reader(slack, marks).frames()[0]
    playable = [person["name"] for person in hello["people"] if person["playable"]]
    assert playable == ["Alice", "Bob", "Carol", "Eve", "Mallory"]


def test_nothing_is_told_twice(slack, marks):
    post(slack, "hello")
    assert settled(slack, marks).frames() == []


def test_what_is_new_changed_or_gone_is_told_alone(slack, marks):
    kept, changed, gone = (post(slack, text) for text in ("kept", "before", "gone"))
    page = settled(slack, marks)
    room = slack.world.channel(REQUESTS)
    slack.world.rewrite(room, changed["ts"], {"text": "after"})
    slack.world.remove(room, gone["ts"])
    post(slack, "new")
    (frame,) = page.frames()
    assert shown([frame]) == ["after", "new"]
    assert frame["gone"] == [gone["ts"]]
    assert kept["ts"] not in [item["message"]["ts"] for item in frame["shown"]]
    assert page.frames() == []


def test_the_newest_page_comes_first_and_the_rest_by_looking_back(slack, marks):
    said = [post(slack, str(number)) for number in range(2 * PAGE + 30)]
    page = reader(slack, marks)
    first = of_kind(page.frames(), "messages")[0]
    assert shown([first]) == [str(number) for number in range(PAGE + 30, 2 * PAGE + 30)]
    assert first["older"]
    page.hear({"want": "older", "channel": REQUESTS, "before": said[PAGE + 30]["ts"]})
    (second,) = page.frames()
    assert shown([second]) == [str(number) for number in range(30, PAGE + 30)]
    assert second["older"]
    page.hear({"want": "older", "channel": REQUESTS, "before": said[30]["ts"]})
    (third,) = page.frames()
    assert shown([third]) == [str(number) for number in range(30)]
    assert not third["older"]


def test_asking_twice_for_the_same_page_brings_it_once(slack, marks):
    said = [post(slack, str(number)) for number in range(3 * PAGE)]
    page = settled(slack, marks)
    for _ in range(2):
        page.hear({"want": "older", "channel": REQUESTS, "before": said[2 * PAGE]["ts"]})
    assert len(shown(page.frames())) == PAGE


def test_what_went_while_somebody_looked_back_is_gone(slack, marks):
    said = [post(slack, str(number)) for number in range(PAGE + 50)]
    page = settled(slack, marks)
    page.hear({"want": "older", "channel": REQUESTS, "before": said[50]["ts"]})
    slack.world.remove(slack.world.channel(REQUESTS), said[60]["ts"])
    (frame,) = page.frames()
    assert frame["gone"] == [said[60]["ts"]]
    assert len(frame["shown"]) == 50


def test_a_change_to_what_was_not_looked_back_to_is_not_told(slack, marks):
    said = [post(slack, str(number)) for number in range(PAGE + 1)]
    page = settled(slack, marks)
    slack.world.rewrite(slack.world.channel(REQUESTS), said[0]["ts"], {"text": "changed"})
    assert page.frames() == []


def test_an_ephemeral_message_reaches_its_reader_only(slack, marks):
    alice, bob = settled(slack, marks), settled(slack, marks, BOB)
    heard = slack.world.whisper(REQUESTS, ALICE, {"user": BOT, "text": "secret"})
    assert shown(alice.frames()) == ["[secret]"]
    assert bob.frames() == []
    slack.world.rewhisper(heard.message["ts"], {"user": BOT, "text": "other"})
    assert shown(alice.frames()) == ["[other]"]
    assert bob.frames() == []
    del slack.world.whispers[heard.message["ts"]]
    assert alice.frames()[0]["gone"] == [heard.message["ts"]]
    assert "secret" not in json.dumps(reader(slack, marks, BOB).frames())


def test_messages_and_whispers_stand_in_the_order_they_were_said(slack, marks):
    post(slack, "one")
    slack.world.whisper(REQUESTS, ALICE, {"user": BOT, "text": "two"})
    post(slack, "three")
    assert shown(reader(slack, marks).frames()) == ["one", "[two]", "three"]


def test_a_channel_one_is_not_in_is_not_told_of(slack, marks):
    slack.world.add_channel(Channel("C0SECRET0", "plans", {BOB, BOT}))
    alice = settled(slack, marks)
    post(slack, "quiet", "C0SECRET0")
    slack.world.whisper("C0SECRET0", ALICE, {"user": BOT, "text": "psst"})
    slack.views.open(BOB, modal("Bob's"))
    assert alice.frames() == []
    everything = json.dumps(reader(slack, marks).frames())
    assert not any(word in everything for word in ("plans", "quiet", "psst", "Bob's"))


def test_nobody_reads_the_direct_messages_of_another(slack, marks):
    bob = settled(slack, marks, BOB)
    alice = settled(slack, marks)
    direct = slack.world.direct(ALICE)
    slack.world.post(direct, {"user": BOT, "text": "granted"})
    assert shown(alice.frames(), direct.id) == ["granted"]
    assert bob.frames() == []


def test_who_comes_into_a_channel_is_told_and_who_leaves_is_told_no_more(slack, marks):
    room = slack.world.add_channel(Channel("C0LATER00", "later", {BOB}))
    post(slack, "from before", room.id)
    page = settled(slack, marks)
    room.members.add(ALICE)
    frames = page.frames()
    assert "later" in [channel["name"] for channel in frames[0]["channels"]]
    assert shown(frames, room.id) == ["from before"]
    room.members.remove(ALICE)
    post(slack, "from after", room.id)
    frames = page.frames()
    assert [frame["kind"] for frame in frames] == ["people"]
    assert "later" not in [channel["name"] for channel in frames[0]["channels"]]


def test_what_was_read_stays_read_on_every_page_of_a_person(slack, marks):
    message = post(slack, "hello")
    here, there = settled(slack, marks), settled(slack, marks)
    here.hear({"read": REQUESTS, "ts": message["ts"]})
    assert here.frames() == []
    (told,) = there.frames()
    assert told["kind"] == "people"
    for channels in (told["channels"], reader(slack, marks).frames()[0]["channels"]):
        assert {c["id"]: c["read"] for c in channels}[REQUESTS] == message["ts"]
    assert not any(c["read"] for c in reader(slack, marks, BOB).frames()[0]["channels"])


def test_nothing_becomes_unread_again(slack, marks):
    early, late = post(slack, "early"), post(slack, "late")
    page = settled(slack, marks)
    page.hear({"read": REQUESTS, "ts": late["ts"]})
    page.hear({"read": REQUESTS, "ts": early["ts"]})
    assert marks.of(ALICE, REQUESTS) == late["ts"]


def modal(title):
    name = {"type": "plain_text_input", "action_id": "typed"}
    field = {"type": "input", "block_id": "name", "label": {"type": "plain_text", "text": "Name"}, "element": name}
    words = {kind: {"type": "plain_text", "text": kind} for kind in ("submit", "close")}
    return {"type": "modal", "title": {"type": "plain_text", "text": title}, "blocks": [field], **words}


def test_the_form_in_front_is_told_with_its_state_its_errors_and_its_depth(slack, marks):
    page = settled(slack, marks)
    view = slack.views.open(ALICE, modal("First"))
    (opened,) = page.frames()
    assert (opened["form"]["view"]["id"], opened["form"]["errors"], opened["form"]["depth"]) == (view["id"], {}, 1)
    slack.views.enter(ALICE, "name", "typed", {"type": "plain_text_input", "value": "orders"})
    assert page.frames()[0]["form"]["view"]["state"]["values"]["name"]["typed"]["value"] == "orders"
    slack.views.complain(view["id"], {"name": "Too short."})
    assert page.frames()[0]["form"]["errors"] == {"name": "Too short."}
    slack.views.push(ALICE, modal("Second"))
    assert page.frames()[0]["form"]["depth"] == 2
    slack.views.clear(ALICE)
    assert page.frames() == [{"kind": "form", "form": None}]


def test_the_home_is_told_when_it_is_published(slack, marks):
    page = settled(slack, marks)
    slack.views.publish(ALICE, {"type": "home", "blocks": [{"type": "divider"}]})
    (frame,) = page.frames()
    assert frame["view"]["blocks"][0]["type"] == "divider"


def test_changed_accounts_and_groups_are_told(slack, marks):
    page = settled(slack, marks)
    slack.world.change_user(EVE, real_name="Evelyn")
    (frame,) = page.frames()
    assert "Evelyn" in [person["name"] for person in frame["people"]]
    slack.world.change_user(EVE, deleted=True)
    assert not next(person for person in page.frames()[0]["people"] if person["id"] == EVE)["playable"]


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "older",
        {},
        {"want": "everything"},
        {"want": "older", "channel": REQUESTS},
        {"want": "older", "channel": REQUESTS, "before": "yesterday"},
        {"want": "older", "channel": [REQUESTS], "before": "1.000000"},
        {"read": REQUESTS, "ts": None},
        {"read": REQUESTS, "ts": "9" * 10_000},
    ],
)
def test_what_makes_no_sense_is_not_heard(slack, marks, said):
    with pytest.raises(ValueError, match="not understood"):
        settled(slack, marks).hear(said)


def test_a_page_cannot_mark_or_look_back_in_a_channel_it_is_not_in(slack, marks):
    slack.world.add_channel(Channel("C0SECRET0", "plans", {BOB}))
    page = settled(slack, marks)
    page.hear({"read": "C0SECRET0", "ts": "1.000000"})
    page.hear({"want": "older", "channel": "C0SECRET0", "before": "1.000000"})
    assert marks.of(ALICE, "C0SECRET0") == ""
    assert page.frames() == []


def test_a_reply_stands_under_what_it_replies_to(slack):
    stage = Stage(slack)
    root = stage.say(ALICE, REQUESTS, "why?")
    assert stage.say(BOB, REQUESTS, "because", thread_ts=root["ts"])["thread_ts"] == root["ts"]
    with pytest.raises(Missing, match="thread_not_found"):
        stage.say(BOB, ALERTS, "because", thread_ts=root["ts"])
