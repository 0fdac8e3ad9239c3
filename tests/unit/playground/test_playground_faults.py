"""What can go wrong with Slack, switched on: rate limits, outages, lost answers, slowness; response urls too."""

import json
import urllib.error
import urllib.request
from http.client import RemoteDisconnected

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from playground.faults import Fault, Outage
from playground.sample import ALICE, APP_TOKEN, AUDIT, BOB, BOT_TOKEN, REQUESTS, sample_workspace
from tests.world.waiting import HUNG


class Clock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def slack(clock, playgrounds):
    slack = sample_workspace(clock)
    with playgrounds.running(slack):
        yield slack


@pytest.fixture
def client(slack):
    return WebClient(BOT_TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])


def posted(slack):
    return [message["text"] for message in slack.world.channel(REQUESTS).messages.values()]


def test_posts_above_one_a_second_are_turned_away_for_that_channel(slack, client, clock):
    slack.rate.burst = 2
    for text in "ab":
        client.chat_postMessage(channel=REQUESTS, text=text)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=REQUESTS, text="c")
    assert caught.value.response.status_code == 429
    assert caught.value.response["error"] == "ratelimited"
    assert caught.value.response.headers["Retry-After"] == "1"
    assert client.chat_postMessage(channel=AUDIT, text="elsewhere")["ok"]
    clock.now += 1
    client.chat_postMessage(channel=REQUESTS, text="d")
    assert posted(slack) == ["a", "b", "d"]


def test_the_rate_limit_can_be_switched_off(slack, client):
    slack.rate.enabled = False
    for _ in range(10):
        client.chat_postMessage(channel=REQUESTS, text="x")
    assert len(posted(slack)) == 10


def test_the_next_calls_can_be_turned_away_with_429(slack, client):
    slack.faults.plan("chat.postMessage", Fault.RATE_LIMITED, times=2, retry_after=7)
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=REQUESTS, text="x")
        assert caught.value.response.headers["Retry-After"] == "7"
    assert client.chat_postMessage(channel=REQUESTS, text="x")["ok"]


@pytest.fixture
def impatient(slack):
    return WebClient(BOT_TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[], timeout=0.1)


@pytest.mark.parametrize(("fault", "stored"), [(Fault.DROPPED, []), (Fault.LOST_BY_RESET, ["x"])])
def test_a_cut_call_has_or_has_not_taken_effect(slack, client, fault, stored):
    slack.faults.plan("chat.postMessage", fault)
    with pytest.raises((RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
        client.chat_postMessage(channel=REQUESTS, text="x")
    assert posted(slack) == stored


def test_an_accepted_post_may_never_be_answered(slack, impatient):
    slack.faults.plan("chat.postMessage", Fault.LOST_BY_SILENCE)
    with pytest.raises((TimeoutError, urllib.error.URLError)):
        impatient.chat_postMessage(channel=REQUESTS, text="x")
    slack.world.wait_for(lambda: posted(slack) == ["x"])


def test_a_server_error_takes_no_effect(slack, client):
    slack.faults.plan("*", Fault.SERVER_ERROR)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=REQUESTS, text="x")
    assert caught.value.response.status_code == 503
    assert posted(slack) == []


def test_an_answer_can_be_slow(slack, client, impatient):
    slack.faults.slow("users.info", 1)
    with pytest.raises((TimeoutError, urllib.error.URLError)):
        impatient.users_info(user=ALICE)
    slack.faults.slow("users.info", 0)
    assert client.users_info(user=ALICE)["ok"]


@pytest.mark.parametrize("outage", [Outage.DROPPING, Outage.UNAVAILABLE])
def test_slack_can_be_gone_and_come_back(slack, client, outage):
    slack.break_down(outage)
    with pytest.raises((RemoteDisconnected, ConnectionResetError, urllib.error.URLError, SlackApiError)):
        client.auth_test()
    slack.mend()
    assert client.auth_test()["ok"]


def test_no_socket_is_accepted_in_an_outage(slack):
    app = WebClient(APP_TOKEN, base_url=f"{slack.url}/api/")
    url = app.apps_connections_open(app_token=APP_TOKEN)["url"]
    slack.hub.refusing = True
    with pytest.raises(InvalidStatus):
        connect(url)
    slack.mend()
    url = app.apps_connections_open(app_token=APP_TOKEN)["url"]
    with connect(url) as socket:
        assert json.loads(socket.recv())["type"] == "hello"
        with pytest.raises(InvalidStatus):
            connect(url)


def test_an_outage_closes_open_sockets(slack):
    app = WebClient(APP_TOKEN, base_url=f"{slack.url}/api/")
    with connect(app.apps_connections_open(app_token=APP_TOKEN)["url"]) as socket:
        socket.recv()
        slack.break_down(Outage.DROPPING)
        with pytest.raises(ConnectionClosed):
            socket.recv(HUNG)


@pytest.fixture
def respond(slack):
    path = slack.tickets.response(REQUESTS, ALICE)
    return WebhookClient(slack.url + path).send


def test_an_answer_by_response_url_is_seen_by_one_person(slack, respond):
    respond(text="for you")
    assert [(m["text"], only) for m, only in slack.world.visible(ALICE, REQUESTS)] == [("for you", True)]
    assert not list(slack.world.visible(BOB, REQUESTS))


def test_an_answer_by_response_url_can_be_for_all(slack, respond):
    respond(text="for all", response_type="in_channel")
    assert posted(slack) == ["for all"]


def test_a_response_url_works_five_times(respond):
    assert [respond(text="x").status_code for _ in range(6)] == [200] * 5 + [404]
    assert json.loads(respond(text="x").body)["error"] == "used_url"


def test_a_response_url_lasts_thirty_minutes(respond, clock):
    clock.now += 30 * 60
    assert respond(text="x").status_code == 200
    clock.now += 1
    assert json.loads(respond(text="x").body)["error"] == "expired_url"


def test_an_unknown_response_url_is_refused(slack):
    said = WebhookClient(f"{slack.url}/hooks/T0JIT0001/guess").send(text="x")
    assert (said.status_code, json.loads(said.body)["error"]) == (404, "invalid_url")


def test_the_original_can_be_replaced_and_deleted(slack, client):
    ts = client.chat_postMessage(channel=REQUESTS, text="original")["ts"]
    send = WebhookClient(slack.url + slack.tickets.response(REQUESTS, ALICE, ts)).send
    send(text="replaced", replace_original=True)
    assert posted(slack) == ["replaced"]
    send(delete_original=True)
    assert posted(slack) == []


def test_an_ephemeral_original_can_be_replaced_and_deleted(slack, client):
    ts = client.chat_postEphemeral(channel=REQUESTS, user=ALICE, text="original")["message_ts"]
    send = WebhookClient(slack.url + slack.tickets.response(REQUESTS, ALICE, ts)).send
    send(text="replaced", replace_original=True)
    assert [m["text"] for m, _ in slack.world.visible(ALICE, REQUESTS)] == ["replaced"]
    send(delete_original=True)
    assert not list(slack.world.visible(ALICE, REQUESTS))


def test_bad_blocks_in_a_response_are_refused(respond):
    said = respond(text="x", blocks=[{"type": "card"}])
    assert (said.status_code, json.loads(said.body)["error"]) == (400, "invalid_blocks")
