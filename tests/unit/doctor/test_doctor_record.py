"""What the doctor says of the rules, of a ledger in a file, and of what waits beside it."""

import os
import shlex
import sqlite3
import subprocess
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import func, insert, select

from jit.cli.main import cli
from jit.doctor import Check, Part, State, examine
from jit.facts import Alert, AlertName, Source
from jit.ledger import Spool, connect, create_tables
from jit.ledger.doctor.spool import look_at_spool
from jit.ledger.schema import checkpoints
from jit.ledger.spool_files import PUT_ASIDE
from jit.ledger.unavailable import Forbidden
from jit.policy.doctor import look_at_policies, look_at_writers
from jit.policy.files.check import check_folder
from jit.proof.doctor.ledger import look_at_ledger
from jit.proof.tlog.note import SignerKey, checkpoint_text, sign
from jit.testing import ManualClock, Story, ledger_in
from tests.world.base import RULES
from tests.world.spooling import late
from tests.world.tamper import past_the_guards

POLICIES = Path(__file__).parents[3] / "policies"


def lines(look):
    return examine([Check(Part.LEDGER, "it", look)], 10)


def to_mend(look):
    return [line for line in lines(look) if line.ok is False]


@pytest.fixture
def ledger(tmp_path):
    return ledger_in(tmp_path / "ledger.db", ManualClock())


