"""The page's addresses: kept apart from pages elsewhere, and sealed against what a message may hold."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from playground.page.routes import STATIC
from playground.sample import ALICE, sample_workspace
from tests.world.waiting import HUNG

SEAL = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.*"))


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
def slack(playgrounds):
    slack = sample_workspace()
    with playgrounds.running(slack, beside=Lamp()):
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


def test_every_answer_of_the_page_is_sealed_and_every_file_is_what_it_is(slack):
    kinds = {"js": "javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
    for path in ("/", *(f"/page/{name}" for name in FILES), "/page/nothing.js", "/nothing"):
        answer, _ = asked(slack, path)
        sealed = {name: answer.headers[name] for name in SEAL}
        assert (answer.status, sealed) == (404 if "nothing" in path else 200, SEAL), path
        if path.removeprefix("/page/") in FILES:
            assert kinds[path.rpartition(".")[2]] in answer.headers["Content-Type"], path


def test_nothing_of_the_page_can_put_markup_into_it():
    words = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=", " onclick=")
    texts = {name: (STATIC / name).read_text() for name in FILES if name.endswith((".js", ".html"))}
    assert [(name, word) for name, text in texts.items() for word in words if word in text] == []


def test_whatever_lies_in_a_room_is_looked_at():
    assert {"index.html", "main.js", "style/colours.css", "blocks/blocks.js"} <= set(FILES)


def test_every_file_the_page_names_is_there(slack):
    _, body = asked(slack, "/")
    named = {part.split(b'"')[0].decode() for part in body.split(b'"/page/')[1:]}
    assert named
    assert named <= set(FILES)


def test_nothing_but_the_pages_own_files_is_handed_out(slack):
    for path in ("/page/../routes.py", "/page/%2e%2e/routes.py", "/page//etc/passwd", "/page/.."):
        assert asked(slack, path)[0].status == 404, path


ELSEWHERE = ("https://evil.example", "http://localhost:1", "null")


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/page/main.js"), ("POST", "/beside/light")])
def test_a_foreign_host_or_origin_is_refused(slack, method, path):
    for foreign in ({"Host": "evil.example"}, *({"Origin": origin} for origin in ELSEWHERE)):
        assert asked(slack, path, method, "{}", **foreign)[0].status == 403, foreign


def live(slack, **headers):
    url = f"ws://{urlsplit(slack.url).netloc}/page/live?person={ALICE}"
    with connect(url, additional_headers=headers) as socket:
        return json.loads(socket.recv(HUNG))["kind"]


def test_a_page_of_our_own_may_read_along_and_one_elsewhere_not(slack):
    assert live(slack, Origin=slack.url) == "hello"
    for foreign in ({"Host": "evil.example"}, *({"Origin": origin} for origin in ELSEWHERE)):
        with pytest.raises(InvalidStatus):
            live(slack, **foreign)


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


def test_without_anything_beside_nothing_acts(playgrounds):
    slack = sample_workspace()
    with playgrounds.running(slack):
        assert asked(slack, "/beside/light", "POST", "{}")[0].status == 404
