"""Who opens connections to the bot and does not get on with it: they are let go, and keep nobody out."""

import http.client
import json
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress

import pytest
from starlette.responses import Response

from bot.http import Signatures, SlackEndpoint, application, serving
from bot.manifest import REQUEST_PATH
from jit.clock import SystemClock
from jit.runtime.settings import Address
from tests.world.waiting import HUNG, wait_until
from tests.world.web import ask, free_port

HALF_A_HEAD = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX-A: "
A_LOOK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Well:
    def alive(self):
        return {"bot": True}

    ready = alive

    def shown(self):
        return True


@pytest.fixture
def port():
    found = free_port()
    with serving(application(Well(), None), Address("127.0.0.1", found), threading.Event()):
        yield found


@pytest.fixture
def bounds(monkeypatch):
    """Set what connections are held to, for this test."""

    def bound(**limits):
        for name, value in limits.items():
            monkeypatch.setattr(f"bot.http.connection.{name.upper()}", value)

    return bound


@contextmanager
def connected(port):
    with socket.create_connection(("127.0.0.1", port), timeout=HUNG) as wire:
        yield wire


def is_closed(wire):
    wire.setblocking(False)
    try:
        return wire.recv(65_536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def is_cut(wire):
    """As another drop of a head shows."""
    try:
        wire.send(b"a")
    except OSError:
        return True
    return False


def test_half_a_head_is_not_waited_for(port, bounds):
    bounds(head_within=0.2)
    with connected(port) as wire:
        wire.sendall(HALF_A_HEAD)
        assert wire.recv(1) == b""


def test_a_head_that_comes_in_drops_gains_no_time(port, bounds):
    bounds(head_within=0.2)
    with connected(port) as wire:
        wire.sendall(HALF_A_HEAD)
        wait_until(lambda: is_cut(wire))


def test_half_a_head_behind_an_answer_is_not_waited_for(port, bounds):
    bounds(head_within=1.0)  # the first head has to be there by then
    with connected(port) as wire:
        wire.sendall(A_LOOK)
        told = b""
        while not told.endswith(b"}}"):
            told += wire.recv(1000)
        wire.sendall(HALF_A_HEAD)
        assert wire.recv(1) == b""


def test_who_does_not_take_the_answer_is_not_waited_for(bounds):
    bounds(answered_within=0.3, head_within=0.3)
    port = free_port()
    with serving(Response(b"x" * 20_000_000), Address("127.0.0.1", port), threading.Event()), connected(port) as wire:
        wire.sendall(A_LOOK)
        wait_until(lambda: is_cut(wire))


def test_many_that_send_half_a_head_keep_nobody_out_and_few_are_held(port, bounds):
    bounds(most=8, head_within=3600.0)
    with ExitStack() as open_ones:
        crowd = [open_ones.enter_context(connected(port)) for _ in range(100)]
        for wire in crowd:
            with suppress(OSError):  # this one was let go already
                wire.sendall(HALF_A_HEAD)
        answer = ask(port, "GET", "/healthz")
        assert (answer.status, json.loads(answer.body)["alive"]) == (200, True)
        left = list(crowd)

        def few():
            left[:] = [wire for wire in left if not is_closed(wire)]
            return len(left) <= 8

        wait_until(few)
        assert crowd[-1] in left


def test_many_that_promise_a_body_and_send_it_in_drops_keep_nobody_out(bounds):
    """A head with any signature of now is enough to have a body waited for."""
    bounds(most=8)
    clock, port = SystemClock(), free_port()
    stamp = f"X-Slack-Request-Timestamp: {int(clock.now().timestamp())}\r\nX-Slack-Signature: v0={'0' * 64}\r\n"
    half = f"POST {REQUEST_PATH} HTTP/1.1\r\nHost: x\r\n{stamp}Content-Length: 1000\r\n\r\nab".encode()
    endpoint = SlackEndpoint(Signatures("secret", clock))
    app = application(Well(), endpoint)
    with (
        serving(app, Address("127.0.0.1", port), threading.Event()),
        endpoint.open(lambda _: None),
        ExitStack() as crowd,
    ):
        wires = [crowd.enter_context(connected(port)) for _ in range(20)]
        for wire in wires:
            with suppress(OSError):  # this one was let go already
                wire.sendall(half)
        wait_until(lambda: sum(map(is_closed, wires)) >= 12)
        assert ask(port, "GET", "/healthz").status == 200


def test_who_is_about_to_be_answered_is_not_the_one_who_goes(port, bounds, monkeypatch):
    go_on, asked = threading.Event(), threading.Event()

    def slow(_):
        asked.set()
        assert go_on.wait(HUNG)
        return {"bot": True}

    monkeypatch.setattr(Well, "ready", slow)
    bounds(most=4, head_within=3600.0)
    with connected(port) as first, ExitStack() as open_ones:
        first.sendall(A_LOOK.replace(b"healthz", b"readyz"))
        assert asked.wait(HUNG)
        crowd = [open_ones.enter_context(connected(port)) for _ in range(20)]
        wait_until(lambda: sum(is_closed(wire) for wire in crowd) >= 17)
        go_on.set()
        first.setblocking(True)
        assert first.recv(12) == b"HTTP/1.1 200"


def test_a_connection_is_kept_from_one_request_to_the_next(port):
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=HUNG)
    kept = set()
    for _ in range(3):
        wire.request("GET", "/healthz")
        assert wire.getresponse().read()
        kept.add(wire.sock)
    assert len(kept) == 1
    assert None not in kept
    wire.close()
