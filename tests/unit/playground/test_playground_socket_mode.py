"""Socket Mode and the things people do, against a real Bolt app."""

import contextlib
import json
import threading
from dataclasses import replace

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from websockets.sync.client import connect

from bot.socket_mode import hang_up
from playground.control import elsewhere
from playground.faults import Outage
from playground.interaction import Stage
from playground.person import Person
from playground.sample import ALICE, APP_TOKEN, BOB, BOT_TOKEN, REQUESTS, TEAM, sample_workspace
from tests.world.waiting import HUNG

CONFIRM = {key: {"type": "plain_text", "text": key} for key in ("title", "text", "confirm", "deny")}


def card(value="R-1", text="card"):
    names = ("Approve", "Deny")
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": name}, "action_id": name.lower(), "value": value}
        for name in names
    ]
    buttons.append({**buttons[0], "text": {"type": "plain_text", "text": "Revoke now"}, "action_id": "revoke"})
    buttons[-1]["confirm"] = CONFIRM
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return {"text": text, "blocks": [section, {"type": "actions", "block_id": "a", "elements": buttons}]}


def silent():
    """A listener of events, which Bolt acknowledges."""


def deaf():
    """A middleware after which nothing is acknowledged."""
    raise RuntimeError("no acknowledgement")


@contextlib.contextmanager
def connected(slack, app, **options):
    """The app with one open connection more."""
    before = slack.hub.connections
    handler = SocketModeHandler(app, APP_TOKEN, **options)
    handler.connect()
    slack.world.wait_for(lambda: slack.hub.connections > before)
    try:
        yield handler
    finally:
        hang_up(handler.client)


@pytest.fixture
def slack(playgrounds):
    slack = sample_workspace()
    slack.hub.patience = HUNG
    with playgrounds.running(slack):
        yield slack


@pytest.fixture
def stage(slack):
    return Stage(slack)


@pytest.fixture
def alice(stage):
    return Person(stage, ALICE)


@pytest.fixture
def app(slack):
    return App(client=WebClient(BOT_TOKEN, base_url=f"{slack.url}/api/"))


def test_a_command_reaches_the_app_as_slack_sends_it(slack, app, alice):
    got = []

    @app.command("/jit")
    def jit(ack, body):
        got.append(body)
        ack("on its way")

    with connected(slack, app):
        answer = alice.command("/jit", "request orders-db/read 30m why", channel=REQUESTS)
    assert answer.ok
    (body,) = got
    assert (body["user_id"], body["team_id"], body["channel_id"]) == (ALICE, TEAM, REQUESTS)
    assert (body["command"], body["text"]) == ("/jit", "request orders-db/read 30m why")
    assert body["trigger_id"]
    assert body["response_url"].startswith(slack.url)
    (seen,) = alice.sees(REQUESTS)
    assert (seen.text, seen.ephemeral) == ("on its way", True)


def test_a_command_answered_in_the_channel_is_seen_by_all(slack, app, stage, alice):
    app.command("/jit")(lambda ack: ack(text="for all", response_type="in_channel"))
    with connected(slack, app):
        alice.command("/jit", channel=REQUESTS)
    (seen,) = Person(stage, BOB).sees(REQUESTS)
    assert (seen.text, seen.ephemeral) == ("for all", False)


def test_without_an_app_a_command_fails_and_the_person_is_told(stage, alice):
    answer = alice.command("/jit", channel=REQUESTS)
    assert (answer.ok, answer.error) == (False, "dispatch_failed")
    assert "dispatch_failed" in alice.sees(REQUESTS)[-1].text
    assert stage.failures() == [{"person": ALICE, "error": "dispatch_failed", "problems": []}]


def test_without_an_acknowledgement_a_command_times_out(slack, app, stage, alice):
    slack.hub.patience = 0.1
    app.middleware(deaf)
    with connected(slack, app):
        answer = alice.command("/jit", channel=REQUESTS)
    assert (answer.ok, answer.error) == (False, "operation_timeout")
    assert "operation_timeout" in alice.sees(REQUESTS)[-1].text
    assert [failure["error"] for failure in stage.failures()] == ["operation_timeout"]


