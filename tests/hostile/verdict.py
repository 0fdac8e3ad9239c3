"""What must hold of whatever came in, judged from the payload itself and not by the bot's own reading of it."""

import json
import re
from typing import Any

from bot.buttons import value_of
from jit.facts import (
    Approval,
    Approved,
    Away,
    Back,
    Denied,
    Fact,
    Life,
    Narrowed,
    Refused,
    Released,
    Requested,
    Revoked,
    Withdrawn,
)
from jit.requests.terms import Terms
from playground.blocks import suggestion_problems
from playground.sample import ALICE, BOB, CAROL, EVE, TEAM
from tests.hostile.damage import Attack, Json
from tests.hostile.scene import TYPED, WHY, Requests
from tests.hostile.siege import Outcome

MEMBERS = frozenset({ALICE, BOB, CAROL, EVE})
MAY: dict[type[Life], frozenset[str]] = {
    Requested: frozenset({ALICE, BOB, EVE}),
    Approval: frozenset({BOB, CAROL}),
    Approved: frozenset({BOB, CAROL}),
    Narrowed: frozenset({BOB, CAROL}),
    Denied: frozenset({BOB, CAROL}),
    Revoked: frozenset({BOB, CAROL}),
    Withdrawn: MEMBERS,
    Released: MEMBERS,
}
"""Who may take a step, by the rules of the scene. Nobody takes any other step through Slack."""
_OURS = (Requested, Withdrawn, Released)
"""Steps of whoever asked; the others are of somebody else."""
_STACK = re.compile(r"Traceback|File \"|\b[A-Za-z]+(?:Error|Exception)\b|\.py\b|0x[0-9a-f]{6,}")
_FAULT = "Something went wrong"
_METHODS = frozenset(
    {"users.info", "views.open", "views.update", "chat.postEphemeral", "chat.postMessage", "response_url"}
)
_UNTAKEN = frozenset({"invalid_blocks", "invalid_blocks_format", "no_text", "msg_too_long", "invalid_metadata_format"})


def judge(attack: Attack, outcome: Outcome, requests: Requests) -> str:
    """What came of it, in a word or two; ``requests`` as they were before. Raises AssertionError."""
    assert outcome.fault is None, outcome.fault
    assert len(outcome.acks) == 1, "acknowledged exactly once"
    [ack] = outcome.acks
    for fact in outcome.facts:
        _judge_fact(fact, attack.payload, requests)
    assert not outcome.queued or any(isinstance(fact, Approved | Released | Revoked) for fact in outcome.facts)
    _judge_said(ack, attack.payload, outcome)
    _judge_log(outcome)
    if outcome.groups is not outcome.groups_before:
        assert attack.payload.get("type") == "event_callback"
        assert attack.payload.get("team_id") == TEAM, "told by another workspace who is in our groups"
        assert all(re.fullmatch("S[A-Z0-9]+", group) for group in outcome.groups.members)
    return _in_a_word(ack, outcome)


def _judge_fact(fact: Fact, payload: Json, requests: Requests) -> None:
    person, team = who(payload)
    assert fact.actor == person, "recorded under another name"
    if isinstance(fact, Refused):
        return
    if isinstance(fact, Away | Back):
        assert (person in {BOB, CAROL}, team) == (True, TEAM), "away from what they never decide"
        assert isinstance(fact, Back) or fact.substitute in {BOB, CAROL} - {person}
        return
    assert isinstance(fact, Life)
    assert type(fact) in MAY, f"{fact.kind} came through Slack"
    assert person in MAY[type(fact)]
    assert team == TEAM
    assert (fact.requester == person) == isinstance(fact, _OURS)
    if isinstance(fact, Approval | Approved | Narrowed):
        [about] = [each for each in requests.all if each.id == fact.request_id]
        assert _approves(payload) == value_of(about.id, about.digest)
    if isinstance(fact, Narrowed):
        assert Terms(fact.duration, fact.permissions).is_less_than(about.terms)
    if isinstance(fact, Denied):
        one = requests.pending if fact.request_id == requests.pending.id else requests.half
        assert payload["view"]["private_metadata"] == value_of(one.id, one.digest)


def _approves(payload: Json) -> Any:
    """The value of the button, or of the form that gives less."""
    if payload["type"] == "view_submission":
        assert payload["view"]["callback_id"] == "jit.form.less"
        return payload["view"]["private_metadata"]
    [first, *_] = payload["actions"]
    assert first["action_id"] == "jit.approve"
    return first["value"]


def who(payload: Json) -> tuple[Any, Any]:
    """The person and the workspace that a payload names: their own first, then where it happened."""
    user = payload.get("user")
    user = user if isinstance(user, dict) else {}
    team = payload.get("team")
    team = team if isinstance(team, dict) else {}
    teams = (user.get("team_id"), team.get("id"), payload.get("team_id"))
    person = next((one for one in (user.get("id"), payload.get("user_id")) if one and isinstance(one, str)), None)
    return person, next((one for one in teams if one and isinstance(one, str)), None)


def _judge_said(ack: Json, payload: Json, outcome: Outcome) -> None:
    person, team = who(payload)
    assert not outcome.calls.strayed, "an answer went to a stranger's address"
    said = [json.dumps(ack, ensure_ascii=False)]
    for call in outcome.calls.made:
        assert call.method in _METHODS
        assert call.answer.get("error") not in _UNTAKEN, call.answer
        assert "/view" not in str(call.answer.get("response_metadata", "")), call.answer
        if call.method == "users.info":
            continue
        told = {"chat.postEphemeral": call.said.get("user"), "chat.postMessage": call.said.get("channel")}
        assert told.get(call.method, person) == person, "somebody else was told"
        said.append(json.dumps(call.said, ensure_ascii=False))
    typed = str(payload)
    for text in said:
        assert _FAULT not in text, "a fault of ours"
        assert not [found for found in _STACK.findall(text) if found not in typed], text
        if person not in MEMBERS or team != TEAM:
            assert WHY not in text, "read by somebody from outside"
    if "options" in ack:
        assert suggestion_problems(ack) == []
        assert not ack["options"] or (person in MEMBERS and team == TEAM)
    assert set(ack.get("errors", {})) <= {"access", "duration", "reason", "incident", "start", "permissions0"}


def _judge_log(outcome: Outcome) -> None:
    for line in outcome.logged:
        assert line["event"] != "pool.work_failed"
        assert TYPED not in str(line), line


def _in_a_word(ack: Json, outcome: Outcome) -> str:
    if outcome.facts:
        first = outcome.facts[0]
        return f"refused: {first.reason}" if isinstance(first, Refused) else first.kind
    if ack.get("response_action") == "errors":
        return "errors in the form"
    if any(call.method != "users.info" for call in outcome.calls.made) or ack:
        return "answered"
    return "acknowledged"
