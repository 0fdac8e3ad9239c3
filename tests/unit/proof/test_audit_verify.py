"""`jit audit verify` and `jit audit prove`, as typed: what they say, and how they exit."""

import json
import os
import stat

import pytest
from click.testing import CliRunner

from bot.mirror.follower import Mirror
from bot.mirror.message import STANDS
from jit.cli.audit.prove import prove
from jit.cli.audit.verify import verify
from jit.facts import KeyChanged, RecordRead, Source
from jit.ledger import Notes
from jit.proof.audit.live import live
from jit.proof.tlog.note import SignerKey
from jit.runtime.settings import CannotStart
from tests.world.base import RULES
from tests.world.record import ORIGIN, Record
from tests.world.tamper import past_the_guards


@pytest.fixture
def record(tmp_path, monkeypatch):
    record = Record(tmp_path)
    monkeypatch.setenv("JIT_LEDGER_URL", record.url)
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.delenv("JIT_SIGNING_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    yield record
    record.close()


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def verdict(*arguments):
    done = run(verify, *arguments)
    return done.exit_code, json.loads(done.stdout)


def export(record, folder, **files):
    folder.mkdir()
    (folder / "entries.jsonl").write_bytes(b"".join(body + b"\n" for _, body, _ in record.entries()))
    checkpoints = (
        {"note": record.checkpoints.full_note(checkpoint).decode()} for checkpoint in record.checkpoints.all()
    )
    (folder / "checkpoints.jsonl").write_text("".join(json.dumps(checkpoint) + "\n" for checkpoint in checkpoints))
    for name, lines in files.items():
        (folder / name.replace("_", ".")).write_text(lines)
    return folder


def test_the_live_ledger_is_signed_by_the_key_the_auditor_names(record):
    record.whole()
    record.sign()
    code, said = verdict("--key", record.key.verifier())
    assert (code, said["grade"], said["keys_from_outside"]) == (0, "signed", True)
    assert said["size"] == len(record.entries())


def test_a_key_may_be_given_as_a_file(record, tmp_path):
    record.sign()
    (tmp_path / "log.vkey").write_text(f"{record.key.verifier()}\n")
    assert verdict("--key", tmp_path / "log.vkey")[0] == 0


def test_on_the_signers_own_machine_its_key_is_used(record, tmp_path):
    record.sign()
    (tmp_path / "signer").mkdir()
    path = tmp_path / "signer" / "log.key"
    path.write_text(record.key.skey())
    path.chmod(0o600)
    assert verdict()[1]["keys_from_outside"]


def test_without_a_key_the_one_the_record_names_is_used_and_the_verdict_says_so(record):
    record.ledger.append(
        [KeyChanged(at=record.clock.now(), actor="signer@jit-1", source=Source.SIGNER, key=str(record.key.verifier()))]
    )
    record.sign()
    code, said = verdict()
    assert (code, said["grade"], said["keys_from_outside"]) == (0, "signed", False)
    assert "The key came with" in json.dumps(said["not_excluded"])


def test_what_is_not_signed_exits_with_three_and_is_called_unsigned(record):
    record.whole()
    code, said = verdict("--key", record.key.verifier())
    assert (code, said["grade"], said["exit_code"]) == (3, "unsigned", 3)
    assert verdict("--require", "unsigned")[0] == 0


def test_a_grade_that_is_asked_for_and_not_reached_exits_with_three(record):
    record.sign()
    assert verdict("--key", record.key.verifier(), "--require", "anchored")[0] == 3


def test_checkpoints_saved_from_the_channel_anchor_the_record(record, tmp_path):
    note = record.sign()
    saved = tmp_path / "channel.jsonl"
    saved.write_text(json.dumps({"ts": "1.0", "channel": "C0AUDIT01", "note": note.decode()}) + "\n")
    code, said = verdict("--key", record.key.verifier(), "--channel", saved, "--require", "anchored")
    assert (code, said["reached"]) == (0, ["signed", "anchored"])


def test_an_exported_folder_is_checked_without_a_database(record, tmp_path, monkeypatch):
    record.whole()
    record.sign()
    folder = export(record, tmp_path / "copy")
    monkeypatch.setenv("JIT_LEDGER_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert verdict(folder, "--key", record.key.verifier())[1]["grade"] == "signed"
    assert verdict(folder / "entries.jsonl", "--require", "unsigned")[0] == 0


def test_a_key_that_came_with_a_folder_is_used_and_the_verdict_says_so(record, tmp_path):
    record.sign()
    folder = export(record, tmp_path / "copy", keys_txt=f"{record.key.verifier()}\n")
    assert verdict(folder)[1]["keys_from_outside"] is False
    stranger = SignerKey.generate(ORIGIN).verifier()
    assert verdict(folder, "--key", stranger)[0] == 4


def test_a_bundle_and_its_page_check_alike(record):
    record.whole()
    record.sign()
    assert run(prove, "7f3k").exit_code == 0
    for name in ("R-7F3K.evidence.json", "R-7F3K.evidence.html"):
        code, said = verdict(name, "--key", record.key.verifier())
        assert (code, said["grade"], said["keys_from_outside"]) == (0, "signed", True)
        assert any("called on the page" in remark for remark in said["remarks"]) == name.endswith(".html")


def test_checkpoints_of_elsewhere_raise_the_grade_only_where_the_auditor_names_them(record, tmp_path):
    """In the folder they came with the copy, from whoever made it."""
    line = json.dumps({"note": record.sign().decode()}) + "\n"
    (tmp_path / "mine.jsonl").write_text(line)
    key = ("--key", record.key.verifier())
    for name, mark in (("channel", "anchored"), ("locked", "locked")):
        folder = export(record, tmp_path / f"copy of {name}", **{f"{name}_jsonl": line})
        code, said = verdict(folder, *key, "--require", mark)
        assert (code, said["reached"]) == (3, ["signed"]), name
        assert any(f"{name}.jsonl lay in the copy" in remark for remark in said["remarks"]), name
        for what in ([folder], [folder / "entries.jsonl"], []):
            assert verdict(*what, *key, f"--{name}", tmp_path / "mine.jsonl", "--require", mark)[0] == 0, (name, what)
        assert run(verify, folder, *key, f"--{name}", tmp_path / "none.jsonl").exit_code == 1, name


def test_a_page_whose_words_were_changed_is_broken_though_its_bundle_is_not(record, tmp_path):
    record.whole()
    record.sign()
    run(prove, "7f3k")
    page = tmp_path / "R-7F3K.evidence.html"
    page.write_bytes(page.read_bytes().replace(b"approved it", b"refused it", 1))
    code, said = verdict(page, "--key", record.key.verifier())
    assert code == 4
    assert "The words of the page" in said["findings"][0]["says"]


def test_what_cannot_be_checked_exits_with_one_and_a_sentence(record, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.html").write_text("<!doctype html>")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "entries.jsonl").write_text("")
    (tmp_path / "keys" / "keys.txt").write_text("no key\n")
    for what in ("nothing-here", "empty", "broken.html", "keys"):
        done = run(verify, what)
        assert (done.exit_code, done.stdout) == (1, ""), what
        assert done.stderr.startswith("jit: could not be checked: "), what


def test_what_is_typed_wrong_exits_with_two(record):
    for option, value in (("require", "valid"), ("key", "no+key+here"), ("key", "/nowhere"), ("witnesses-needed", "0")):
        assert run(verify, f"--{option}", value).exit_code == 2, (option, value)


def test_a_ledger_that_is_not_there_cannot_be_checked(monkeypatch, tmp_path):
    monkeypatch.setenv("JIT_LEDGER_URL", f"sqlite:///{tmp_path / 'none.db'}")
    assert run(verify).exit_code == 1
    with pytest.raises(CannotStart), live(f"sqlite:///{tmp_path / 'none.db'}"):
        pass


def test_a_file_that_is_no_ledger_cannot_be_checked(monkeypatch, tmp_path):
    (tmp_path / "odd.db").write_bytes(os.urandom(4096))
    monkeypatch.setenv("JIT_LEDGER_URL", f"sqlite:///{tmp_path / 'odd.db'}")
    done = run(verify)
    assert done.exit_code == 1
    assert "could not be checked" in done.stderr


def test_odd_values_in_the_database_break_the_verdict_and_not_the_command(record):
    record.whole()
    record.sign()
    with record.engine.begin() as connection, past_the_guards(connection):
        odd = ("body = 7", "body = CAST(x'ff00fe' AS TEXT)", "hash = x'ff'", "hash = 3.5", "kind = x'ff'", "kind = 9")
        for index, change in enumerate(odd, 3):
            connection.exec_driver_sql(f'UPDATE entries SET {change} WHERE "index" = {index}')
        connection.exec_driver_sql("UPDATE checkpoints SET note = 12")
    code, said = verdict("--key", record.key.verifier())
    assert code == 4
    assert {finding["index"] for finding in said["findings"]} >= {3, 4, 5, 6, 7, 8}


def test_in_a_terminal_the_grade_stands_first_and_what_it_does_not_exclude_last(record, monkeypatch):
    record.whole()
    record.sign()
    monkeypatch.setattr("jit.cli.audit.verify.to_terminal", lambda: True)
    lines = run(verify, "--key", record.key.verifier()).stdout.splitlines()
    assert lines[0] == "intact, signed"
    assert "Not excluded:" in lines
    assert "valid" not in " ".join(lines).replace("invalid", "")


def test_verifying_writes_nothing(record):
    before = record.entries()
    verdict()
    assert record.entries() == before


def test_proving_is_recorded_before_anything_is_written(record):
    record.whole()
    record.sign()
    run(prove, "7f3k")
    last = record.ledger.read(limit=100)[-1].fact
    assert isinstance(last, RecordRead)
    assert (last.how, last.asked) == ("prove", "R-7F3K")


def test_where_it_cannot_be_recorded_nothing_is_written(record, tmp_path, monkeypatch):
    record.whole()

    def refuse(*_arguments):
        raise CannotStart("it could not be recorded who reads")

    monkeypatch.setattr("jit.cli.audit.prove.record_reading", refuse)
    assert isinstance(run(prove, "7f3k").exception, CannotStart)
    assert not list(tmp_path.glob("R-*"))


def test_evidence_is_for_its_owner_alone_and_never_written_over(record, tmp_path):
    record.whole()
    assert run(prove, "7f3k", "--out", "mine").exit_code == 0
    assert stat.S_IMODE((tmp_path / "mine.json").stat().st_mode) == 0o600
    first = (tmp_path / "mine.json").read_bytes()
    again = run(prove, "7f3k", "--out", "mine")
    assert again.exit_code == 1
    assert "would be written over" in again.stderr
    assert (tmp_path / "mine.json").read_bytes() == first
    assert run(prove, "7f3k", "--out", "mine", "--force").exit_code == 0


def test_people_are_called_by_their_names_on_the_page(record, tmp_path):
    record.names()
    record.whole()
    run(prove, "7f3k")
    page = (tmp_path / "R-7F3K.evidence.html").read_text()
    assert "<bdi>Alice</bdi>" in page
    assert "<bdi>Eve</bdi>" in page


def test_the_messages_of_the_audit_channel_that_show_it_are_named(record, tmp_path):
    record.whole()
    shown = {"1.5": [2, 4], "1.7": [11, 12], "1.6": [9, 10]}
    notes = {f"{STANDS}{ts}": json.dumps(["C0AUDIT01", *span, "ab"]) for ts, span in shown.items()}
    Notes(record.engine, Mirror.name).put({**notes, f"{STANDS}1.8": "odd", f"{STANDS}1.9": '["C", "a", "b", "c"]'})
    run(prove, "7f3k")
    named = json.loads((tmp_path / "R-7F3K.evidence.json").read_text())["anchors"]
    assert named == [{"channel": "C0AUDIT01", "ts": "1.5"}, {"channel": "C0AUDIT01", "ts": "1.6"}]
    assert "message <bdi>1.5</bdi>" in (tmp_path / "R-7F3K.evidence.html").read_text()


def test_a_request_that_is_not_there_is_said_without_a_file(record, tmp_path):
    done = run(prove, "R-ZZZZ")
    assert done.exit_code == 1
    assert "There is no request R-ZZZZ" in done.stderr
    assert not list(tmp_path.glob("R-*"))
    assert run(prove, "../../x").exit_code == 2


def test_rules_this_version_cannot_read_are_shown_as_far_as_the_entries_go(record, tmp_path):
    """A later version may know more keys; what it proves stays."""
    record.policy = RULES
    story = record.story(policy_version="c" * 64)
    story.asked()
    assert run(prove, "7f3k").exit_code == 0
    assert "Their text is not in this bundle" in (tmp_path / "R-7F3K.evidence.html").read_text().replace("\n", " ")
