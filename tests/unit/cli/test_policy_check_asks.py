"""`jit policy check` and the schedules and incidents that the files name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.testing import ALICE
from tests.world.answering import AnsweringServer, Reply, answering
from tests.world.providers import INCIDENT_AT, PEOPLE, TOKEN, puts_on_call

RULES = """
channels: {{audit: C0AUDIT01}}
security: [U02BOB000]
people:
  U01ALICE0: {{{people}}}
targets:
  db: {{kind: postgres, owner: U01ALICE0, dsn: env:DB_ADMIN_DSN}}
schedules:
  orders-primary: {schedule}
{incidents}
access:
  db/read:
    describe: Read
    grants: [read]
    max_duration: 1h
    channel: C0ACCESS1
    request: ["slack:S0ENGIN01"]
    approve:
      - all_of: [{{from: ["oncall:orders-primary", U02BOB000]}}]
"""
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART:20260101T000000Z
DTEND:20360101T000000Z
SUMMARY:alice
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as made:
        yield made


def checked(folder: Path, *more: str, schedule: str, people: str = "icalendar: alice", incidents: str = ""):
    (folder / "a.policy.yml").write_text(RULES.format(schedule=schedule, people=people, incidents=incidents))
    return CliRunner().invoke(cli, ["policy", "check", str(folder), *more])


def test_a_calendar_that_is_not_beside_the_files_is_a_mistake_with_its_line(tmp_path: Path):
    schedule = '{kind: icalendar, url: "file:nowhere.ics"}'
    told = checked(tmp_path, schedule=schedule)
    problem = "there is no such file beside the policies, so people decide"
    assert told.output.splitlines()[0] == f"a.policy.yml:9 schedules.orders-primary: {problem}"
    assert told.exit_code == 1
    (tmp_path / "nowhere.ics").write_text("no calendar")
    told = checked(tmp_path, schedule=schedule)
    assert "a.policy.yml:9 schedules.orders-primary: " in told.output
    assert told.exit_code == 1
    (tmp_path / "nowhere.ics").write_text(CALENDAR.replace("\n", "\r\n"))
    told = checked(tmp_path, schedule=schedule)
    assert told.exit_code == 0, told.output
    assert told.output.startswith("Fine: ")


def test_only_with_ask_a_schedule_that_the_provider_does_not_know_is_a_mistake(
    server: AnsweringServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PD_TOKEN", TOKEN)
    rules = {
        "schedule": f'{{kind: pagerduty, schedule: PI7DH85, token: env:PD_TOKEN, url: "{server.url}"}}',
        "incidents": f'incidents: {{kind: pagerduty, token: env:PD_TOKEN, url: "{server.url}"}}',
        "people": f"pagerduty: {PEOPLE['pagerduty'][ALICE]}",
    }
    puts_on_call(server, "pagerduty", PEOPLE["pagerduty"][ALICE])
    assert checked(tmp_path, **rules).exit_code == 0
    told = checked(tmp_path, "--ask", **rules)
    assert told.exit_code == 0, told.output
    server.answers.pop("/schedules/PI7DH85")
    server.answers[INCIDENT_AT["pagerduty"]] = Reply({}, 401)
    assert checked(tmp_path, **rules).exit_code == 0
    told = checked(tmp_path, "--ask", **rules)
    assert told.exit_code == 1
    assert "a.policy.yml:9 schedules.orders-primary: the provider knows nothing of that name" in told.output
    assert TOKEN not in told.output
    monkeypatch.delenv("PD_TOKEN")
    told = checked(tmp_path, "--ask", **rules)
    assert "a.policy.yml:10 incidents" in told.output
    assert "the bot has no token for the provider" in told.output


def test_nobody_on_call_just_now_is_a_note_for_whoever_asks(server: AnsweringServer, tmp_path: Path):
    (tmp_path / "old.ics").write_text(CALENDAR.replace("20360101", "20260102").replace("\n", "\r\n"))
    schedule = '{kind: icalendar, url: "file:old.ics"}'
    assert "nobody is on call" not in checked(tmp_path, schedule=schedule).output
    told = checked(tmp_path, "--ask", schedule=schedule)
    assert "Note: a.policy.yml:9 schedules.orders-primary: nobody is on call there" in told.output
    assert told.exit_code == 0