def test_a_press_carries_the_button_the_message_and_the_presser(slack, app, alice):
    got = []

    @app.action("approve")
    def approve(ack, body):
        got.append(body)
        ack()

    posted = app.client.chat_postMessage(channel=REQUESTS, **card())
    with connected(slack, app):
        assert alice.press(alice.finds("card", channel=REQUESTS), "Approve").ok
    (body,) = got
    assert body["type"] == "block_actions"
    assert body["user"] == {"id": ALICE, "username": "alice", "name": "alice", "team_id": TEAM}
    assert body["team"] == {"id": TEAM, "domain": "jit-playground"}
    assert body["channel"] == {"id": REQUESTS, "name": "access-requests"}
    assert body["container"]["message_ts"] == posted["ts"]
    assert body["message"] == posted["message"]
    (action,) = body["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "a", "R-1")
    assert action["action_ts"] > posted["ts"]


def test_interactions_go_to_the_connections_in_turn(slack, app, alice):
    other = App(client=app.client)
    got = []
    app.command("/jit")(lambda ack: (got.append("one"), ack()))
    other.command("/jit")(lambda ack: (got.append("two"), ack()))
    with connected(slack, app), connected(slack, other):
        assert slack.hub.connections == 2
        for _ in range(4):
            alice.command("/jit", channel=REQUESTS)
    assert sorted(got) == ["one", "one", "two", "two"]


def test_changes_of_people_and_groups_reach_the_app(slack, app):
    got = []

    def note(event):
        got.append(event)

    for kind in ("user_change", "subteam_members_changed", "subteam_updated"):
        app.event(kind)(note)
    with connected(slack, app):
        slack.world.change_user(BOB, deleted=True)
        slack.world.set_members("S0DBA0001", [ALICE])
        slack.world.wait_for(lambda: len(got) == 3)
    by_type = {event["type"]: event for event in got}
    assert by_type["user_change"]["user"]["deleted"] is True
    assert by_type["subteam_members_changed"]["added_users"] == [ALICE]
    assert by_type["subteam_updated"]["subteam"]["users"] == [ALICE]


def test_an_event_without_a_connection_waits_for_the_next(slack, app):
    got = []
    app.event("user_change")(lambda event: got.append(event["user"]["id"]))
    slack.world.change_user(BOB, deleted=True)
    with connected(slack, app):
        slack.world.wait_for(lambda: got)
    assert got == [BOB]


def test_an_event_not_acknowledged_comes_again_marked_as_a_retry(slack, app):
    seen = []

    def noting(next):  # noqa: A002  Bolt's name
        seen.append("deaf")
        next()

    def listening(request):
        seen.append(request.headers.get("x-slack-retry-num"))

    first, second = App(client=app.client), App(client=app.client)
    first.middleware(noting)
    first.middleware(deaf)
    second.event("user_change")(listening)
    with connected(slack, first):
        slack.world.change_user(BOB, deleted=True)
        slack.world.wait_for(lambda: seen)
    slack.world.wait_for(lambda: not slack.hub.connections)
    with connected(slack, second):
        slack.world.wait_for(lambda: len(seen) == 2)
    assert seen == ["deaf", ["1"]]


def test_edits_and_deletions_are_told_to_who_subscribed(slack, app, stage, alice):
    got = []

    def note(event):
        got.append(event)

    slack.world.workspace = replace(slack.world.workspace, events=frozenset({"message.channels"}))
    app.event({"type": "message", "subtype": "message_changed"})(note)
    app.event({"type": "message", "subtype": "message_deleted"})(note)
    app.event("message")(silent)
    with connected(slack, app):
        ts = alice.says("first", channel=REQUESTS)["ts"]
        stage.edit(REQUESTS, ts, "second")
        stage.delete(REQUESTS, ts)
        slack.world.wait_for(lambda: len(got) == 2)
    changed, deleted = sorted(got, key=lambda event: event["event_ts"])
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("second", "first")
    assert (deleted["deleted_ts"], deleted["channel"]) == (ts, REQUESTS)


def test_a_connection_told_to_refresh_comes_back(slack, app, alice):
    app.command("/jit")(lambda ack: ack())
    with connected(slack, app) as handler:
        old = handler.client.current_session
        slack.hub.hang_up("refresh_requested")
        slack.world.wait_for(lambda: handler.client.current_session is not old and slack.hub.connections == 1)
        assert alice.command("/jit", channel=REQUESTS).ok


def test_an_app_comes_back_by_itself_after_an_outage(slack, app, stage, alice):
    app.command("/jit")(lambda ack: ack())
    with connected(slack, app, ping_interval=0.1):
        stage.break_down(Outage.DROPPING)
        slack.world.wait_for(lambda: not slack.hub.connections)
        assert alice.command("/jit", channel=REQUESTS).error == "dispatch_failed"
        stage.mend()
        slack.world.wait_for(lambda: slack.hub.connections)
        assert alice.command("/jit", channel=REQUESTS).ok


def test_an_eleventh_connection_is_sent_away(slack):
    with contextlib.ExitStack() as sockets:
        for number in range(11):
            root = slack.url.replace("http", "ws")
            socket = sockets.enter_context(connect(f"{root}/link/?ticket={slack.hub.ticket()}"))
            said = json.loads(socket.recv())
            assert said["type"] == ("hello" if number < 10 else "disconnect")
    assert said["reason"] == "too_many_websockets"


def test_who_is_not_in_a_channel_sees_only_what_is_told_them(slack, app, stage, alice):
    slack.world.channel(REQUESTS).members.discard(ALICE)
    app.client.chat_postMessage(channel=REQUESTS, text="for members")
    assert alice.sees(REQUESTS) == []
    alice.command("/jit", channel=REQUESTS)
    assert [seen.ephemeral for seen in alice.sees(REQUESTS)] == [True]


def plain(text):
    return {"type": "plain_text", "text": text}


def request_form():
    access = {"type": "external_select", "action_id": "access", "min_query_length": 1}
    reason = {"type": "plain_text_input", "action_id": "reason"}
    fields = [("Access", access), ("Reason", reason)]
    blocks = [{"type": "input", "block_id": name, "label": plain(name), "element": item} for name, item in fields]
    shell = {"type": "modal", "callback_id": "request", "title": plain("Request"), "submit": plain("Ask")}
    return shell | {"blocks": blocks}


def test_a_form_goes_all_the_way_through_bolt_and_from_another_process(slack, app):
    queries, asked = [], []

    @app.command("/jit")
    def jit(ack, body, client):
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=request_form())

    @app.options("access")
    def options(ack, payload):
        queries.append(payload["value"])
        ack(options=[{"text": plain("orders-db/read"), "value": "orders-db/read"}])

    @app.view("request")
    def submitted(ack, view, body, client):
        reason = view["state"]["values"]["Reason"]["reason"]["value"]
        if reason == "because":
            return ack(response_action="errors", errors={"Reason": "say more"})
        ack()
        asked.append(view["state"]["values"]["Access"]["access"]["selected_option"]["value"])
        return client.chat_postMessage(channel=REQUESTS, **card(text=reason))

    alice = Person(elsewhere(slack.url), ALICE)
    with connected(slack, app):
        assert alice.command("/jit", "request", channel=REQUESTS).ok
        form = alice.form()
        assert form.options("Access", "ord") == ["orders-db/read"]
        form.fill(Access="orders-db/read", Reason="because")
        assert form.submit().errors == {"Reason": "say more"}
        form.fill(Reason="INC-42 db down")
        assert form.submit().errors == {}
        assert not alice.has_form()
        seen = alice.finds("INC-42", channel=REQUESTS)
    assert queries == ["ord", "orders-db/read"]
    assert asked == ["orders-db/read"]
    assert seen.buttons == ["Approve", "Deny", "Revoke now"]


def test_an_answer_by_respond_reaches_the_presser_alone(slack, app, stage, alice):
    @app.action("approve")
    def approve(ack, respond):
        ack()
        respond("not you")

    app.client.chat_postMessage(channel=REQUESTS, **card())
    with connected(slack, app):
        alice.press(alice.finds("card", channel=REQUESTS), "Approve")
        assert alice.finds("not you", channel=REQUESTS).ephemeral
    assert len(Person(stage, BOB).sees(REQUESTS)) == 1


def test_a_waiting_press_does_not_hold_up_another(slack, app, stage, alice):
    go = threading.Event()

    @app.command("/slow")
    def slow(ack):
        go.wait(HUNG)
        ack()

    app.command("/fast")(lambda ack: ack())
    with connected(slack, app):
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(alice.command("/slow", channel=REQUESTS)))
        waiting.start()
        assert Person(stage, BOB).command("/fast", channel=REQUESTS).ok
        assert not answers
        go.set()
        waiting.join()
    assert answers[0].ok