@pytest.fixture
def look(tmp_path):
    return lambda: look_at_ledger(SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"), ManualClock())


def change(tmp_path, statement, *, guarded=False):
    with sqlite3.connect(tmp_path / "ledger.db") as raw, nullcontext() if guarded else past_the_guards(raw):
        raw.execute(statement)


def test_a_ledger_as_it_should_be_has_nothing_to_mend_and_two_notes(ledger, look):
    Story(ledger, ledger.clock).active()
    assert [line.what for line in lines(look) if line.state is State.OK] == [
        f"{ledger.last_index()} entries; the newest {ledger.last_index()} hang together",
        "the ledger goes by this machine's clock",
    ]
    separates, unsigned = [line for line in lines(look) if line.state is State.NOTE]
    assert "separates nobody" in separates.what
    assert "no checkpoint of the record was ever signed" in unsigned.what
    assert to_mend(look) == []


def test_where_there_is_no_ledger_none_is_made(tmp_path, look):
    (line,) = lines(look)
    assert line.state is State.NOTE
    assert "there is no ledger at" in line.what
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_entries_are_read(ledger, look, tmp_path, monkeypatch):
    monkeypatch.setattr("jit.proof.doctor.ledger.NEWEST", 3)
    Story(ledger, ledger.clock).active()
    change(tmp_path, "UPDATE entries SET body = 'nothing' WHERE \"index\" = 1")
    assert any("the newest 3 hang together" in line.what for line in lines(look))
    change(tmp_path, f'DELETE FROM entries WHERE "index" = {ledger.last_index() - 1}')
    assert to_mend(look)


def test_a_record_that_was_changed_is_named_by_its_first_wrong_entry(ledger, look, tmp_path):
    Story(ledger, ledger.clock).active()
    for damage, says in (
        ('DELETE FROM entries WHERE "index" = 2', "entry 2: missing"),
        ("UPDATE entries SET body = replace(body, 'orders-db', 'other-db') WHERE \"index\" = 1", "entry 1: its bytes"),
        ("UPDATE entries SET body = 'nothing' WHERE \"index\" = 3", "entry 3: it cannot be read"),
    ):
        change(tmp_path, damage)
        (line,) = to_mend(look)
        assert says in line.what
        assert "Keep the database as it is" in line.remedy


def test_guards_taken_away_are_named_and_put_up_by_the_command_printed(ledger, look, tmp_path, monkeypatch):
    Story(ledger, ledger.clock).active()
    change(tmp_path, "DROP TRIGGER entries_no_update", guarded=True)
    change(tmp_path, "DROP TRIGGER checkpoints_no_delete", guarded=True)
    (line,) = to_mend(look)
    assert "entries_no_update, checkpoints_no_delete" in line.what
    command = line.remedy.split("\n")[1]
    assert command.split()[0] == "jit"
    monkeypatch.setenv("JIT_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    assert CliRunner().invoke(cli, command.split()[1:]).exit_code == 0
    assert to_mend(look) == []


class TestCheckpoints:
    def signed(self, ledger, size, ago=0.0, says=None):
        note = sign(checkpoint_text("jit.test", says or size, b"r" * 32), SignerKey.generate("jit.test"))
        with ledger.engine.begin() as connection:
            number = connection.scalar(select(func.count()).select_from(checkpoints)) + 1
            at = ledger.clock.now() - timedelta(minutes=ago)
            connection.execute(insert(checkpoints).values(number=number, size=size, signed_at=at, note=note))

    def test_that_cover_the_record_are_fine(self, ledger, look):
        Story(ledger, ledger.clock).active()
        self.signed(ledger, 2, ago=20)
        self.signed(ledger, ledger.last_index(), ago=5)
        assert to_mend(look) == []
        assert any(
            line.what == f"a checkpoint over {ledger.last_index()} entries was signed 5 min ago" for line in lines(look)
        )

    def test_that_cover_all_but_what_was_recorded_just_now_are_fine(self, ledger, look):
        Story(ledger, ledger.clock).active()
        self.signed(ledger, ledger.last_index() - 1, ago=5)
        assert to_mend(look) == []

    @pytest.mark.parametrize(("behind", "ago"), [(0, 12), (1, 2)], ids=["silent", "left behind"])
    def test_that_nobody_signs_any_more_are_to_be_mended(self, ledger, look, behind, ago):
        Story(ledger, ledger.clock).active()
        ledger.clock.move(minutes=2)
        self.signed(ledger, ledger.last_index() - behind, ago=ago)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ManualClock, "now", lambda _: ledger.clock.time)
            (line,) = to_mend(look)
        assert "nobody signs it" in line.what
        assert "jit signer" in line.remedy

    def test_that_cover_more_than_is_there_tell_of_entries_cut_off(self, ledger, look):
        Story(ledger, ledger.clock).active()
        self.signed(ledger, ledger.last_index() + 1)
        (line,) = to_mend(look)
        assert f"and {ledger.last_index()} are there" in line.what
        assert "Keep the database as it is" in line.remedy

    def test_that_say_another_size_than_their_table_are_to_be_mended(self, ledger, look):
        Story(ledger, ledger.clock).active()
        self.signed(ledger, ledger.last_index(), says=ledger.last_index() + 5)
        (line,) = to_mend(look)
        assert "does not say what its table says" in line.what

    def refused(self, ledger, says="The record is not signed any more: entry 2 is gone."):
        about = {"actor": "signer@x", "source": Source.SIGNER, "name": AlertName.CHECKPOINT_REFUSED, "says": says}
        ledger.append([Alert(at=ledger.clock.now(), **about)])

    def seconds_later(self, ledger, seconds):
        ledger.clock.move(seconds=seconds)
        clock = ManualClock(ledger.clock.time)
        return lambda: look_at_ledger(SecretStr(str(ledger.engine.url)), clock)

    def test_a_signer_that_refuses_is_not_ok_and_its_alert_is_named(self, ledger):
        Story(ledger, ledger.clock).active()
        self.signed(ledger, ledger.last_index())
        self.refused(ledger)
        Story(ledger, ledger.clock, "R-9999", {"requester": "U02BOB000"}).asked()
        (line,) = to_mend(self.seconds_later(ledger, 10))
        assert "the signer refuses to sign" in line.what
        assert "not signed any more: entry 2 is gone" in line.what
        assert "Start" not in line.remedy

    def test_an_alert_of_a_signer_that_goes_on_signing_is_no_refusal(self, ledger):
        Story(ledger, ledger.clock).active()
        self.signed(ledger, ledger.last_index())
        self.refused(ledger, "A witness knows another record.")
        assert to_mend(self.seconds_later(ledger, 1)) == []
        self.signed(ledger, ledger.last_index())
        assert to_mend(self.seconds_later(ledger, 10)) == []


def test_the_chain_is_checked_without_the_keys_of_people(ledger, look, tmp_path):
    """Not every login may read them; the one that signs may not."""
    Story(ledger, ledger.clock).active()
    change(tmp_path, "DROP TABLE person_keys")
    assert any("hang together" in line.what for line in lines(look))


def test_a_right_that_is_missing_is_not_said_to_be_a_database_that_does_not_answer(ledger, look, monkeypatch):
    def refuse(*_, **__):
        raise Forbidden("InsufficientPrivilege: permission denied for table entries")

    Story(ledger, ledger.clock).asked()
    monkeypatch.setattr("jit.proof.doctor.ledger.check_chain", refuse)
    (line,) = to_mend(look)
    assert "refuses this login" in line.what
    assert "permission denied for table entries" in line.what
    assert "does not answer" not in line.what
    assert "network" not in line.remedy


def test_older_tables_are_a_note_where_the_next_start_brings_them_up(ledger, look, tmp_path):
    change(tmp_path, "UPDATE made_by SET version = 1")
    (line,) = [line for line in lines(look) if "version 1" in line.what]
    assert line.state is State.NOTE
    create_tables(ledger.engine)
    assert to_mend(look) == []


def test_tables_of_another_version_stop_everything(ledger, look, tmp_path):
    change(tmp_path, "UPDATE made_by SET version = 99")
    (line,) = to_mend(look)
    assert "version 99" in line.what
    assert line.stops_all


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path, look):
    (tmp_path / "ledger.db").write_text("something else, and long enough to be read as a header of a file" * 9)
    assert any("file is not a database" in line.what for line in to_mend(look))


