"""`jit policy diff`: what a change to the rules would have done to the requests on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.people.person import Groups
from jit.policy.diff import Asked, as_markdown, otherwise
from jit.policy.files.load import policy_of
from jit.policy.inputs import IncidentInputs, Inputs

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ALICE, EVE = "U01ALICE0", "U04EVE000"
GROUPS = Groups(NOW)
RULES = """
channels: {audit: C0AUDIT01}
security: [group:security]
groups: {dba: [U02BOB000, U03CAROL0], security: [U03CAROL0], engineering: [U01ALICE0, U04EVE000]}
people: {U01ALICE0: {fake: alice}, U04EVE000: {fake: eve}}
targets: {db: {kind: fake}}
schedules: {primary: {kind: icalendar, url: "file:primary.ics"}}
access:
  db/read:
    describe: Read
    grants: [read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
      - all_of: [{from: [group:dba]}]
"""
PEOPLE = "- all_of: [{from: [group:dba]}]"


def rules(*edits):
    text = RULES
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return policy_of([("a.policy.yml", text.encode())])


def asked(requester=ALICE, hours=1, **read):
    duration = timedelta(hours=hours)
    inputs = Inputs(requester=requester, groups=(), access="db/read", target="db", risk="medium", duration=duration,
                    reason="why", now=NOW)  # fmt: skip
    incident = IncidentInputs("INC-42", known=True, open=True)
    read = {"on_call": {"primary": True}, "incident": incident} | read
    return Asked("R-7F3K", NOW, requester, "db/read", duration, "why", "INC-42", replace(inputs, **read))


@pytest.mark.parametrize(
    ("edit", "effect", "before", "after"),
    [
        ((PEOPLE, f"{PEOPLE[:-2]}, count: 2}}]"), "tighter", "1 of dba", "2 of dba"),
        (
            (
                "max_duration: 8h",
                "max_duration: 30m\n    exception: {max_duration: 8h, approve: [{all_of: [{from: [group:security]}]}]}",
            ),
            "other",
            "1 of dba",
            "1 of security, as an exception",
        ),
        (("max_duration: 8h", "max_duration: 30m"), "tighter", "1 of dba", "refused: longer than 30 min"),
        (("request: [group:engineering]", "request: [U04EVE000]"), "tighter", "1 of dba", "refused: may not ask"),
        (
            ("channel:", "incident: 'CHG-[0-9]+'\n    channel:"),
            "tighter",
            "1 of dba",
            "refused: wants another incident",
        ),
        (("  db/read:", "  db/look:"), "tighter", "1 of dba", "refused: there is no such access"),
        (("U01ALICE0: {fake: alice}, ", ""), "tighter", "1 of dba", "refused: has no name there"),
        (
            (PEOPLE, "- {name: burning, when: 'requester.on_call(\"primary\") && incident.open', automatic: true}"),
            "looser",
            "1 of dba",
            "at once, by rule: burning",
        ),
        ((PEOPLE, "- {when: '!incident.open', automatic: true}"), "tighter", "1 of dba", "refused: no rule holds"),
        ((PEOPLE, "- all_of: [{from: [group:security]}]"), "other", "1 of dba", "1 of security"),
    ],
)
def test_a_request_that_would_come_out_otherwise_is_told_with_what_it_was(edit, effect, before, after):
    [found] = otherwise(rules(), rules(edit), [asked()], GROUPS)
    assert (found.effect, found.before.says, found.after.says) == (effect, before, after)
    [back] = otherwise(rules(edit), rules(), [asked()], GROUPS)
    assert {back.effect, found.effect} in ({"looser", "tighter"}, {"other"})


def test_what_comes_out_the_same_is_not_told():
    at_night = (PEOPLE, f"- {{when: 'now.hour(\"UTC\") > 20', automatic: true}}\n      {PEOPLE}")
    assert otherwise(rules(), rules(at_night), [asked()], GROUPS) == []
    assert len(otherwise(rules(), rules(at_night), [asked(now=NOW.replace(hour=22))], GROUPS)) == 1


def test_what_was_asked_before_conditions_were_is_decided_by_what_is_known():
    old = replace(asked(), inputs=None)
    burning = (PEOPLE, f"- {{when: incident.open, automatic: true}}\n      {PEOPLE}")
    assert otherwise(rules(), rules(burning), [old], GROUPS) == []
    [found] = otherwise(rules(), rules((PEOPLE, f"{PEOPLE[:-2]}, count: 2}}]")), [old], GROUPS)
    assert found.after.says == "2 of dba"


def test_many_alike_are_one_row_that_no_text_can_break():
    two = rules((PEOPLE, f"{PEOPLE[:-2]}, count: 2}}]"))
    many = [asked(), asked(EVE), asked(EVE)]
    found = otherwise(rules(), two, many, GROUPS)
    said = as_markdown(rules(), two, 3, found, lambda _: "<b>|Eve")
    assert "| tighter | db/read | 3 | \\<b\\>\\|Eve, \\<b\\>\\|Eve | 1 of dba | 2 of dba |" in said
    assert "Of 3 requests decided anew, 3 come out otherwise." in said


def test_the_command_says_what_changes_where_there_is_no_ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "none"))
    for name, text in (("old", RULES), ("new", RULES.replace("8h", "9h"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.policy.yml").write_text(text)
    told = CliRunner().invoke(cli, ["policy", "diff", str(tmp_path / "old"), str(tmp_path / "new")])
    assert told.exit_code == 0, told.output
    assert "looser: db/read (at most 9 h instead of 8 h)" in told.output
    assert "Of 0 requests decided anew, 0 come out otherwise." in told.output
