"""A reader's socket: what changes comes down by itself, and what makes no sense ends it."""

import asyncio
import json
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from playground.page.beside import Watched
from playground.page.live import NOBODY
from playground.page.reader import PAGE
from playground.sample import ALICE, AUDIT, BOB, BOT, REQUESTS, sample_workspace
from playground.server import running
from tests.world.waiting import HUNG


@pytest.fixture
def slack():
    return sample_workspace()


def post(slack, text, channel=REQUESTS):
    return slack.world.post(slack.world.channel(channel), {"user": BOB, "text": text})


def shown(frame):
    return [item["message"]["text"] for item in frame["shown"]]


@contextmanager
def page_of(slack, person=ALICE):
    """The frames of an open page, as they come in."""
    url = f"ws://{urlsplit(slack.url).netloc}/page/live?person={person}"
    with connect(url, max_size=None) as socket:
        yield socket


def frames_until(socket, found):
    """The first frame for which ``found`` is true."""
    while not found(frame := json.loads(socket.recv(HUNG))):
        pass
    return frame


@pytest.fixture
def served(slack, playgrounds):
    with playgrounds.running(slack):
        yield slack


def test_a_change_comes_down_the_socket_by_itself(served):
    with page_of(served) as socket:
        frames_until(socket, lambda frame: frame["kind"] == "home")
        message = post(served, "live", AUDIT)
        frame = frames_until(socket, lambda frame: frame["kind"] == "messages")
        assert frame["shown"][0]["message"]["ts"] == message["ts"]


def test_two_people_read_side_by_side(served):
    with page_of(served) as alice, page_of(served, BOB) as bob:
        for socket in (alice, bob):
            frames_until(socket, lambda frame: frame["kind"] == "home")
        served.world.whisper(REQUESTS, ALICE, {"user": BOT, "text": "for Alice"})
        post(served, "for both")
        assert "for Alice" in shown(frames_until(alice, lambda f: f["kind"] == "messages"))[0]
        assert shown(frames_until(bob, lambda f: f["kind"] == "messages")) == ["for both"]


def test_an_older_page_comes_when_it_is_asked_for(served):
    said = [post(served, str(number)) for number in range(PAGE + 1)]
    with page_of(served) as socket:
        frames_until(socket, lambda frame: frame["kind"] == "home")
        socket.send(json.dumps({"want": "older", "channel": REQUESTS, "before": said[1]["ts"]}))
        assert shown(frames_until(socket, lambda frame: frame["kind"] == "messages")) == ["0"]


def test_who_comes_without_a_name_reads_as_the_first_to_play(served):
    with page_of(served, "") as socket:
        assert frames_until(socket, lambda frame: frame["kind"] == "hello")["me"]["id"] == ALICE


def test_nobody_reads_as_somebody_who_cannot_be_played(served):
    for person in ("U0NOBODY", BOT):
        with page_of(served, person) as socket, pytest.raises(ConnectionClosed) as closed:
            socket.recv(HUNG)
        assert closed.value.rcvd.code == NOBODY


def test_a_page_that_makes_no_sense_is_closed(served):
    for said in ("not JSON", "{}", b"bytes", "[" * 100_000):
        with page_of(served) as socket:
            socket.send(said)
            with pytest.raises(ConnectionClosed) as closed:
                list(socket)
        assert closed.value.rcvd.code == 1008, said[:10]


def test_a_page_that_went_away_is_forgotten(served, monkeypatch):
    world, watching = served.world, []
    watch = world.watch

    def counted(told):
        watching.append(told)
        unwatch = watch(told)
        return lambda: (unwatch(), watching.remove(told))

    monkeypatch.setattr(world, "watch", counted)
    with page_of(served) as socket:
        socket.recv(HUNG)
        assert len(watching) == 1
    world.wait_for(lambda: not watching)


def test_the_server_ends_with_pages_open(slack):
    with running(slack, {}), page_of(slack) as socket:
        socket.recv(HUNG)


class Scenery:
    """Something beside the chat: one number that can be turned."""

    def __init__(self):
        self.number = 1
        self.asked = 0

    def state(self):
        self.asked += 1
        if self.number < 0:
            raise RuntimeError("out of order")
        return {"number": self.number}

    def act(self, verb, values):
        if verb != "turn":
            raise KeyError(verb)
        if not values.get("to"):
            raise ValueError("Say what to turn it to.")
        self.number = values["to"]
        return {"turned": self.number}


def test_what_stands_beside_is_told_when_it_looks_different(slack, playgrounds):
    scenery = Scenery()
    with playgrounds.running(slack, scenery), page_of(slack) as socket:
        hello = frames_until(socket, lambda frame: frame["kind"] == "hello")
        assert hello["beside"]
        assert frames_until(socket, lambda frame: frame["kind"] == "beside")["state"] == {"number": 1}
        scenery.number, asked = -1, scenery.asked
        slack.world.wait_for(lambda: scenery.asked > asked + 2)
        scenery.number = 2
        assert frames_until(socket, lambda frame: frame["kind"] == "beside")["state"] == {"number": 2}


def test_nobody_looks_beside_while_no_page_is_open():
    async def opened_and_closed():
        watched = Watched(Scenery(), lambda: None)
        with watched.page_open(), watched.page_open():
            looking = asyncio.all_tasks() - {asyncio.current_task()}
            assert len(looking) == 1
        await asyncio.wait(looking)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(opened_and_closed())
