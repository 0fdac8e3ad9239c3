"""The playground's HTTP mode does to an app what Slack does: it signs, waits 3 s, and delivers events again."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from slack_sdk.signature import SignatureVerifier

from playground import Outage
from playground.http_mode import DELIVERY
from playground.interaction import Stage
from playground.sample import ALICE, REQUESTS, SIGNING_SECRET, sample_workspace
from tests.world.waiting import HUNG, wait_until


class App(ThreadingHTTPServer):
    """Answers with what it is told to, and notes what it got."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []
        self.answers = []
        self.go_on = threading.Event()
        self.go_on.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/slack/events"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        status, answer = self.server.answers.pop(0) if self.server.answers else (200, b"")
        self.server.go_on.wait(HUNG)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@contextmanager
def serving(app):
    thread = threading.Thread(target=app.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        app.go_on.set()
        app.shutdown()
        thread.join()
        app.server_close()


@pytest.fixture
def app():
    made = App()
    with serving(made):
        yield made


@pytest.fixture
def stage(app):
    slack = sample_workspace()
    slack.url = "http://127.0.0.1:1"
    slack.deliver_to(app.url).again_after = (0.01, 0.01, 0.01)
    return Stage(slack)


def is_signed(headers, body):
    return SignatureVerifier(SIGNING_SECRET).is_valid_request(body, headers)


def test_a_command_is_a_signed_form(stage, app):
    assert stage.command(ALICE, "/jit", "list ü", REQUESTS)["ok"]
    [(path, headers, body)] = app.got
    assert path == "/slack/events"
    assert is_signed(headers, body)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    form = {key: value for key, [value] in parse_qs(body.decode(), keep_blank_values=True).items()}
    assert (form["command"], form["text"], form["user_id"]) == ("/jit", "list ü", ALICE)


def test_a_press_is_a_signed_payload_in_a_form(stage, app):
    seen = {"view": {"id": "V1"}}
    assert stage.press(ALICE, seen, {"action_id": "approve", "type": "button"})["ok"]
    [(_, headers, body)] = app.got
    assert is_signed(headers, body)
    [payload] = parse_qs(body.decode())["payload"]
    assert json.loads(payload)["actions"][0]["action_id"] == "approve"


@pytest.mark.parametrize(
    ("answer", "ack"),
    [(b"", {}), (b'{"response_action": "clear"}', {"response_action": "clear"}), (b"Done.", {"text": "Done."})],
)
def test_the_answer_is_the_acknowledgement(stage, app, answer, ack):
    app.answers = [(200, answer)]
    assert stage.slack.delivery.ask("interactive", {}) == ack


def test_an_answer_that_says_no_is_a_failure(stage, app):
    for status in (401, 404, 500, 503):
        app.answers = [(status, b"")]
        assert stage.command(ALICE, "/jit", "", REQUESTS)["error"] == "dispatch_failed", status


def test_an_answer_that_does_not_come_is_a_time_out(stage, app):
    stage.slack.delivery.patience = 0.1
    app.go_on.clear()
    assert stage.command(ALICE, "/jit", "", REQUESTS)["error"] == "operation_timeout"


def test_an_app_that_is_not_there_is_a_failure():
    slack = sample_workspace()
    slack.deliver_to("http://127.0.0.1:1/slack/events")
    assert Stage(slack).command(ALICE, "/jit", "", REQUESTS)["error"] == "dispatch_failed"


def test_an_event_is_delivered_again_and_signed_anew_until_it_is_taken(stage, app):
    app.answers = [(503, b""), (500, b""), (200, b"")]
    stage.change_user(ALICE, guest=True)
    wait_until(lambda: len(app.got) == 3)
    assert all(is_signed(headers, body) for _, headers, body in app.got)
    assert [headers.get("X-Slack-Retry-Num") for _, headers, _ in app.got] == [None, "1", "2"]
    assert {headers["Content-Type"] for _, headers, _ in app.got} == {"application/json"}
    assert len({json.loads(body)["event_id"] for _, _, body in app.got}) == 1


def test_an_event_is_given_up_after_the_third_time_again(stage, app):
    app.answers = [(503, b"")] * 9
    delivery = DELIVERY.format(url=app.url)
    app.go_on.clear()
    stage.change_user(ALICE, guest=True)
    assert delivery in names_of_threads()
    app.go_on.set()
    wait_until(lambda: len(app.got) == 4)
    wait_until(lambda: delivery not in names_of_threads())
    assert len(app.got) == 4


def names_of_threads():
    return {thread.name for thread in threading.enumerate()}


def test_a_slack_that_is_down_sends_nothing(stage, app):
    stage.slack.break_down(Outage.UNAVAILABLE)
    assert stage.command(ALICE, "/jit", "", REQUESTS)["error"] == "dispatch_failed"
    assert app.got == []
    stage.slack.mend()
    assert stage.command(ALICE, "/jit", "", REQUESTS)["ok"]
