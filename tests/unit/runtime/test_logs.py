"""What reaches a log line: where every fact is, no secret, and no word about people."""

import io
import json
import logging
from dataclasses import dataclass

import pytest
import structlog
from pydantic import SecretStr

from jit.ledger import Conflict
from jit.runtime.logs import HIDDEN, hide_secrets, set_up
from tests.world.office import Office

SECRET = "hunter2-Zq9"
TEXTS = {
    "bot token": f"no answer for xoxb-1-2-{SECRET}",
    "app token": f"no answer for xapp-1-A-{SECRET}",
    "rotated token": f"xoxe.xoxp-1-{SECRET}",
    "database address": f"postgresql://jit:{SECRET}@db.example:5432/x refused",
    "password with an at sign": f"postgresql://jit:a@{SECRET}@db.example/x",
    "address without a user": f"redis://:{SECRET}@cache:6379/0",
    "connection string": f"host=db user=jit password={SECRET} dbname=x",
    "response address": f"POST https://hooks.slack.com/actions/T1/2/{SECRET} gave 500",
    "socket address": f"wss://wss-primary.slack.com/link/?ticket={SECRET}&app_id=x",
    "header": f"Authorization: Bearer {SECRET}",
    "json": json.dumps({"ok": False, "token": SECRET}),
}
NAMES = (
    "token slack_bot_token SLACK_SIGNING_SECRET password dsn orders_dsn redis_url response_url url worker_key "
    "authorization x_slack_signature"
)


def line(**event):
    return structlog.processors.JSONRenderer()(None, "info", hide_secrets(None, "info", event))


@pytest.fixture
def written(monkeypatch):
    """Log lines as they leave the process."""
    root = logging.getLogger()
    level, others, stream = root.level, root.handlers[:], io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr("sys.stderr", stream)
        set_up()
    structlog.configure(cache_logger_on_first_use=False)  # or loggers would keep this test's ways for all others
    [ours] = root.handlers
    root.handlers[:] = [*others, ours]
    yield lambda: [json.loads(each) for each in stream.getvalue().splitlines()]
    root.removeHandler(ours)
    root.setLevel(level)
    structlog.reset_defaults()


@dataclass
class Thing:
    address: str


def test_what_has_the_shape_of_a_secret_is_hidden_wherever_it_stands():
    for what, text in TEXTS.items():
        assert SECRET not in line(event=text), what
        for value in (text, {"inner": [{"deep": (text,)}]}, {text: 1}, {text}, ValueError(text), Thing(text)):
            assert SECRET not in line(event="x", because=value), what
        assert SECRET not in line(event="x", because=text.encode()), what


def test_what_is_called_a_secret_is_hidden_whatever_it_is():
    for name in NAMES.split():
        for value in (SECRET, [SECRET], {"a": SECRET}, SECRET.encode(), SecretStr(SECRET)):
            assert SECRET not in line(event="x", **{name: value}), name
            assert SECRET not in line(event="x", settings={"inner": {name: value}}), name


def test_the_rest_stays_as_it_is():
    event = {"event": "grant.begun", "request_id": "R-7F3K", "count": 3, "late": False, "by": None, "to": ["a", "b"]}
    assert hide_secrets(None, "info", dict(event)) == event
    said = line(event="x", at="https://db.example:5432/x", why="look at the passwords page")
    assert HIDDEN not in said


def test_no_library_and_no_traceback_lets_one_through(written):
    def connect(dsn, words):
        raise ConnectionError(f"cannot reach {dsn}")

    for logger in (structlog.get_logger("jit.x"), logging.getLogger("some.library")):
        try:
            connect(TEXTS["database address"], "what somebody typed")
        except ConnectionError:
            logger.exception("connection.failed")
    logging.getLogger("some.library").warning("token is %s", TEXTS["bot token"])
    lines = written()
    assert [each["event"] for each in lines[:2]] == ["connection.failed"] * 2
    assert lines[0]["exception"][0]["exc_type"] == "ConnectionError"
    assert len(lines) == 3
    text = json.dumps(lines)
    assert SECRET not in text
    assert "what somebody typed" not in text


def test_no_traceback_repeats_what_a_fault_says_of_people(written):
    inner = ValueError("alice may not")
    inner.add_note("said alice")
    structlog.get_logger("jit.x").error("work.failed", exc_info=ExceptionGroup("of alice", [inner]))
    [each] = written()
    assert "alice" not in json.dumps(each)
    [group] = each["exception"]
    assert (group["exc_type"], group["exceptions"][0][0]["exc_type"]) == ("ExceptionGroup", "ValueError")


def test_every_fact_is_a_log_line_once_it_is_recorded(tmp_path, written):
    office = Office(tmp_path)
    request = office.approved()
    lines = [each for each in written() if each["event"] == "entry.recorded"]
    entries = office.ledger.read()
    assert [each["index"] for each in lines] == [1, 2, 3]
    assert [each["hash"] for each in lines] == [entry.hash for entry in entries]
    assert [(each["kind"], each["request_id"]) for each in lines] == [
        (entry.fact.kind, request.id) for entry in entries
    ]
    assert lines[0]["logger"] == "jit.ledger.store"


def test_what_was_not_recorded_is_no_log_line(tmp_path, written):
    office = Office(tmp_path)
    request = office.asked()
    with pytest.raises(Conflict):
        office.ledger.append([office.facts()[0]], expect={request.id: 0})
    assert [each["event"] for each in written()] == ["entry.recorded"]
