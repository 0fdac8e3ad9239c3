"""Who acts as a payload tells it, what people are told, and what is never let through to Bolt or the log."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from slack_bolt import BoltRequest
from slack_sdk import WebClient

from bot import answers
from bot.app import build_app
from bot.directory import SlackDirectory
from bot.listeners import request
from bot.listeners.caller import NO_TEAM, Caller, Place, entered, pressed_value, read_caller
from bot.listeners.context import outcome
from bot.listeners.events import tell_of_group
from bot.listeners.look import show_request, table
from jit.facts import Quorum, RefusalReason, Source, life_kinds
from jit.ledger import LedgerUnavailable, SpoolFailed
from jit.ledger.entry import open_entry
from jit.people.person import Person
from jit.requests.lifecycle import Request, State
from jit.requests.messages import sentence
from jit.requests.refusal import Refusal
from jit.testing import ManualClock
from jit.use_cases.actor import Actor

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
REQUEST = Request(
    id="R-7F3K",
    state=State.PENDING,
    version=1,
    requester="U01ALICE0",
    access="orders-db/read",
    target="orders-db",
    permissions=("orders_read",),
    principal="alice",
    why="db down",
    incident=None,
    policy_version="0",
    duration=timedelta(minutes=30),
    channel="C0ACCESS1",
    risk="medium",
    needs=(Quorum(label="dba", who=("group:dba",), count=1), Quorum(label="sec", who=("slack:S0SEC",), count=2)),
    asked_at=NOON,
    pending_until=NOON + timedelta(hours=8),
)


def names(who: str) -> str:
    return {"S0SEC": "security", "U01ALICE0": "Alice `*_<!here>"}.get(who, who)


def test_workspace_is_the_persons_own_and_never_empty() -> None:
    for body, person, team in (
        ({"user": {"id": "U1", "team_id": "T2"}, "team": {"id": "T1"}}, "U1", "T2"),
        ({"user": {"id": "U1"}, "team": {"id": "T1"}}, "U1", "T1"),
        ({"user_id": "U1", "team_id": "T1"}, "U1", "T1"),
        ({"user": {"id": "U1"}}, "U1", NO_TEAM),
        ({"user": {"id": "U1", "team_id": None}, "team": None}, "U1", NO_TEAM),
        ({"user": {"id": "U1", "team_id": ""}, "team": {"id": ["T1"]}}, "U1", NO_TEAM),
    ):
        caller = read_caller(body)
        assert caller, body
        assert (caller.by.id, caller.by.team) == (person, team), body


def test_payload_that_names_nobody_has_no_caller() -> None:
    for body in ({}, {"user": None}, {"user": "U1"}, {"user": {"id": 7}}, {"user_id": []}):
        assert read_caller(body) is None, body


def test_odd_actions_have_no_value_of_ours() -> None:
    for actions in (None, [], {}, "x", [None], [{}], [{"value": 7}]):
        assert not isinstance(pressed_value({"actions": actions}), str), actions


def test_field_of_a_form_is_text_or_nothing() -> None:
    for state, value in (
        ({"values": {"access": {"a": {"selected_option": {"value": "orders-db/read"}}}}}, "orders-db/read"),
        ({"values": {"access": {"a": {"value": "typed"}}}}, "typed"),
        ({"values": {"access": {"a": {"value": None, "selected_option": None}}}}, ""),
        ({"values": {"access": {"a": {"value": 7}}}}, ""),
        ({"values": {"access": {"a": []}}}, ""),
        ({"values": {"access": []}}, ""),
        ({"values": None}, ""),
        ([], ""),
    ):
        assert entered({"state": state}, "access") == value, state


def test_event_about_a_group_that_says_too_little_tells_nothing() -> None:
    heard: list[object] = []
    directory: Any = SimpleNamespace(group_changed=lambda *what: heard.append(what))
    for group in (None, [], {}, {"id": 3}, {"id": "S1"}, {"id": "S1", "users": "U1"}):
        tell_of_group(directory, group)
        assert heard == [], group


def test_every_refusal_is_told_in_words_with_its_request() -> None:
    def refused(reason: RefusalReason) -> str:
        raise Refusal(reason, attempted="show", request=REQUEST)

    for reason in RefusalReason:
        said = str(outcome(partial(refused, reason)))
        assert said.startswith(answers.escape(sentence(Refusal(reason, attempted="show", request=REQUEST)))), reason
        assert said.endswith(" R-7F3K") is (reason is not RefusalReason.UNKNOWN_REQUEST), reason
        assert "error" not in said.lower(), reason


def test_record_that_cannot_be_written_is_said() -> None:
    def fail(away: Exception) -> str:
        raise away

    for away in (LedgerUnavailable("disk"), SpoolFailed("disk")):
        assert outcome(partial(fail, away)) == (
            "The record cannot be reached right now, so nothing was done. "
            "What is due still ends. Try again in a minute."
        )


def test_who_must_stop_an_access_while_the_record_is_away_is_told_what_to_do_now() -> None:
    def fail() -> str:
        raise LedgerUnavailable("disk")

    assert outcome(fail, "revoke") == (
        "The record cannot be reached right now, so nothing was done: the access ends at its time, and no sooner. If "
        "that cannot wait, take it away in the target by hand: docs/operations.md, _When a part is down_, has the SQL."
    )


def test_fault_is_told_and_logged_under_one_id_without_what_it_says() -> None:
    def fail() -> str:
        raise ValueError("typed: hunter2")

    with structlog.testing.capture_logs() as logs:
        said = outcome(fail)
    (line,) = logs
    assert said == f"Something went wrong on our side; nothing was changed. Error {line['error_id']}."
    assert (line["event"], line["fault"]) == ("fault.unexpected", "ValueError")
    assert any("fail" in where for where in line["where"])
    assert "hunter2" not in str(logs)


def test_refusal_about_ones_own_request_says_who_else_can() -> None:
    said = answers.own_request(REQUEST, 3, names)
    assert said == (
        "You asked for this yourself, so somebody else of @dba and @security has to decide. 3 people were asked. R-7F3K"
    )
    assert "asked. " not in answers.own_request(REQUEST, None, names)


def test_answer_to_asking_says_how_many_of_whom() -> None:
    assert answers.asked(REQUEST, names) == "Asked. R-7F3K waits for 1 of @dba and 2 of @security in <#C0ACCESS1>."


def test_what_was_only_approved_is_not_said_to_be_taken_away() -> None:
    ending = replace(REQUEST, state=State.ENDING)
    assert answers.revoked(ending) == "Revoked. R-7F3K will not be granted; nothing had been given."
    assert (
        answers.revoked(replace(ending, intent_at=NOON)) == "Revoked. R-7F3K is ending; its card says when it is gone."
    )


def test_table_stays_a_table_whatever_people_are_called() -> None:
    many = [replace(REQUEST, id=f"R-7F{number:02}") for number in range(40)]
    lines = table(many, NOON, names).splitlines()
    assert len(lines) == 31
    assert lines[-1] == "and 10 more"
    assert len(set(map(len, lines[:-1]))) == 1
    assert "`" not in "".join(lines)
    assert "<" not in "".join(lines)


def test_a_list_has_the_date_wherever_it_is_not_today() -> None:
    now = datetime(2026, 11, 27, 23, 30, tzinfo=timezone(timedelta(hours=1)))
    active = replace(REQUEST, state=State.ACTIVE)
    for found, said in (
        (replace(active, ends_at=now + timedelta(days=124)), "until 2027-03-31 23:30"),
        (replace(active, ends_at=now + timedelta(minutes=45)), "until 2026-11-28 00:15"),
        (replace(active, ends_at=now + timedelta(minutes=15)), "until 23:45"),
        (replace(active, state=State.ENDING, ends_at=now - timedelta(days=1)), "until 2026-11-26 23:30"),
        (replace(REQUEST, pending_until=(now + timedelta(hours=1)).astimezone(UTC)), "lapses 2026-11-28 00:30"),
        (replace(REQUEST, pending_until=(now + timedelta(minutes=1)).astimezone(UTC)), "lapses 23:31"),
    ):
        assert table([found], now, None).endswith(f"  {said}"), said


def test_a_request_that_one_may_not_see_is_told_of_as_one_that_is_not_there() -> None:
    """Its id in the answer told which of two guessed ones there is."""
    person = Person(id="U04EVE000", team="T1", name="Eve")
    caller = Caller(Actor(person.id, "T1", Source.SLACK), Place(person.id))

    def shown(found: object) -> str:
        core = SimpleNamespace(
            directory=SimpleNamespace(workspace="T1", look_up=lambda _: person),
            ledger=SimpleNamespace(request=lambda _: found),
            refusals=SimpleNamespace(record=lambda *_: None),
        )
        ctx: Any = SimpleNamespace(core=core, visibility=SimpleNamespace(may_see=lambda *_: False))
        return str(outcome(lambda: show_request(ctx, caller, REQUEST.id)))

    assert shown(REQUEST) == shown(None) == "There is no such request. /jit list shows yours."


def test_history_calls_each_step_by_words() -> None:
    stored = map(open_entry, (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines())
    history = [entry for entry in stored if entry.fact.kind in life_kinds()]
    assert len(history) == len(life_kinds())
    ctx: Any = SimpleNamespace(
        core=SimpleNamespace(
            directory=SimpleNamespace(
                workspace="T1", look_up=lambda person: Person(id=person, team="T1", name="Alice")
            ),
            ledger=SimpleNamespace(request=lambda _: REQUEST, history=None),
            clock=SimpleNamespace(now=lambda: REQUEST.asked_at),
        ),
        directory=SimpleNamespace(name=names),
        visibility=SimpleNamespace(may_see=lambda *_: True),
    )
    caller = Caller(Actor("U01ALICE0", "T1", Source.SLACK), Place("U01ALICE0"))
    for steps in (history[:20], history[20:]):
        ctx.core.ledger.history = lambda _, steps=steps: steps
        said = json.dumps(show_request(ctx, caller, REQUEST.id).blocks[-1])
        assert said.count("{date_short_pretty} {time}") == len(steps)
        assert [kind for kind in life_kinds() if "." in kind and kind in said] == []


def test_bolt_says_nothing_of_its_own_and_takes_nothing_over_http(caplog: pytest.LogCaptureFixture) -> None:
    nothing: Any = None
    client = WebClient(token="xoxb-hunter2", base_url="http://127.0.0.1:9/")
    directory = SlackDirectory(client, nothing, ManualClock())
    core: Any = SimpleNamespace(clock=ManualClock())
    app = build_app(core=core, directory=directory, client=client, pool=nothing)
    body = {"type": "block_actions", "user": {"id": "U1"}, "actions": [], "token": "hunter2"}
    with caplog.at_level(logging.DEBUG):
        assert app.dispatch(BoltRequest(mode="socket_mode", body=body)).status == 200
        badly_signed = BoltRequest(body=json.dumps(body), headers={"content-type": "application/json"})
        assert app.dispatch(badly_signed).status != 200
    assert "hunter2" not in caplog.text


def test_a_form_that_slack_never_gave_out_is_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by damaged payloads: what no encoding has was a fault of ours."""
    drawn: list[dict[str, Any]] = []
    found = SimpleNamespace(filled=lambda filled: filled, chosen=lambda _: None)
    monkeypatch.setattr(request, "catalogue", lambda *_: found)
    monkeypatch.setattr(request, "request_form", lambda *_: {})
    ctx: Any = SimpleNamespace(opener=SimpleNamespace(views_update=lambda **said: drawn.append(said)))
    caller = Caller(Actor("U01ALICE0", "T0JIT0001", Source.SLACK), Place("U01ALICE0"))
    for odd in ({}, {"id": "\ud800"}, {"hash": "\ud800"}, {"id": "../V1"}, {"id": None}):
        request.redraw_form(ctx, caller, {"id": "V1", "hash": "1.a"} | odd)
    assert [(said["view_id"], said["hash"]) for said in drawn] == [("V1", "1.a")]
