"""Who held what at a moment: `jit who`."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from jit.cli.main import cli
from jit.detect.reconcile import FIRST, alert_id
from jit.detect.words import how_to_remove
from jit.facts import Alert, AlertName, Reconciled, Source
from jit.ledger import StoredDirectory, TamperedEntry
from jit.ledger.privacy.erasing import erase
from jit.ledger.schema import entries
from jit.people.person import Person
from jit.proof.audit.held import held_at
from jit.proof.audit.index import SearchIndex
from jit.proof.audit.search import find_people
from jit.testing import ALICE, BOB, CAROL, T0, ManualClock, Story, ledger_in
from tests.world.activity import collect, collector, json_line
from tests.world.tamper import past_the_guards

HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def ledger(tmp_path, monkeypatch, clock):
    """Alice held orders-db/read from 0:00 to 1:00, Bob holds books/write from 2:00 on, Carol was denied."""
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.delenv("JIT_LEDGER_URL", raising=False)
    ledger = ledger_in(tmp_path / "ledger.db", clock)
    StoredDirectory(ledger.engine).keep_person(Person(id=ALICE, team="T1", name="Alice Änger", handle="alice"), T0)
    alices = Story(ledger, clock).active()
    clock.time += HOUR
    alices.ending()
    alices.ended()
    clock.time += HOUR
    Story(ledger, clock, "R-BBBB", {"requester": BOB, "access": "books/write", "target": "books"}).active()
    carols = Story(ledger, clock, "R-CCCC", {"requester": CAROL, "access": "books/write", "target": "books"})
    carols.asked()
    carols.denied("not now", by=BOB)
    clock.time += HOUR
    return ledger


def held(ledger, at, index=None, **asked):
    return [(each.fact.request_id, each.ended) for each in held_at(ledger, at, index or SearchIndex(), **asked)]


def run(*words):
    told = CliRunner().invoke(cli, ["who", *words])
    return told, [json.loads(line) for line in told.stdout.splitlines()] if not told.exception else []


def test_what_was_given_and_had_not_ended_was_held(ledger):
    for hours, expected in ((-1, []), (0, ["R-7F3K"]), (0.9, ["R-7F3K"]), (1, []), (2, ["R-BBBB"]), (3, ["R-BBBB"])):
        assert [request for request, _ in held(ledger, T0 + hours * HOUR)] == expected, hours


def test_of_what_is_over_it_is_known_when_it_ended(ledger):
    assert held(ledger, T0) == [("R-7F3K", T0 + HOUR)]
    assert held(ledger, T0 + 2 * HOUR) == [("R-BBBB", None)]


def test_it_is_asked_by_access_by_target_and_by_person(ledger):
    for called, expected in (("books/write", ["R-BBBB"]), ("books", ["R-BBBB"]), ("orders-db", []), ("nothing", [])):
        assert [request for request, _ in held(ledger, T0 + 2 * HOUR, called=called)] == expected, called
    for who, expected in ((BOB, ["R-BBBB"]), (CAROL, []), (ALICE, [])):
        people = find_people(ledger.engine, who, {})
        assert [request for request, _ in held(ledger, T0 + 2 * HOUR, people=people)] == expected, who
    assert [request for request, _ in held(ledger, T0, people=find_people(ledger.engine, BOB, {}))] == []


def test_what_comes_later_is_added_to_what_was_known(ledger, clock, tmp_path):
    index = SearchIndex(tmp_path)
    assert held(ledger, clock.now(), index) == [("R-BBBB", None)]
    bobs = Story(ledger, clock, "R-BBBB", {"requester": BOB, "access": "books/write", "target": "books"})
    bobs.ending()
    bobs.ended()
    assert held(ledger, clock.now(), index) == []
    assert held(ledger, T0 + 2 * HOUR, index) == [("R-BBBB", clock.now())]


def test_an_end_by_a_clock_that_is_behind_is_an_end(ledger, clock):
    """Of two hosts. Nothing is held then from its grant on, and for no moment before."""
    story = Story(ledger, clock, "R-DDDD").active()
    given = clock.now()
    clock.time -= timedelta(seconds=1)
    story.ending()
    story.ended()
    assert "R-DDDD" not in dict(held(ledger, given))
    assert "R-DDDD" not in dict(held(ledger, given + HOUR))


def test_who_was_erased_is_told_by_nobody(ledger):
    erase(ledger, ALICE, legal_basis="GDPR Art. 17(1)(a)", actor="cli:root@host")
    (holding,) = held_at(ledger, T0, SearchIndex())
    assert holding.fact.requester.startswith("erased:")
    told, _ = run("--at", f"{T0.isoformat()}", "--json")
    assert ALICE not in told.output


def test_an_entry_that_was_changed_is_told_of(ledger):
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.kind == "granted").values(hash="0" * 64))
    found = list(held_at(ledger, T0, SearchIndex()))
    assert found
    assert all(isinstance(each, TamperedEntry) for each in found)
    told, _ = run("--at", T0.isoformat())
    assert told.exit_code == 4


def test_the_command_tells_who_since_when_and_until_when(ledger):
    at = (T0 + HOUR / 2).isoformat()
    (row,) = run("--at", at)[1]
    assert row == {
        "id": "R-7F3K", "who": ALICE, "access": "orders-db/read", "target": "orders-db",
        "permissions": ["orders_read"], "since": T0.isoformat(), "until": (T0 + HOUR).isoformat(), "ended": True,
    }  # fmt: skip
    for what in ("orders-db", "orders-db/read", "alice", "Alice Änger", ALICE):
        assert run(what, "--at", at)[1] == [row], what
    for what in ("books", BOB, "nobody"):
        assert run(what, "--at", at)[1] == [], what
    assert run("--at", (T0 + 5 * HOUR).isoformat())[0].exit_code in {0, 2}


def test_who_asked_is_recorded_and_whom_they_asked_for_stays_closed(ledger):
    run(ALICE, "--at", T0.isoformat())
    fact = ledger.read(limit=1000)[-1].fact
    assert (fact.kind, fact.how) == ("record.read", "search")
    assert fact.asked.startswith("who sealed:")
    assert ALICE not in fact.asked


def test_what_is_to_come_is_not_known_yet(ledger):
    told = CliRunner().invoke(cli, ["who", "--at", "9998-01-01"])
    assert told.exit_code == 2
    assert "to come" in told.stderr


def test_a_terminal_has_a_table(ledger, monkeypatch):
    monkeypatch.setattr("jit.cli.who.to_terminal", lambda: True)
    told = CliRunner().invoke(cli, ["who", "--at", T0.isoformat()])
    assert "R-7F3K" in told.stdout
    assert "Nobody held it" in CliRunner().invoke(cli, ["who", "--at", (T0 - HOUR).isoformat()]).stdout


def test_what_was_done_with_it_so_far_stands_beside_it(ledger, clock, tmp_path):
    log = tmp_path / "lines"
    story = Story(ledger, clock, "R-DDDD").active()
    reader = collector(SimpleNamespace(ledger=ledger, clock=clock), log)
    log.write_text(json_line("statement: SELECT 1", at=clock.now()) * 2)
    collect(reader)
    told, rows = run()
    assert [(row["id"], row.get("done", "")) for row in rows] == [("R-BBBB", ""), (story.id, rows[-1]["done"])]
    assert rows[-1]["done"].startswith("2 statements, last 20")
    assert told.exit_code == 0
    assert "done" not in run("--at", T0.isoformat())[1][0]


def test_what_nobody_granted_stands_below_it_now_and_not_of_a_moment_before(ledger, clock):
    told = {"at": clock.now(), "actor": "timekeeper@host", "source": Source.TIMEKEEPER, "target": "books"}
    says = f"mallory has books_read on books.{how_to_remove('books', 'f00dfeed0123')}"
    compared = Reconciled(outcome="new", found=3, known=("f00dfeed0123",), **told)
    same = alert_id("books", f"f00dfeed0123 {FIRST}")
    ledger.append([compared, Alert(id=same, name=AlertName.DRIFT, says=says, **told)])
    for what in ("", "books"):
        result, rows = run(*filter(None, [what]))
        assert rows[-1] == {
            "finding": "f00dfeed0123",
            "target": "books",
            "says": "mallory has books_read on books.",
            "ends": "jit reconcile books --remove f00dfeed0123",
            "since": clock.now().isoformat(timespec="seconds"),
        }
        assert "2 more that nobody granted" in result.stderr
    for words in (["--at", clock.now().isoformat()], ["orders-db"]):
        assert all("finding" not in row for row in run(*words)[1])
