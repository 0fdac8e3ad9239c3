"""What comes in over HTTP and is not taken: no listener hears of it, and the log says no more than why."""

import json
import socket
import threading
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
import structlog
from slack_bolt import BoltResponse

from bot.http import Signatures, SlackEndpoint, application, serving
from bot.http.endpoint import LARGEST
from bot.manifest import REQUEST_PATH
from jit.runtime.settings import Address, CannotStart
from jit.testing import ManualClock
from playground.sample import SIGNING_SECRET
from tests.world.waiting import HUNG
from tests.world.web import FORM, JSON, Answer, Signer, ask, free_port, send

SECRET_WORDS = "hunter2-Zq9 is what was typed"
BODY = json.dumps({"type": "event_callback", "event": {"text": SECRET_WORDS}}).encode()


class Well:
    """A health in which nothing is wrong, or something."""

    def __init__(self):
        self.parts = {"slack": True}

    def alive(self):
        return self.parts

    ready = alive

    def shown(self):
        return True


class House:
    """A web server whose endpoint hands on to a listener that notes what it heard."""

    def __init__(self):
        self.clock = ManualClock()
        self.port = free_port()
        self.signer = Signer(self.port, self.clock.now().timestamp())
        self.health = Well()
        self.heard = []
        self.answer = BoltResponse(status=200, body="")
        self.endpoint = SlackEndpoint(Signatures(SIGNING_SECRET, self.clock))

    def dispatch(self, request):
        self.heard.append(request.body)
        return self.answer

    def sign(self, body=BODY, content_type=JSON):
        return self.signer.sign(body, content_type)

    def send(self, posted) -> Answer:
        return send(self.port, posted)

    def post(self, headers, body=BODY) -> Answer:
        return ask(self.port, "POST", REQUEST_PATH, body, headers)


@contextmanager
def opened():
    house = House()
    app = application(house.health, house.endpoint)
    with serving(app, Address("127.0.0.1", house.port), threading.Event()), house.endpoint.open(house.dispatch):
        yield house


@pytest.fixture(scope="module")
def running():
    with opened() as house:
        yield house


@pytest.fixture
def house(running):
    """Heard nothing yet, and a second later, so that nothing is a replay."""
    running.clock.move(seconds=1)
    running.signer.now = running.clock.now().timestamp()
    running.heard.clear()
    running.answer = BoltResponse(status=200, body="")
    return running


@pytest.fixture
def log():
    with structlog.testing.capture_logs() as lines:
        yield lines


def refused(answer: Answer, status: int, reason: str, house: House, log: list, *, case: object = "") -> None:
    assert (answer.status, answer.body) == (status, b""), case
    assert house.heard == [], case
    assert log == [{"event": "http.refused", "reason": reason, "log_level": log[0]["log_level"]}], case
    log.clear()


def test_what_slack_signed_is_heard_and_its_answer_goes_back(house):
    house.answer = BoltResponse(status=200, body={"response_action": "errors", "errors": {"reason": "say why"}})
    answer = house.send(house.sign())
    assert (answer.status, json.loads(answer.body)) == (200, house.answer.body and json.loads(house.answer.body))
    assert answer.content_type.startswith("application/json")
    assert house.heard == [json.loads(BODY)]


def test_an_empty_acknowledgement_is_an_empty_answer(house):
    answer = house.send(house.sign())
    assert (answer.status, answer.body) == (200, b"")


def test_commands_presses_and_events_are_heard_as_in_socket_mode(house):
    for body, content_type, heard in (
        (urlencode({"command": "/jit", "text": "list ü & so"}), FORM, {"command": "/jit", "text": "list ü & so"}),
        (urlencode({"payload": '{"type": "block_actions"}'}), FORM, {"type": "block_actions"}),
        ('{"type": "event_callback"}', f"{JSON}; charset=utf-8", {"type": "event_callback"}),
        (urlencode({"text": "payload", "user_id": ""}), FORM, {"text": "payload", "user_id": ""}),
    ):
        assert house.send(house.sign(body.encode(), content_type)).status == 200, body
        assert house.heard.pop() == heard


