"""`jit policy test`: cases beside a policy, decided by it."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.policy.files.check import check_folder

ROOT = Path(__file__).parents[3] / "policies"
RULES = """
channels: {audit: C0AUDIT01}
security: [group:security]
groups: {dba: [U02BOB000, U03CAROL0], security: [U03CAROL0], engineering: ["slack:S0ENGIN01"]}
people: {U01ALICE0: {fake: alice}}
targets: {db: {kind: fake}}
schedules: {primary: {kind: icalendar, url: "file:primary.ics"}}
calendars: {office: {zone: Europe/Berlin}}
access:
  db/read:
    describe: Read
    grants: [read]
    max_duration: 8h
    incident: 'INC-\\d+'
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
      - name: on call
        when: requester.on_call("primary") && incident.open
        automatic: true
        limits: {max_duration: 1h}
      - {name: at work, when: 'now.business_hours("office")', all_of: [{from: [group:dba]}]}
      - all_of: [{from: [group:dba], count: 2}]
"""
CASE = {"who": "U01ALICE0", "access": "db/read", "incident": "{id: INC-42}", "at": '"2026-11-23 10:00 Europe/Berlin"'}


def run(folder, *cases, rules=RULES, head="slack: {S0ENGIN01: [U01ALICE0]}"):
    (folder / "a.policy.yml").write_text(rules)
    lines = [head, "cases:"]
    for number, case in enumerate(cases):
        told = {"name": f"case {number}"} | CASE | case
        lines.append("  - " + "\n    ".join(f"{key}: {value}" for key, value in told.items() if value is not None))
    (folder / "a.test.yml").write_text("\n".join(lines) + "\n")
    told = CliRunner().invoke(cli, ["policy", "test", str(folder)])
    return told.exit_code, told.output


def test_an_exception_is_decided_by_its_own_rule(tmp_path):
    exception = "    exception: {max_duration: 24h, approve: [{all_of: [{from: [U03CAROL0]}]}]}\n"
    rules = RULES.replace("    approve:\n", f"{exception}    approve:\n")
    long = {"duration": "12h", "on_call": "[primary]", "needs": "[1 of U03CAROL0]"}
    cases = (
        long | {"expect": "pending"},
        long | {"approve": "[U02BOB000]", "expect": "pending"},
        long | {"approve": "[U03CAROL0]", "expect": "approved"},
        {"duration": "25h", "expect": "refused"},
    )
    status, said = run(tmp_path, *cases, rules=rules)
    assert status == 0, said
    status, said = run(tmp_path, {"duration": "12h", "expect": "refused"})
    assert status == 0, said


@pytest.mark.parametrize("folder", [ROOT, *sorted((ROOT / "examples").glob("*/"))], ids=lambda path: path.name)
def test_the_policies_that_ship_say_nothing_that_can_never_be_and_each_access_has_an_owner(folder):
    checked = check_folder(folder)
    assert checked.mistakes == ()
    assert not [note for note in checked.notes if "nobody answers" in note]


@pytest.mark.parametrize("folder", [ROOT, *sorted((ROOT / "examples").glob("*/"))], ids=lambda path: path.name)
def test_the_policies_that_ship_decide_as_their_cases_say(folder):
    told = CliRunner().invoke(cli, ["policy", "test", str(folder)])
    assert told.exit_code == 0, told.output


def test_a_case_that_is_decided_as_it_says_is_counted(tmp_path):
    code, said = run(
        tmp_path,
        {"expect": "automatic", "on_call": "[primary]", "rule": "on call", "duration": "1h"},
        {"expect": "pending", "on_call": "[primary]", "duration": "61m", "needs": "[1 of dba]"},
        {"expect": "approved", "approve": "[U02BOB000]", "rule": "at work"},
        {
            "expect": "pending",
            "at": '"2026-11-23 20:00 Europe/Berlin"',
            "approve": "[U02BOB000]",
            "needs": "[2 of dba]",
        },
        {"expect": "pending", "incident": "{id: INC-42, open: false}", "on_call": "[primary]"},
        {"expect": "refused", "who": "U09OTHER0"},
        {"expect": "refused", "duration": "9h"},
        {"expect": "refused", "incident": "{id: nonsense}"},
    )
    assert (code, said) == (0, "8 of 8 cases are decided as they say.\n")


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        ({"expect": "approved"}, "case 0: is pending, and approved is expected"),
        ({"expect": "pending", "needs": "[2 of dba]"}, "needs 1 of dba, and 2 of dba is expected"),
        ({"expect": "pending", "rule": "on call"}, "goes by at work, and on call is expected"),
        ({"expect": "pending", "access": "db/raed"}, "no access is called db/raed; did you mean db/read?"),
        ({"expect": "denied"}, "cases.0.expect: must be one of 'automatic', 'approved'"),
        ({"expect": "pending", "at": "2026-11-23"}, "must be text, not a date; put it in quotes"),
        ({"expect": "pending", "at": '"2026-11-23 10:00 Mars/Base"'}, "no time zone is called Mars/Base"),
        ({"expect": "pending", "at": "soon"}, "written like 2026-11-24 10:00 Europe/Berlin"),
        ({"expect": "pending", "duration": "1x"}, "Write a duration like"),
        ({"expect": "pending", "colour": "red"}, "a.test.yml:9 cases.0.colour: unknown key"),
    ],
)
def test_a_case_that_comes_out_otherwise_or_cannot_be_read_is_named(tmp_path, case, wrong):
    code, said = run(tmp_path, case)
    assert code == 1
    assert wrong in said


@pytest.mark.parametrize("endless", ["pipe", "/dev/zero", "itself"])
def test_cases_that_never_end_are_not_read(tmp_path, endless):
    (tmp_path / "a.policy.yml").write_text(RULES)
    file = tmp_path / "a.test.yml"
    os.mkfifo(file) if endless == "pipe" else file.symlink_to(file if endless == "itself" else endless)
    told = CliRunner().invoke(cli, ["policy", "test", str(tmp_path)])
    assert told.exit_code == 1
    assert "a.test.yml cannot be read" in told.output


def test_a_folder_without_cases_says_what_one_is_called(tmp_path):
    (tmp_path / "a.policy.yml").write_text(RULES)
    told = CliRunner().invoke(cli, ["policy", "test", str(tmp_path)])
    assert told.exit_code == 1
    assert "*.test.yml" in told.output
