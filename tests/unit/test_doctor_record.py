"""What the doctor says of the rules, of a ledger in a file, and of what waits beside it."""

import os
import shlex
import sqlite3
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from jit.doctor import Check, Part, State, examine
from jit.doctor.ledger import look_at_ledger
from jit.doctor.policies import look_at_policies
from jit.doctor.spool import look_at_spool
from jit.ledger import Ledger, connect, create_tables
from jit.ledger.spool import FILE, PUT_ASIDE
from jit.policy.check import check_folder
from tests.fakes import SetClock
from tests.life import POLICY, Story

POLICIES = Path(__file__).parents[2] / "policies"


def lines(look):
    return examine([Check(Part.LEDGER, "it", look)], 10)


def to_mend(look):
    return [line for line in lines(look) if line.ok is False]


@pytest.fixture
def ledger(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    return Ledger(engine, SetClock())


@pytest.fixture
def look(tmp_path):
    return lambda: look_at_ledger(SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"), SetClock())


def change(tmp_path, statement):
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        raw.execute(statement)


def test_a_ledger_as_it_should_be_has_nothing_to_mend_and_one_note(ledger, look):
    Story(ledger, ledger.clock).active()
    assert [line.what for line in lines(look) if line.state is State.OK] == [
        f"{ledger.last_index()} entries; the newest {ledger.last_index()} hang together",
        "the ledger goes by this machine's clock",
    ]
    (note,) = [line for line in lines(look) if line.state is State.NOTE]
    assert "separates nobody" in note.what
    assert to_mend(look) == []


def test_where_there_is_no_ledger_none_is_made(tmp_path, look):
    (line,) = lines(look)
    assert line.state is State.NOTE
    assert "there is no ledger at" in line.what
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_entries_are_read(ledger, look, tmp_path, monkeypatch):
    monkeypatch.setattr("jit.doctor.ledger.NEWEST", 3)
    Story(ledger, ledger.clock).active()
    change(tmp_path, "UPDATE entries SET body = 'nothing' WHERE \"index\" = 1")
    assert any("the newest 3 hang together" in line.what for line in lines(look))
    change(tmp_path, f'DELETE FROM entries WHERE "index" = {ledger.last_index() - 1}')
    assert to_mend(look)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ('DELETE FROM entries WHERE "index" = 2', "entry 2: missing"),
        ("UPDATE entries SET body = replace(body, 'stuck', 'other') WHERE \"index\" = 1", "entry 1: its bytes"),
        ("UPDATE entries SET body = 'nothing' WHERE \"index\" = 3", "entry 3: it cannot be read"),
    ],
)
def test_a_record_that_was_changed_is_named_by_its_first_wrong_entry(ledger, look, tmp_path, damage, says):
    Story(ledger, ledger.clock).active()
    change(tmp_path, damage)
    (line,) = to_mend(look)
    assert says in line.what
    assert "Keep the database as it is" in line.remedy


def test_tables_of_another_version_stop_everything(ledger, look, tmp_path):
    change(tmp_path, "UPDATE made_by SET version = 99")
    (line,) = to_mend(look)
    assert "version 99" in line.what
    assert line.stops_all


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path, look):
    (tmp_path / "ledger.db").write_text("something else, and long enough to be read as a header of a file" * 9)
    assert any("file is not a database" in line.what for line in to_mend(look))


def test_an_address_that_is_none_says_how_one_is_written():
    (line,) = to_mend(lambda: look_at_ledger(SecretStr("mysql://x/y"), SetClock()))
    assert "JIT_LEDGER_URL" in line.remedy


def test_a_file_that_others_can_write_is_mended_by_the_command_printed(ledger, look, tmp_path):
    (tmp_path / "ledger.db").chmod(0o666)
    (line,) = to_mend(look)
    subprocess.run(shlex.split(line.remedy), check=True)
    assert to_mend(look) == []


def test_a_record_that_others_can_read_is_mended_by_the_command_printed(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    folder.chmod(0o755)
    path = folder / "ledger.db"
    engine = connect(f"sqlite:///{path}")
    create_tables(engine)
    for each in folder.iterdir():
        each.chmod(0o644)

    def look():
        return look_at_ledger(SecretStr(f"sqlite:///{path}"), SetClock())

    (line,) = to_mend(look)
    assert "others on this machine can read the record" in line.what
    subprocess.run(shlex.split(line.remedy), check=True)
    assert to_mend(look) == []
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    engine.dispose()


def test_a_record_in_a_folder_that_others_cannot_enter_is_read_by_nobody(ledger, look, tmp_path):
    (tmp_path / "ledger.db").chmod(0o644)
    tmp_path.chmod(0o700)
    assert to_mend(look) == []


def test_a_folder_that_others_can_write_is_mended_by_the_command_printed(tmp_path):
    tmp_path.chmod(0o777)
    (line,) = to_mend(lambda: look_at_spool(tmp_path, tmp_path / "spool"))
    subprocess.run(shlex.split(line.remedy), check=True)
    assert [line.state for line in lines(lambda: look_at_spool(tmp_path, tmp_path / "spool"))] == [State.OK]


def test_a_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    (line,) = to_mend(lambda: look_at_spool(tmp_path, tmp_path / "spool"))
    assert "cannot be written" in line.what


def test_facts_that_wait_and_lines_that_were_refused_are_noted(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o700)
    (spool / FILE).write_text("{}\n{}\n")
    (spool / PUT_ASIDE).write_text("{}\n")
    assert [line.what.split(" ")[0] for line in lines(lambda: look_at_spool(tmp_path, spool))[1:]] == ["2", "1"]
    assert to_mend(lambda: look_at_spool(tmp_path, spool)) == []


def test_without_a_data_folder_the_spool_is_not_looked_at(tmp_path):
    (line,) = lines(lambda: look_at_spool(tmp_path / "var", tmp_path / "var" / "spool"))
    assert line.state is State.NOT_LOOKED_AT
    assert list(tmp_path.iterdir()) == []


def test_every_mistake_in_the_rules_is_a_line(tmp_path):
    (tmp_path / "a.policy.yml").write_text(POLICY.replace("8h", "8 parsecs").replace("grants:", "grnts:"))
    found = to_mend(lambda: look_at_policies(check_folder(tmp_path)))
    assert len(found) > 1
    assert all("a.policy.yml:" in line.what and line.stops_all for line in found)


def test_rules_as_they_should_be_are_a_line_and_what_is_easily_not_meant_a_note():
    first, remark = lines(lambda: look_at_policies(check_folder(POLICIES)))
    assert first.what.startswith("3 accesses, 1 target")
    assert remark.state is State.NOTE
    assert remark.what == "U03CAROL0 alone can meet every quorum of orders-db/admin."