def stamped(house, **changes: str | None) -> list[tuple[str, str]]:
    headers = {**house.sign().headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return [(name, value) for name, value in headers.items() if value is not None]


UNSIGNED = {
    "no timestamp": {"X_Slack_Request_Timestamp": None},
    "no signature": {"X_Slack_Signature": None},
    "words for a time": {"X_Slack_Request_Timestamp": "yesterday"},
    "a time with a sign": {"X_Slack_Request_Timestamp": "+1700000000"},
    "digits that the SDK would read": {"X_Slack_Request_Timestamp": "1_700_000_000"},
    "digits of another alphabet": {"X_Slack_Request_Timestamp": "\u00b2"},
    "a time beyond all numbers": {"X_Slack_Request_Timestamp": "9" * 5000},
    "an empty signature": {"X_Slack_Signature": ""},
    "a signature of another version": {"X_Slack_Signature": f"v1={'0' * 64}"},
    "a signature in capitals": {"X_Slack_Signature": f"v0={'A' * 64}"},
    "a signature that is too short": {"X_Slack_Signature": "v0=00"},
    "a signature outside of ASCII": {"X_Slack_Signature": f"v0={'é' * 64}"},
}


def test_without_slacks_two_headers_nothing_is_taken(house, log):
    for case, changes in UNSIGNED.items():
        refused(house.post(stamped(house, **changes)), 401, "unsigned", house, log, case=case)


def test_a_header_there_twice_is_none(house, log):
    for name in ("X-Slack-Request-Timestamp", "X-Slack-Signature"):
        headers = stamped(house)
        refused(house.post([*headers, (name, dict(headers)[name])]), 401, "unsigned", house, log, case=name)


def test_a_signature_of_another_time_is_refused(house, log):
    now = house.signer.now
    for seconds in (-301, 301, -3600, 86_400):
        house.signer.now = now + seconds
        refused(house.send(house.sign()), 401, "not_of_now", house, log, case=seconds)


def test_clocks_may_differ_by_five_minutes(house):
    now = house.signer.now
    for seconds in (-299, 299):
        house.signer.now = now + seconds
        assert house.send(house.sign()).status == 200, seconds


def test_a_signature_by_another_secret_is_refused(house, log):
    headers = stamped(house, X_Slack_Signature=f"v0={'0' * 64}")
    refused(house.post(headers), 401, "forged", house, log)


def test_a_signature_is_for_one_body_alone(house, log):
    refused(house.post(stamped(house), BODY.replace(b"typed", b"Typed")), 401, "forged", house, log)


def test_a_signature_is_for_one_time_alone(house, log):
    later = str(int(house.signer.now) + 1)
    refused(house.post(stamped(house, X_Slack_Request_Timestamp=later)), 401, "forged", house, log)


def test_the_same_is_taken_once(house, log):
    posted = house.sign()
    assert house.send(posted).status == 200
    house.heard.clear()
    refused(house.send(posted), 401, "replayed", house, log)
    house.clock.move(seconds=299)
    assert house.send(posted).status == 401
    assert house.heard == []


def test_an_event_delivered_again_is_signed_anew_and_taken(house):
    assert house.send(house.sign()).status == 200
    house.signer.now += 1
    assert house.send(house.sign()).status == 200
    assert len(house.heard) == 2


def test_only_posts_are_taken(house, log):
    for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
        refused(ask(house.port, method, REQUEST_PATH, b"", stamped(house)), 405, "method", house, log, case=method)


def test_nothing_else_is_there(house, log):
    for path in ("/", "/slack", f"{REQUEST_PATH}/", "/slack/install", "//slack/events", "/%2e%2e"):
        refused(ask(house.port, "POST", path, BODY, stamped(house)), 404, "nowhere", house, log, case=path)


UNREADABLE = {
    "no content type": (BODY, ""),
    "text": (BODY, "text/plain"),
    "a form in parts": (BODY, "multipart/form-data; boundary=x"),
    "JSON that ends too early": (BODY[:-1], JSON),
    "nothing": (b"", JSON),
    "a list": (b"[]", JSON),
    "a number": (b"1", JSON),
    "null": (b"null", JSON),
    "lists in lists": (b"[" * 200_000, JSON),
    "a number too long to read": (b'{"a": ' + b"9" * 5000 + b"}", JSON),
    "not UTF-8": (b'{"a": "\xff"}', JSON),
    "a form that is not UTF-8": (b"text=%ff", FORM),
    "a payload that is no JSON": (b"payload=%7B", FORM),
    "a payload that is a list": (b"payload=[]", FORM),
    "too many fields": (b"&".join(b"a%d=1" % number for number in range(101)), FORM),
    "authorizations that are a number": (b'{"authorizations": 7}', JSON),
}


def test_what_is_signed_but_not_as_slack_writes_is_refused(house, log):
    for case, (body, content_type) in UNREADABLE.items():
        refused(house.send(house.sign(body, content_type)), 400, "unreadable", house, log, case=case)


def test_two_content_types_are_none(house, log):
    refused(house.post([*stamped(house), ("Content-Type", FORM)]), 400, "unreadable", house, log)


def test_a_body_said_to_be_too_large_is_not_waited_for(house, log):
    headers = [*stamped(house), ("Content-Length", str(LARGEST + 1))]
    refused(house.post(headers, b""), 413, "too_large", house, log)


def test_a_body_that_grows_too_large_is_not_read_to_its_end(house, log):
    """It has no end: the answer comes before one."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=HUNG) as wire:
        head = [f"POST {REQUEST_PATH} HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"]
        head += [f"{name}: {value}" for name, value in stamped(house)]
        wire.sendall("\r\n".join([*head, "", ""]).encode())
        chunk = b"x" * 50_000
        for _ in range(LARGEST // len(chunk) + 1):
            wire.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        status = wire.recv(64).split()[1]
    refused(Answer(int(status), b"", ""), 413, "too_large", house, log)


def test_the_largest_body_is_taken(house):
    body = json.dumps({"type": "x", "text": ""}).encode()
    body = body.replace(b'""', b'"' + b"x" * (LARGEST - len(body)) + b'"')
    assert len(body) == LARGEST
    assert house.send(house.sign(body)).status == 200


def test_a_body_that_does_not_come_is_given_up(house, log, monkeypatch):
    monkeypatch.setattr("bot.http.endpoint.WITHIN", 0.1)
    headers = [*stamped(house), ("Content-Length", "10")]
    refused(house.post(headers, b"12345"), 408, "incomplete", house, log)


def test_a_closed_door_takes_nothing_and_remembers_nothing(log):
    with opened() as house:
        posted = house.sign()
        with house.endpoint.open(house.dispatch):
            log.clear()
        refused(house.send(posted), 503, "not_open", house, log)
        with house.endpoint.open(house.dispatch):
            assert house.send(posted).status == 200


def test_without_a_door_slacks_path_is_not_there(log):
    port = free_port()
    with serving(application(Well(), None), Address("127.0.0.1", port), threading.Event()):
        assert send(port, Signer(port).sign(BODY)).status == 404
        assert ask(port, "GET", "/healthz").status == 200


def test_a_slow_listener_keeps_nobody_else_waiting():
    with opened() as house:
        go_on, waiting = threading.Event(), threading.Event()

        def slow(request):
            if request.body.get("slow"):
                waiting.set()
                assert go_on.wait(HUNG)
            return BoltResponse(status=200, body=request.body["type"])

        with house.endpoint.open(slow):
            answers = []
            posted = house.sign(b'{"type": "a", "slow": true}')
            thread = threading.Thread(target=lambda: answers.append(house.send(posted)))
            thread.start()
            assert waiting.wait(HUNG)
            assert house.send(house.sign(b'{"type": "b"}')).body == b"b"
            assert ask(house.port, "GET", "/healthz").status == 200
            go_on.set()
            thread.join(HUNG)
        assert [answer.body for answer in answers] == [b"a"]


def test_a_fault_of_ours_is_logged_without_what_was_sent(house, log, capfd):
    def fails(request):
        raise RuntimeError(request.body)

    with opened() as other, other.endpoint.open(fails):
        assert other.send(other.sign()).status == 500
    assert [line["event"] for line in log if line["log_level"] == "error"] == ["fault.unexpected"]
    assert SECRET_WORDS not in str(log)
    assert SECRET_WORDS not in "".join(capfd.readouterr())


def test_each_part_is_named_and_one_that_fails_is_a_503(house):
    for path, word, more in (("/healthz", "alive", {}), ("/readyz", "ready", {"shown": True})):
        answer = ask(house.port, "GET", path)
        assert (answer.status, json.loads(answer.body)) == (200, {word: True, "parts": {"slack": True}, **more})
        house.health.parts["ledger"] = False
        answer = ask(house.port, "GET", path)
        assert (answer.status, json.loads(answer.body)) == (503, {word: False, "parts": house.health.parts, **more})
        del house.health.parts["ledger"]


def test_a_server_that_ends_by_itself_stops_the_bot(monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda *_: None)
    stop = threading.Event()
    with serving(application(Well(), None), Address("127.0.0.1", free_port()), stop):
        assert stop.wait(HUNG)


def test_an_address_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with (
            pytest.raises(CannotStart, match="JIT_LISTEN"),
            serving(application(Well(), None), address, threading.Event()),
        ):
            pass
    with (
        pytest.raises(CannotStart, match="JIT_LISTEN"),
        serving(application(Well(), None), Address("no.such.host.invalid", 3000), threading.Event()),
    ):
        pass
