"""The words that conditions read: declared once, and everywhere the same."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from jit.cli.policy import policy
from jit.policy.conditions import Holds, Unknown, compile_condition
from jit.policy.words import WORDS
from tests.world.conditions import CALENDARS, INPUTS, NO_INCIDENT

PAGE = Path(__file__).parents[3] / "docs/conditions.md"


def condition(text):
    return compile_condition(text, schedules=["orders-primary"], calendars=CALENDARS, groups=["dba", "sre"])


@pytest.mark.parametrize("word", WORDS.values(), ids=lambda word: word.name)
def test_the_example_of_each_word_can_be_asked_and_reads_the_word(word):
    asked = condition(word.example)
    assert word.name in {use.word.name for use in asked.uses}
    assert isinstance(asked.holds(INPUTS), Holds)


def test_what_is_not_known_is_told_apart_from_no():
    unknown = replace(
        INPUTS, zone=None, on_call={"orders-primary": None}, grants_by_day=None, break_glass_open=None,
        incident=replace(INPUTS.incident, known=None),
    )  # fmt: skip
    hang_on_it = (
        'requester.zone == "UTC"', 'requester.on_call("orders-primary")', "history.grants(1) == 0",
        "history.break_glass_open", "incident.known", "incident.open", "incident.severity == 1",
        'incident.service == "x"', "requester.responder",
    )  # fmt: skip
    assert [text for text in hang_on_it if not isinstance(condition(text).holds(unknown), Unknown)] == []
    assert condition("incident.given").holds(unknown) is Holds.YES
    assert condition('incident.id == "INC-42"').holds(unknown) is Holds.YES


def test_without_an_incident_everything_about_it_is_no_and_there_is_no_severity():
    for text in ("incident.given", "incident.known", "incident.open", "requester.responder"):
        assert condition(text).holds(NO_INCIDENT) is Holds.NO, text
    assert condition('incident.id == "" && incident.service == ""').holds(NO_INCIDENT) is Holds.YES
    for text in ("incident.severity <= 2", "incident.severity >= 3", "incident.severity == 0"):
        assert condition(text).holds(NO_INCIDENT) == Unknown("not known: incident.severity"), text
    assert condition("incident.open && incident.severity <= 2").holds(NO_INCIDENT) is Holds.NO


def test_an_incident_that_the_provider_does_not_know_is_not_open_whatever_else_was_said():
    stranger = replace(INPUTS, incident=replace(INPUTS.incident, known=False, open=True, responder=True))
    assert condition("incident.open || requester.responder || incident.known").holds(stranger) is Holds.NO


def test_grants_are_counted_over_so_many_days_and_not_over_fewer():
    inputs = replace(INPUTS, grants_by_day=(1, 0, 2, 4))
    counted = {
        days: condition(f"history.grants({days}) == {found}") for days, found in {1: 1, 2: 1, 3: 3, 4: 7}.items()
    }
    assert {days for days, asked in counted.items() if asked.holds(inputs) is not Holds.YES} == set()
    assert condition("history.grants(5) >= 0").holds(inputs) == Unknown("not known: history.grants(5)")
    assert condition("history.grants(5) >= 0 && history.grants(2) == 1").history_days == 5


def test_into_a_pipe_each_word_is_a_line_of_json():
    lines = [json.loads(line) for line in CliRunner().invoke(policy, ["words"]).output.splitlines()]
    assert [line["word"].partition("(")[0] for line in lines] == list(WORDS)
    assert all(condition(line["example"]) for line in lines)
    assert {line["type"] for line in lines} >= {"bool", "string", "int", "duration"}


def test_a_terminal_shows_every_word_with_its_example(monkeypatch):
    monkeypatch.setattr("jit.cli.policy.to_terminal", lambda: True)
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(policy, ["words"]).output
    assert [word.spelled for word in WORDS.values() if word.spelled not in shown] == []
    assert all(len(line) <= 80 for line in shown.splitlines())
    flat = re.sub(r"\s+", "", shown)
    assert [word.example for word in WORDS.values() if re.sub(r"\s+", "", word.example) not in flat] == []


def test_the_page_of_conditions_has_the_table_of_words():
    rows = [f"| `{word.spelled}` | {word.kind} | {word.about} | `{word.example}` |" for word in WORDS.values()]
    said = PAGE.read_text().replace(r"\|", "|")
    assert [row for row in rows if row not in said] == []
