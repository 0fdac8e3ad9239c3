"""Tables with a line for each kind of fact. A new kind must get its line, and this says where it is missing."""

from pathlib import Path
from typing import get_args

import pytest

from bot.follow.messages import ANEW, _due
from bot.listeners.look import _DID
from jit.access import MAY_FOLLOW
from jit.facts import AnyFact, Kinds, Life, Requested
from jit.ledger.entry import open_entry

STORED = [open_entry(body) for body in (Path(__file__).parent / "entries.jsonl").read_bytes().splitlines()]
TOLD, TURNS = "told", "turns"
OCCASIONS = {
    "requested": set(),
    "approval": set(),
    "approved": set(),
    "denied": {TOLD},
    "withdrawn": {TURNS},
    "lapsed": {TOLD, TURNS},
    "grant.intent": {TURNS},
    "granted": {TOLD},
    "grant.failed": {TOLD, TURNS},
    "released": {TURNS},
    "revoked": {TURNS},
    "revoke.intent": {TURNS},
    "revoke.failed": {TURNS},
    "ended": {TOLD, TURNS},
    "refused": set(),
    "alert": {TOLD},
    "started": set(),
    "policy.changed": set(),
    "key.changed": set(),
    "record.read": set(),
    "person.erased": set(),
    "spool.taken": set(),
}
"""What each kind gives occasion to: to tell somebody, or to draw anew what was told before."""


def test_it_is_known_when_each_step_may_follow():
    assert MAY_FOLLOW.keys() == set(get_args(Life)) - {Requested}


def test_it_is_known_what_to_call_each_step():
    assert _DID.keys() == set(Kinds.life)


def test_it_is_known_what_each_kind_gives_occasion_to_say():
    assert OCCASIONS.keys() == {model.model_fields["kind"].default for model in get_args(AnyFact)}


@pytest.mark.parametrize("entry", STORED, ids=lambda entry: entry.fact.kind)
def test_each_kind_is_told_to_whom_it_matters(entry):
    occasions = {TURNS if key.startswith(ANEW) else TOLD for key, _ in _due(entry)}
    assert occasions == OCCASIONS[entry.fact.kind]
