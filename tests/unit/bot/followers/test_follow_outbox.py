"""Posting once: what each way of failing leads to, with a Slack that fails as told."""

import urllib.error
from http.client import RemoteDisconnected

import pytest

from bot.followers.outbox import (
    AGAIN,
    LONGEST_WAIT,
    Metadata,
    NotLeading,
    Outbox,
    Pace,
    Posted,
    Rejected,
    Unreached,
    Unsure,
)
from bot.views.text import Drawn, section
from jit.ledger import Notes
from jit.testing import InMemoryLedger, ManualClock
from tests.world.fake_slack import FakeSlack, refusal
from tests.world.raised import raised

CHANNEL = "C0AUDIT01"
DRAWN = Drawn("hello", [section("hello")])
ABOUT = Metadata("jit", {"message": "m1"})


@pytest.fixture
def notes(tmp_path):
    return Notes(InMemoryLedger().engine, "test")


@pytest.fixture
def client():
    return FakeSlack()


@pytest.fixture
def outbox(client, notes):
    return Outbox(client, notes, lambda: None)


def test_a_post_is_noted_before_and_its_intention_forgotten_by_the_caller(outbox, notes):
    place = outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    assert place == Posted(CHANNEL, "1700000000.000000")
    assert outbox.intention("m1")
    notes.put(outbox.done("m1"))
    assert outbox.intention("m1") is None


AMBIGUOUS = [
    TimeoutError(),
    urllib.error.URLError(TimeoutError()),
    urllib.error.URLError(ConnectionResetError()),
    RemoteDisconnected(),
    ConnectionResetError(),
]


def test_after_an_unclear_failure_the_channel_tells():
    for failure in (*AMBIGUOUS, refusal("", 503), refusal("internal_error")):
        for taken in (True, False):
            client, notes, case = FakeSlack(), Notes(InMemoryLedger().engine, "test"), (failure, taken)
            outbox = Outbox(client, notes, lambda: None)
            for number in range(5):
                outbox.post_once(f"before{number}", CHANNEL, DRAWN, Metadata("jit", {"message": number}))
            client.fates = [(failure, taken)]
            assert raised(Unsure, outbox.post_once, "m1", CHANNEL, DRAWN, ABOUT), case
            for number in range(5):
                metadata = {"event_type": "jit", "event_payload": {"message": -number}}
                client.chat_postMessage(channel=CHANNEL, metadata=metadata)
            place = Outbox(client, notes, lambda: None).post_once("m1", CHANNEL, DRAWN, ABOUT)
            mine = [each for each in client.messages if each["metadata"]["event_payload"] == {"message": "m1"}]
            assert [each["ts"] for each in mine] == [place.ts], case
            assert place.adopted is taken, case
            assert (AGAIN in str(mine[0])) is not taken, case


def test_who_could_not_be_reached_has_taken_nothing(client, outbox):
    for refused, expected in ((ConnectionRefusedError(), Unreached), (OSError("no route"), Unsure)):
        client.fates = [(urllib.error.URLError(refused), False)]
        assert raised(expected, outbox.post_once, "m1", CHANNEL, DRAWN, ABOUT), refused
        assert bool(outbox.intention("m1")) is (expected is Unsure), refused


def test_too_many_calls_wait_as_long_as_slack_says(client, outbox):
    for headers, wait in (
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "3"}, 3.0),
        ({}, 1.0),
        ({"Retry-After": "9" * 400}, LONGEST_WAIT),
    ):
        client.fates = [(refusal("ratelimited", 429, headers), False)]
        asked = raised(Unreached, outbox.post_once, "m1", CHANNEL, DRAWN, ABOUT)
        assert asked, headers
        assert asked.wait == wait, headers
        assert outbox.intention("m1") is None, headers


def test_what_slack_will_not_take_is_said(client, outbox):
    for error in ("channel_not_found", "not_in_channel", "invalid_blocks", "is_archived"):
        client.fates = [(refusal(error), False)]
        assert error in str(raised(Rejected, outbox.post_once, "m1", CHANNEL, DRAWN, ABOUT)), error
    outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    assert AGAIN not in str(client.messages)


def test_an_unsure_post_stays_unsure_when_the_next_is_refused(client, outbox):
    client.fates = [(TimeoutError(), False), (refusal("ratelimited", 429), False)]
    with pytest.raises(Unsure):
        outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    with pytest.raises(Unreached):
        outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    assert outbox.intention("m1").attempts == 1
    outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    assert AGAIN in str(client.messages[-1])


def test_who_does_not_lead_posts_nothing(client, notes):
    def may_post():
        raise NotLeading

    with pytest.raises(NotLeading):
        Outbox(client, notes, may_post).post_once("m1", CHANNEL, DRAWN, ABOUT)
    assert client.messages == []


def test_a_message_that_is_gone_cannot_be_updated(client, outbox):
    client.fates = [(refusal("message_not_found"), False), (refusal("cant_update_message"), False)]
    assert outbox.update(Posted(CHANNEL, "1"), DRAWN, ABOUT) is False
    with pytest.raises(Rejected):
        outbox.update(Posted(CHANNEL, "1"), DRAWN, ABOUT)


def test_what_another_app_posted_is_not_adopted(client, outbox):
    client.fates = [(TimeoutError(), False)]
    with pytest.raises(Unsure):
        outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    carried = {"event_type": "jit", "event_payload": {"message": "m1"}}
    client.messages.append({"ts": "1700000099.000000", "channel": CHANNEL, "bot_id": "B0OTHER", "metadata": carried})
    assert not outbox.post_once("m1", CHANNEL, DRAWN, ABOUT).adopted


def test_a_channel_gets_a_burst_and_then_one_message_a_second():
    clock = ManualClock()
    pace = Pace(clock, burst=3)
    for _ in range(3):
        assert pace.wait(CHANNEL) == 0
        pace.took(CHANNEL)
    assert pace.wait(CHANNEL) == 1
    assert pace.wait("C0OTHER01") == 0
    clock.move(seconds=1)
    assert pace.wait(CHANNEL) == 0
    pace.took(CHANNEL)
    assert pace.wait(CHANNEL) == 1
    pace.hold(CHANNEL, 30)
    assert pace.wait(CHANNEL) == 30
