"""Posting once: what each way of failing leads to, with a Slack that fails as told."""

import urllib.error
from http.client import RemoteDisconnected

import pytest

from bot.follow.outbox import AGAIN, Metadata, NotLeading, Outbox, Pace, Posted, Rejected, Unreached, Unsure
from bot.show.text import Drawn, section
from jit.ledger import Notes
from jit.testing import InMemoryLedger
from tests.fake_slack import FakeSlack, refusal
from tests.fakes import SetClock

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


@pytest.mark.parametrize("after", [True, False], ids=["taken", "not taken"])
@pytest.mark.parametrize("failure", [*AMBIGUOUS, 503, "internal_error"], ids=repr)
def test_after_an_unclear_failure_the_channel_tells(client, notes, outbox, failure, after):
    for number in range(5):
        outbox.post_once(f"before{number}", CHANNEL, DRAWN, Metadata("jit", {"message": number}))
    if isinstance(failure, int):
        failure = refusal("", failure)
    elif isinstance(failure, str):
        failure = refusal(failure)
    client.fates = [(failure, after)]
    with pytest.raises(Unsure):
        outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    for number in range(5):
        client.chat_postMessage(channel=CHANNEL, metadata={"event_type": "jit", "event_payload": {"message": -number}})
    restarted = Outbox(client, notes, lambda: None)
    place = restarted.post_once("m1", CHANNEL, DRAWN, ABOUT)
    mine = [each for each in client.messages if each["metadata"]["event_payload"] == {"message": "m1"}]
    assert [each["ts"] for each in mine] == [place.ts]
    assert place.adopted is after
    assert (AGAIN in str(mine[0])) is not after


@pytest.mark.parametrize("refused", [ConnectionRefusedError(), OSError("no route")], ids=repr)
def test_who_could_not_be_reached_has_taken_nothing(client, outbox, refused):
    client.fates = [(urllib.error.URLError(refused), False)]
    expected = Unreached if isinstance(refused, ConnectionRefusedError) else Unsure
    with pytest.raises(expected):
        outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    assert bool(outbox.intention("m1")) is (expected is Unsure)


@pytest.mark.parametrize(("headers", "wait"), [({"Retry-After": "7"}, 7.0), ({"retry-after": "3"}, 3.0), ({}, 1.0)])
def test_too_many_calls_wait_as_long_as_slack_says(client, outbox, headers, wait):
    client.fates = [(refusal("ratelimited", 429, headers), False)]
    with pytest.raises(Unreached) as asked:
        outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
    assert asked.value.wait == wait
    assert outbox.intention("m1") is None


@pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel", "invalid_blocks", "is_archived"])
def test_what_slack_will_not_take_is_said(client, outbox, error):
    client.fates = [(refusal(error), False)]
    with pytest.raises(Rejected, match=error):
        outbox.post_once("m1", CHANNEL, DRAWN, ABOUT)
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


@pytest.mark.parametrize("burst", [1, 3])
def test_a_channel_gets_a_burst_and_then_one_message_a_second(burst):
    clock = SetClock()
    pace = Pace(clock, burst)
    for _ in range(burst):
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
