"""What the doctor says of providers of on-call and incidents."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.doctor.providers import checks
from jit.doctor import NotLookedAt, State, examine
from jit.people.answers import Because
from jit.people.incidents.settings import incidents_form
from jit.people.on_call import NOTHING_KNOWN, NotKnown, OnCallSnapshot, Shift
from jit.people.on_call.poller import Rules
from jit.people.on_call.settings import schedule_form
from jit.testing import ALICE, T0, ManualClock
from tests.world.answering import AnsweringServer, Reply, answering
from tests.world.providers import (
    INCIDENT_AT,
    NOBODYS,
    PEOPLE,
    SCHEDULE,
    TOKEN,
    bindings,
    incidents,
    puts_on_call,
    schedule,
    secret,
)
from tests.world.waiting import HUNG

KEPT = NOTHING_KNOWN.with_answer(Shift(SCHEDULE, frozenset({ALICE}), T0 - timedelta(seconds=12), "pagerduty", 0.2))


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as made:
        yield made


def said(server: AnsweringServer, folder: Path, kept: Any = lambda: KEPT, **more: Any) -> list[tuple[str, str, str]]:
    rules = Rules({SCHEDULE: schedule_form(schedule("pagerduty", server.url, **more))}, bindings())
    form = incidents_form(incidents("pagerduty", server.url))
    found = examine(checks(rules, form, folder=folder, clock=ManualClock(), kept=kept, secret=secret), HUNG)
    assert TOKEN not in str(found)
    return [(line.state.value, line.what, line.remedy) for line in found]


def test_all_is_well(server: AnsweringServer, tmp_path: Path) -> None:
    puts_on_call(server, "pagerduty", PEOPLE["pagerduty"][ALICE])
    assert said(server, tmp_path) == [
        ("ok", "orders-primary (pagerduty): 1 on call", ""),
        ("ok", "orders-primary: asked by the bot 12 s ago", ""),
        ("ok", "incidents (pagerduty): the provider answers, and takes the token", ""),
    ]


def test_who_is_on_call_and_bound_to_nobody_is_a_note(server: AnsweringServer, tmp_path: Path) -> None:
    puts_on_call(server, "pagerduty", PEOPLE["pagerduty"][ALICE], NOBODYS["pagerduty"])
    state, what, remedy = said(server, tmp_path)[0]
    assert state == State.NOTE
    assert what == "orders-primary (pagerduty): 1 on call, and 1 more whom nothing binds to a Slack id"
    assert "people:" in remedy


def test_nobody_on_call_is_a_note(server: AnsweringServer, tmp_path: Path) -> None:
    puts_on_call(server, "pagerduty")
    assert said(server, tmp_path)[0][:2] == ("note", "orders-primary (pagerduty): nobody is on call there")


def test_a_schedule_that_the_provider_does_not_know_is_to_mend(server: AnsweringServer, tmp_path: Path) -> None:
    puts_on_call(server, "pagerduty")
    server.answers.pop("/schedules/PI7DH85")
    state, what, remedy = said(server, tmp_path)[0]
    assert (state, what) == (
        "MEND",
        "orders-primary (pagerduty): the provider knows nothing of that name; people decide",
    )
    assert remedy == "Put the right id, or address, into the policy files."


def test_a_token_that_is_not_accepted_is_to_mend(server: AnsweringServer, tmp_path: Path) -> None:
    server.answers["/oncalls"] = server.answers["/incidents/1"] = Reply({}, 401)
    lines = said(server, tmp_path)
    assert [line[0] for line in lines] == ["MEND", "ok", "MEND"]
    assert "did not accept the token" in lines[0][1]
    assert "did not accept the token" in lines[2][1]


def test_a_token_that_is_not_there_is_to_mend(server: AnsweringServer, tmp_path: Path) -> None:
    state, what, _ = said(server, tmp_path, token="env:ANOTHER")[0]
    assert (state, what) == ("MEND", "orders-primary (pagerduty): the bot has no token for the provider; people decide")


@pytest.mark.parametrize(
    ("kept", "state", "says"),
    [
        (NOTHING_KNOWN, "not looked at", "orders-primary"),
        (
            NOTHING_KNOWN.with_answer(Shift(SCHEDULE, frozenset(), T0 - timedelta(minutes=5), "pagerduty", 0.2)),
            "MEND",
            "orders-primary: asked by the bot 5 min ago, which is too long; people decide",
        ),
        (
            NOTHING_KNOWN.with_answer(NotKnown(SCHEDULE, Because.BUSY, T0, "pagerduty")),
            "note",
            "orders-primary: asked by the bot 0 s ago: the provider asked for a pause",
        ),
    ],
)
def test_the_age_of_what_the_bot_kept_is_told(
    kept: OnCallSnapshot, state: str, says: str, server: AnsweringServer, tmp_path: Path
) -> None:
    puts_on_call(server, "pagerduty", PEOPLE["pagerduty"][ALICE])
    assert said(server, tmp_path, kept=lambda: kept)[1][:2] == (state, says)


def test_a_record_that_cannot_be_read_hides_nothing_else(server: AnsweringServer, tmp_path: Path) -> None:
    def unreadable() -> OnCallSnapshot:
        raise NotLookedAt("the ledger does not tell")

    puts_on_call(server, "pagerduty", PEOPLE["pagerduty"][ALICE])
    server.answers[INCIDENT_AT["pagerduty"]] = Reply({}, 500)
    assert [line[0] for line in said(server, tmp_path, kept=unreadable)] == ["ok", "not looked at", "ok"]