def test_an_address_that_is_none_says_how_one_is_written():
    (line,) = to_mend(lambda: look_at_ledger(SecretStr("mysql://x/y"), ManualClock()))
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
        return look_at_ledger(SecretStr(f"sqlite:///{path}"), ManualClock())

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
    Spool(spool).write([late("a"), late("b")])
    (spool / PUT_ASIDE).write_text("{}\n")
    assert [line.what.split(" ")[0] for line in lines(lambda: look_at_spool(tmp_path, spool))[1:]] == ["2", "1"]
    assert to_mend(lambda: look_at_spool(tmp_path, spool)) == []


def test_without_a_data_folder_the_spool_is_not_looked_at(tmp_path):
    (line,) = lines(lambda: look_at_spool(tmp_path / "var", tmp_path / "var" / "spool"))
    assert line.state is State.NOT_LOOKED_AT
    assert list(tmp_path.iterdir()) == []


def test_every_mistake_in_the_rules_is_a_line(tmp_path):
    (tmp_path / "a.policy.yml").write_text(RULES.replace("8h", "8 parsecs").replace("grants:", "grnts:"))
    found = to_mend(lambda: look_at_policies(check_folder(tmp_path)))
    assert len(found) > 1
    assert all("a.policy.yml:" in line.what and "rules of before stay" in line.remedy for line in found)
    assert not any(line.stops_all for line in found)  # access has to end all the same


def test_rules_as_they_should_be_are_a_line_and_what_is_easily_not_meant_a_note(tmp_path):
    written = (POLICIES / "orders.policy.yml").read_text()
    (tmp_path / "a.policy.yml").write_text(
        written.replace("- all_of:  ", "- different_people: false\n        all_of:  ")
    )
    first, remark = lines(lambda: look_at_policies(check_folder(tmp_path)))
    assert first.what.startswith("3 accesses, 1 target")
    assert remark.state is State.NOTE
    assert remark.what == "U03CAROL0 alone can meet every quorum of orders-db/admin."


def test_rules_that_everybody_may_write_are_to_be_mended(tmp_path):
    file = tmp_path / "a.policy.yml"
    file.write_text("")
    for path in (tmp_path, file):
        path.chmod(0o755)
    assert to_mend(lambda: look_at_writers(tmp_path)) == []
    for path in (tmp_path, file):
        path.chmod(0o777)
    found = to_mend(lambda: look_at_writers(tmp_path))
    assert [line.remedy for line in found] == [f"chmod o-w {tmp_path}", f"chmod o-w {file}"]
