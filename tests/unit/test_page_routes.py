"""The page's addresses: kept apart from pages elsewhere, and sealed against what a message may hold."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.playground.page import routes
from bot.playground.sample import ALICE, sample_workspace
from bot.playground.server import running

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES = sorted(path.relative_to(routes._STATIC).as_posix() for path in routes._STATIC.rglob("*.*"))


class Lamp:
    """Beside the chat: it can be lit."""

    def state(self):
        return {}

    def act(self, verb, values):
        if verb != "light":
            raise KeyError(verb)
        if "colour" not in values:
            raise ValueError("Say which colour.")
        return values["colour"]


@pytest.fixture
def slack():
    slack = sample_workspace()
    with running(slack, {}, beside=Lamp()):
        yield slack


def asked(slack, path, method="GET", body=None, **headers):
    place = urlsplit(slack.url).netloc
    connection = http.client.HTTPConnection(place)
    try:
        connection.request(method, path, body, {"Host": place, **headers})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/", *(f"/page/{name}" for name in FILES), "/page/nothing.js", "/nothing"])
def test_every_answer_of_the_page_is_sealed(slack, path):
    answer, _ = asked(slack, path)
    assert answer.status == (404 if "nothing" in path else 200)
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_browser_takes_the_files_for_what_they_are(slack):
    kinds = {"js": "javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
    for name in FILES:
        answer, _ = asked(slack, f"/page/{name}")
        assert kinds[name.rpartition(".")[2]] in answer.headers["Content-Type"]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".js", ".html"))])
def test_nothing_of_the_page_can_put_markup_into_it(name):
    text = (routes._STATIC / name).read_text()
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=", " onclick="):
        assert word not in text


def test_whatever_lies_in_a_room_is_looked_at():
    assert {"index.html", "main.js", "style/colours.css", "blocks/blocks.js"} <= set(FILES)


def test_every_file_the_page_names_is_there(slack):
    _, body = asked(slack, "/")
    named = {part.split(b'"')[0].decode() for part in body.split(b'"/page/')[1:]}
    assert named
    assert named <= set(FILES)


@pytest.mark.parametrize("path", ["/page/../routes.py", "/page/%2e%2e/routes.py", "/page//etc/passwd", "/page/.."])
def test_nothing_but_the_pages_own_files_is_handed_out(slack, path):
    assert asked(slack, path)[0].status == 404


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/page/main.js"), ("POST", "/beside/light")])
def test_a_foreign_host_or_origin_is_refused(slack, method, path):
    assert asked(slack, path, method, "{}", Host="evil.example")[0].status == 403
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        assert asked(slack, path, method, "{}", Origin=origin)[0].status == 403


def live(slack, **options):
    with connect(f"ws://{urlsplit(slack.url).netloc}/page/live?person={ALICE}", **options) as socket:
        return json.loads(socket.recv(timeout=5.0))["kind"]


def test_a_page_of_our_own_may_read_along(slack):
    assert live(slack, origin=slack.url) == "hello"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:1", "null"])
def test_a_page_elsewhere_may_not_read_along(slack, origin):
    with pytest.raises(InvalidStatus):
        live(slack, origin=origin)


def test_a_foreign_host_may_not_read_along(slack):
    with pytest.raises(InvalidStatus):
        live(slack, additional_headers={"Host": "evil.example"})


@pytest.mark.parametrize(
    ("verb", "body", "status", "said"),
    [
        ("light", '{"colour": "green"}', 200, {"result": "green"}),
        ("light", "", 400, {"error": "Say which colour."}),
        ("light", "[]", 400, {"error": "What was sent is no JSON object."}),
        ("light", "{", 400, {"error": "What was sent is no JSON object."}),
        ("light", "[" * 100_000, 400, {"error": "What was sent is no JSON object."}),
        ("explode", "{}", 404, {"error": "There is no such act."}),
    ],
)
def test_what_acts_beside_the_chat_answers_in_sentences(slack, verb, body, status, said):
    answer, raw = asked(slack, f"/beside/{verb}", "POST", body)
    assert (answer.status, json.loads(raw)) == (status, said)


def test_without_anything_beside_nothing_acts():
    slack = sample_workspace()
    with running(slack, {}):
        assert asked(slack, "/beside/light", "POST", "{}")[0].status == 404
