"""JSON that is none, or that holds what cannot be told on: refused on the way in, and no page or app is lost to it."""

import http.client
import json
from threading import Thread
from urllib.parse import urlencode, urlsplit

import pytest
from websockets.sync.client import connect

from playground.sample import ALICE, APP_TOKEN, BOB, BOT_TOKEN, REQUESTS, sample_workspace
from tests.world.waiting import HUNG

HALF = "\\ud800"
"""Half of a surrogate pair, as JSON can write it and UTF-8 cannot."""


class Notebook:
    """Beside the chat: keeps what it is told."""

    def __init__(self):
        self.kept = []
        self.said = "nothing"

    def state(self):
        return {"said": self.said}

    def act(self, verb, values):
        self.kept.append(values.get("sql"))


@pytest.fixture
def notebook():
    return Notebook()


@pytest.fixture
def slack(notebook, playgrounds):
    slack = sample_workspace()
    with playgrounds.running(slack, notebook):
        yield slack


def posted(slack, path, body, kind="application/json", token=BOT_TOKEN):
    connection = http.client.HTTPConnection(urlsplit(slack.url).netloc)
    try:
        connection.request("POST", path, body, {"Content-Type": kind, "Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def page_of(slack):
    return connect(f"ws://{urlsplit(slack.url).netloc}/page/live?person={ALICE}", max_size=None)


def told(socket, text):
    """A frame comes that holds ``text``."""
    while text not in json.dumps(json.loads(socket.recv(HUNG))):
        pass


BLOCKS = f'[{{"type": "section", "text": {{"type": "plain_text", "text": "{HALF}"}}}}]'


def test_half_a_character_in_blocks_is_refused_as_slack_refuses_blocks(slack):
    body = urlencode({"channel": REQUESTS, "text": "x", "blocks": BLOCKS})
    said = posted(slack, "/api/chat.postMessage", body, "application/x-www-form-urlencoded")[1]
    assert said["error"] == "invalid_blocks_format"
    assert not slack.world.channel(REQUESTS).messages


def test_half_a_character_in_arguments_is_refused(slack):
    for field in (f'"text": "{HALF}"', f'"text": "x", "blocks": {BLOCKS}', f'"{HALF}": 1'):
        said = posted(slack, "/api/chat.postMessage", f'{{"channel": "{REQUESTS}", {field}}}')[1]
        assert said["error"] == "invalid_arguments", field
    assert not slack.world.channel(REQUESTS).messages


def test_what_cannot_be_told_on_is_refused_by_the_stage_and_what_stands_beside(slack, notebook):
    for wrong in (f'"{HALF}"', "NaN", "1e999", "[" * 100_000, "not JSON"):
        for path, name in (("/control/say", "text"), ("/beside/query", "sql")):
            status, said = posted(slack, path, f'{{"person": "{BOB}", "channel": "{REQUESTS}", "{name}": {wrong}}}')
            assert (status, bool(said["error"])) == (400, True), (path, wrong[:10])
    assert notebook.kept == []
    assert not slack.world.channel(REQUESTS).messages


def test_what_stands_beside_is_asked_with_an_object(slack, notebook):
    for values in ("[1]", "1", '"x"', "null"):
        answered = posted(slack, "/beside/query", values)
        assert answered == (400, {"error": "What was sent is no JSON object."}), values
    assert notebook.kept == []


def test_no_frame_ends_a_page(slack, notebook):
    with page_of(slack) as socket:
        told(socket, '"home"')
        slack.world.post(slack.world.channel(REQUESTS), {"user": BOB, "text": "\ud800"})
        notebook.said = "\ud801"
        told(socket, "\\ud801")
        slack.world.post(slack.world.channel(REQUESTS), {"user": BOB, "text": "afterwards"})
        told(socket, "afterwards")


def test_what_acknowledges_nothing_leaves_the_app_connected(slack):
    url = posted(slack, "/api/apps.connections.open", "", token=APP_TOKEN)[1]["url"]
    with connect(url) as socket:
        socket.recv(HUNG)
        for nonsense in ("not JSON", "[1]", f'{{"envelope_id": "{HALF}"}}', "[" * 100_000):
            socket.send(nonsense)
        slack.hub.patience, acks = HUNG, []
        asked = Thread(target=lambda: acks.append(slack.hub.ask("interactive", {})))
        asked.start()
        envelope = json.loads(socket.recv(HUNG))["envelope_id"]
        socket.send(json.dumps({"envelope_id": envelope, "payload": {"text": "heard"}}))
        asked.join()
    assert acks == [{"text": "heard"}]
