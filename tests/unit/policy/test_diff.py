"""`jit policy diff`: what a change to the rules would have done to the requests on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.people.person import Groups
from jit.policy.diff import Asked, Kind, as_markdown, otherwise
from jit.policy.files.load import policy_of
from jit.policy.inputs import IncidentInputs, Inputs
from jit.requests.intake import RequestForm
from jit.testing import ManualClock
from tests.world.base import in_a_file
from tests.world.break_glass import READ
from tests.world.break_glass import RULES as GLASS_RULES
from tests.world.hands import RULES as HANDS_RULES
from tests.world.hands import Hands
from tests.world.office import Office, actor

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
    assert "Nothing was decided anew: There is no ledger at" in told.output
    assert "JIT_DATA" in told.output
    told = CliRunner().invoke(cli, ["policy", "diff", str(tmp_path / "old"), str(tmp_path / "new"), "--markdown"])
    assert "Nothing was decided anew: There is no ledger at" in told.output


def test_the_command_decides_what_stands_in_the_ledger_as_what_it_was(tmp_path, monkeypatch):
    clock = ManualClock(datetime.now(UTC) - timedelta(days=1))
    house = Hands(tmp_path, clock=clock, ledger=in_a_file(tmp_path))
    house.active(minutes=60)
    story = house.story("R-TEST")
    story.extension_asked(30)
    story.extension_denied()
    house.ledger.engine.dispose()
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    extend = "    max_duration: 8h\n    extend: {each: 1h, ceiling: 9h}\n"
    texts = {"old": HANDS_RULES.replace("    max_duration: 8h\n", extend), "new": HANDS_RULES}
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.policy.yml").write_text(text)
    told = CliRunner().invoke(cli, ["policy", "diff", str(tmp_path / "old"), str(tmp_path / "new")])
    assert told.exit_code == 0, told.output
    assert "Of 2 requests decided anew, 1 come out otherwise." in told.output
    assert "orders-db/read (extension), 1 request of U01ALICE0" in told.output
    assert "refused: cannot be extended" in told.output


def test_the_command_tells_a_break_glass_from_a_request(tmp_path, monkeypatch):
    office = Office(tmp_path, rules=GLASS_RULES, clock=ManualClock(datetime.now(UTC)), ledger=in_a_file(tmp_path))
    office.incidents.open = {"INC-1": True}
    office.use_cases.break_glass(actor(EVE), RequestForm(READ, "30m", "INC-1: db down, need a look at it", "INC-1"))
    office.ledger.engine.dispose()
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    texts = {"old": GLASS_RULES, "new": "\n".join(x for x in GLASS_RULES.splitlines() if "break_glass:" not in x)}
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.policy.yml").write_text(text)
    told = CliRunner().invoke(cli, ["policy", "diff", str(tmp_path / "old"), str(tmp_path / "new")])
    assert told.exit_code == 0, told.output
    assert "orders-db/read (break-glass), 1 request" in told.output
    assert "refused: nobody may break the glass" in told.output


BREAK_GLASS = "{who: [group:engineering], max_duration: 1h, review_within: 24h, review_by: [group:security]}"
GLASS = ("    approve:\n", f"    break_glass: {BREAK_GLASS}\n    approve:\n")
SHORT = ("max_duration: 8h", "max_duration: 1h")
EXTEND = ("    approve:\n", "    extend: {each: 1h, ceiling: 4h}\n    approve:\n")


def extension(more=1, held=2):
    end = NOW + timedelta(minutes=5)
    return replace(asked(hours=more), kind=Kind.EXTENSION, ends_at=end, given_at=end - timedelta(hours=held))


@pytest.mark.parametrize(
    ("edits", "kind", "effect", "before", "after"),
    [
        ([], Kind.BREAK_GLASS, "tighter", "at once, by rule: break-glass", "refused: nobody may break the glass"),
        ([], Kind.CO_SIGNED, "tighter", "1 of co-signer", "refused: nobody may break the glass"),
        (
            [(GLASS[0], GLASS[1].replace("[group:engineering], max", "[U04EVE000], max"))],
            Kind.BREAK_GLASS,
            "tighter",
            "at once, by rule: break-glass",
            "refused: may not break the glass",
        ),
        (
            [(GLASS[0], GLASS[1].replace("1h", "30m"))],
            Kind.BREAK_GLASS,
            "tighter",
            "at once, by rule: break-glass",
            "refused: longer than 30 min",
        ),
    ],
)
def test_a_break_glass_is_decided_anew_as_what_it_was(edits, kind, effect, before, after):
    [found] = otherwise(rules(GLASS), rules(*edits), [replace(asked(), kind=kind)], GROUPS)
    assert (found.access, found.effect) == (f"db/read ({kind})", effect)
    assert (found.before.says, found.after.says) == (before, after)


def test_the_rules_for_people_change_nothing_of_a_break_glass():
    stricter = (PEOPLE, f"{PEOPLE[:-2]}, count: 2}}]")
    glass = replace(asked(), kind=Kind.BREAK_GLASS)
    [found] = otherwise(rules(GLASS), rules(GLASS, stricter), [glass, asked()], GROUPS)
    assert found.requests == (asked(),)


@pytest.mark.parametrize(
    ("edits", "after"),
    [
        ([], "refused: cannot be extended"),
        ([(EXTEND[0], EXTEND[1].replace("each: 1h", "each: 30m"))], "refused: longer than 30 min more"),
        ([(EXTEND[0], EXTEND[1].replace("4h", "150m"))], "refused: longer than 2 h 30 min in all"),
        (
            [(EXTEND[0], EXTEND[1].replace("4h}", "4h, approve: [{automatic: true, when: incident.open}]}"))],
            "at once, by rule: incident.open",
        ),
    ],
)
def test_an_extension_is_decided_anew_by_the_rules_for_extensions(edits, after):
    [found] = otherwise(rules(SHORT, EXTEND), rules(SHORT, *edits), [extension()], GROUPS)
    assert (found.access, found.before.says, found.after.says) == ("db/read (extension)", "1 of dba", after)


def test_an_extension_may_make_it_longer_than_it_can_be_asked_for():
    shorter = ("max_duration: 8h", "max_duration: 30m")
    assert otherwise(rules(SHORT, EXTEND), rules(EXTEND, shorter), [extension()], GROUPS) == []
