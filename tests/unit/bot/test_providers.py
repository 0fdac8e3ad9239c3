"""The bot asks who is on call, for itself and for the workers, from a policy that names a calendar."""

import textwrap
from dataclasses import replace

import pytest
from slack_sdk import WebClient

from bot.directory import SlackDirectory
from bot.providers import Providers
from jit.ledger import StoredDirectory
from jit.people.answers import Because
from jit.people.person import Person
from jit.policy import PolicyFolder
from jit.testing import ALICE, BOB, InMemoryLedger, ManualClock
from tests.world.base import RULES

CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//rota//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20261101T000000Z
DTSTART:20261101T000000Z
DTEND:20261201T000000Z
SUMMARY:alice
END:VEVENT
END:VCALENDAR
"""
SCHEDULES = """
schedules:
  orders-primary: {kind: icalendar, url: "file:rota.ics"}
"""


@pytest.fixture
def parts(tmp_path):
    clock = ManualClock()
    ledger = InMemoryLedger(clock)
    stored = StoredDirectory(ledger.engine)
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "rota.ics").write_text(textwrap.dedent(CALENDAR).replace("\n", "\r\n"))
    rules = RULES.replace("U01ALICE0: {fake: alice}", "U01ALICE0: {fake: alice, icalendar: alice}")
    (folder / "a.policy.yml").write_text(rules + SCHEDULES)
    policies = PolicyFolder(folder, clock)
    return Providers(policies, stored, clock), stored, clock


def test_what_the_bot_hears_of_a_schedule_it_knows_and_the_workers_too(parts):
    providers, stored, clock = parts
    directory = SlackDirectory(WebClient(token="xoxb-1"), stored, clock, providers.snapshot)
    assert directory.groups().on_call.who("orders-primary", clock.now()).reason is Because.NOT_ASKED
    assert providers.who("orders-primary", clock.now()).people == {ALICE}
    for known in (directory, stored):
        assert known.groups().on_call.who("orders-primary", clock.now()).people == {ALICE}
    assert directory.groups() is directory.groups()
    clock.move(minutes=2)
    for known in (directory, stored):
        assert known.groups().on_call.who("orders-primary", clock.now()).reason is Because.STALE


def test_what_no_policy_names_is_not_asked_about(parts):
    providers, _, clock = parts
    assert providers.who("another", clock.now()).reason is Because.NOT_NAMED
    assert providers.find("INC-42").reason is Because.NOT_NAMED


def test_by_email_somebody_is_the_one_whose_first_email_it_was(parts, tmp_path):
    """Who takes over an e-mail later is nobody by it."""
    providers, stored, clock = parts
    folder = tmp_path / "policies"
    (folder / "rota.ics").write_text(
        textwrap.dedent(CALENDAR)
        .replace("SUMMARY:alice", "SUMMARY:rota\nATTENDEE:mailto:carol@example.com")
        .replace("\n", "\r\n")
    )
    (folder / "a.policy.yml").write_text(RULES + SCHEDULES.replace('rota.ics"', 'rota.ics", by_email: true'))
    alice = Person(id=ALICE, team="T0TEST001", name="Alice", email="carol@example.com").seen_after(None)
    bob = Person(id=BOB, team="T0TEST001", name="Bob", email="bob@example.com").seen_after(None)
    for person in (alice, bob, replace(bob, email="carol@example.com").seen_after(bob)):
        stored.keep_person(person, clock.now())
    assert providers.who("orders-primary", clock.now()).people == {ALICE}
