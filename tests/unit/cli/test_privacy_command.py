"""`jit privacy`, as it is typed."""

import getpass
import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.ledger import Ledger
from jit.ledger.schema import person_keys
from jit.testing import ALICE, BOB, Story, ledger_in

BASIS = ["--legal-basis", "GDPR Art. 17(1)(a)"]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.delenv("JIT_LEDGER_URL", raising=False)
    return ledger_in(tmp_path / "ledger.db", SystemClock())


@pytest.fixture
def story(ledger: Ledger) -> Story:
    story = Story(ledger, ledger.clock).active()
    story.released()
    story.ended()
    return story


def jit(*words: str, **more):
    return CliRunner().invoke(cli, ["privacy", *words], **more)


def test_it_says_what_was_done_and_what_is_left_to_do(ledger, story):
    told = jit("erase", ALICE, *BASIS, "--yes")
    assert told.exit_code == 0, told.output
    assert f"entry {ledger.last_index()}" in told.output
    for word in ("Slack", "backups", "rules", "spool", "logs"):
        assert word in told.output
    assert len(told.output.splitlines()) <= 10
    newest = ledger.read()[-1].fact
    assert newest.kind == "person.erased"
    assert newest.legal_basis == BASIS[1]
    assert newest.actor == f"cli:{getpass.getuser()}@{socket.gethostname()}"
    ledger.clock = SystemClock()
    assert Ledger(ledger.engine, ledger.clock).request(story.id).requester.startswith("erased:")


def test_a_second_time_it_says_that_there_is_nothing(ledger, story):
    jit("erase", ALICE, *BASIS, "--yes")
    told = jit("erase", ALICE, *BASIS, "--yes")
    assert told.exit_code == 0
    assert told.output == f"There is nothing of {ALICE} here. Nothing was recorded.\n"


def test_it_says_which_requests_stand_in_the_way(ledger):
    Story(ledger, ledger.clock).active()
    told = jit("erase", ALICE, *BASIS, "--yes")
    assert told.exit_code == 1
    assert "R-7F3K (active)" in told.output
    assert "jit revoke" in told.output


def test_without_a_terminal_and_without_yes_nothing_is_done(ledger, story):
    before = ledger.last_index()
    told = jit("erase", ALICE, *BASIS)
    assert told.exit_code == 2
    assert "--yes" in told.output
    assert ledger.last_index() == before


@pytest.mark.parametrize(("answer", "erased"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(ledger, story, monkeypatch, answer, erased):
    monkeypatch.setattr("jit.cli.privacy.at_a_terminal", lambda: True)
    told = jit("erase", ALICE, *BASIS, input=answer)
    assert "cannot be undone" in told.output
    assert (told.exit_code == 0) is erased
    assert (ledger.read()[-1].fact.kind == "person.erased") is erased


def test_what_makes_no_sense_does_nothing(ledger, story):
    before = ledger.last_index()
    for words in (
        *([who, *BASIS] for who in ("alice", "", "U01'; --", "cli:eve", "worker@host")),
        *([ALICE, "--legal-basis", why] for why in (" ", "two\nlines", f"{ALICE} asked for it", "x" * 501)),
        [ALICE],
    ):
        assert jit("erase", *words, "--yes").exit_code == 2, words
        assert ledger.last_index() == before, words


def test_no_ledger_is_no_quiet_success(tmp_path, monkeypatch):
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "elsewhere"))
    assert jit("erase", ALICE, *BASIS, "--yes").exit_code != 0


def test_what_a_backup_brought_back_is_deleted_again(ledger, story):
    with ledger.engine.connect() as connection:
        kept = next(row for row in connection.execute(person_keys.select()) if row.person == ALICE)
    jit("erase", ALICE, *BASIS, "--yes")
    with ledger.engine.begin() as connection:
        connection.execute(person_keys.insert().values(kept))
    assert jit("again").output == "Keys deleted again: 1.\n"
    assert jit("again").output == "No key is here that was deleted before.\n"
    with ledger.engine.connect() as connection:
        assert {row.person for row in connection.execute(person_keys.select())} >= {BOB}


def test_show_and_list_go_on_without_the_name(ledger, story):
    jit("erase", ALICE, *BASIS, "--yes")
    shown = CliRunner().invoke(cli, ["show", story.id])
    entries = [json.loads(line) for line in shown.output.splitlines()]
    assert [entry["fact"]["kind"] for entry in entries] == [
        "requested",
        "approval",
        "approved",
        "grant.intent",
        "granted",
        "released",
        "ended",
    ]
    assert entries[0]["fact"]["requester"].startswith("erased:")
    listed = CliRunner().invoke(cli, ["list", "--all"])
    assert json.loads(listed.output)["who"] == entries[0]["fact"]["requester"]
    assert ALICE not in shown.output + listed.output
