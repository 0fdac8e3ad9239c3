"""`jit people`."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.facts import PersonRebound
from jit.ledger import StoredDirectory
from jit.ledger.of_people import rebound_email
from jit.people.person import Person
from jit.testing import BOB, CAROL, EVE, T0, ledger_in

OLD, NEW = "bob@example.com", "bob.berg@example.com"


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    ledger = ledger_in(tmp_path / "ledger.db", SystemClock())
    stored = StoredDirectory(ledger.engine)
    for person, email in ((BOB, OLD), (CAROL, "carol@example.com"), (EVE, "CAROL@example.com")):
        known = Person(id=person, team="T0TEST001", name=person, email=email).seen_after(None)
        stored.keep_person(known, T0)
    return ledger


def run(*words):
    return CliRunner().invoke(cli, ["people", *words])


def change(ledger):
    stored = StoredDirectory(ledger.engine)
    stored.keep_person(replace(stored.look_up(BOB), email=NEW), T0)


def test_whose_email_changed_and_who_are_one_person_is_listed(ledger):
    change(ledger)
    rows = {row["id"]: row for row in map(json.loads, run("list").output.splitlines())}
    assert rows.keys() == {BOB, CAROL, EVE}
    assert (rows[BOB]["changed"], rows[BOB]["email"], rows[BOB]["first_email"]) == (True, NEW, OLD)
    assert rows[CAROL]["also"] == [EVE]


def test_a_rebinding_is_recorded_with_who_and_why(ledger):
    change(ledger)
    assert run("rebind", BOB, "married,", "HR", "knows").exit_code == 0
    fact = ledger.read()[-1].fact
    assert isinstance(fact, PersonRebound)
    assert (fact.requester, fact.reason, fact.actor.partition(":")[0]) == (BOB, "married, HR knows", "cli")
    assert rebound_email(ledger, BOB) == NEW


def test_the_email_stands_in_no_bytes_of_the_record(ledger):
    change(ledger)
    run("rebind", BOB, "married")
    assert NEW.encode() not in b"".join(entry.body for entry in ledger.read())


def test_nothing_is_rebound_without_a_change_a_person_or_a_reason(ledger):
    change(ledger)
    for words, said in (
        ((CAROL, "married"), "has the e-mail that was seen first"),
        (("U0NOBODY1", "married"), "was seen here yet"),
        (("bob", "married"), "is no Slack id"),
        ((BOB, " "), "REASON"),
    ):
        told = run("rebind", *words)
        assert told.exit_code != 0
        assert said in told.output, told.output
    assert ledger.last_index() == 0
