"""`jit audit export`: exact bytes, events and rows; into a pipe, a file that grows, and a copy that can be verified."""

import base64
import csv
import errno
import fcntl
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, update

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.facts import KeyChanged, Source
from jit.ledger import Ledger, TamperedEntry
from jit.ledger.database import writing
from jit.ledger.entry import hash_of, open_entry
from jit.ledger.privacy.erasing import erase
from jit.ledger.schema import checkpoints, entries, policy_texts
from jit.proof import verifier
from jit.proof.audit import growing
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.export import FILES
from jit.proof.audit.folder import RecordCopy
from jit.proof.audit.growing import GrowingFile
from jit.proof.audit.reading import read_kept
from jit.proof.tlog.note import checkpoint_text, cosign, sign
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import Grade, Trust, check_path, leaf_hash, policy_version
from jit.runtime.settings import CannotStart
from jit.testing import ALICE, Story, ledger_in
from tests.world.evidence import LOG, ORIGIN, POLICY, WITNESS
from tests.world.tamper import past_the_guards

TRUST = Trust(keys=(LOG.verifier(),), witnesses=(WITNESS.verifier(),))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.delenv("JIT_LEDGER_URL", raising=False)
    ledger = ledger_in(tmp_path / "ledger.db", SystemClock())
    Story(ledger, ledger.clock).active()
    return ledger


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["audit", "export", *map(str, words)])


def recorded(ledger: Ledger) -> list[bytes]:
    return [kept[1] for kept in read_kept(ledger) if not isinstance(kept, TamperedEntry)]


def sign_checkpoint(ledger: Ledger, *, witnessed: bool = False) -> None:
    """As the signer does, over all there is."""
    size = ledger.last_index()
    text = checkpoint_text(ORIGIN, size, HashTree(leaf_hash(body) for body in recorded(ledger)).root(size))
    at = int(ledger.clock.now().timestamp())
    checkpoint = Checkpoints(ledger.engine).add(
        size, datetime.fromtimestamp(at, UTC), sign(text, LOG) + cosign(text, LOG, at)
    )
    if witnessed:
        Checkpoints(ledger.engine).cosign(checkpoint.number, WITNESS.name, cosign(text, WITNESS, at))


@pytest.fixture
def signed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A signer is at work: it signs whenever somebody waits for it."""
    fact = KeyChanged(at=ledger.clock.now(), actor="signer@host", source=Source.SIGNER, key=str(LOG.verifier()))
    ledger.append([fact])
    sign_checkpoint(ledger)
    monkeypatch.setattr("jit.cli.audit.export.time.sleep", lambda _: sign_checkpoint(ledger, witnessed=True))
    return ledger


def change(ledger: Ledger, index: int, **values) -> None:
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(entries).where(entries.c.index == index).values(**values))


def test_a_pipe_gets_the_exact_bytes(ledger: Ledger):
    told = run()
    assert told.stdout_bytes == b"".join(body + b"\n" for body in recorded(ledger))
    assert told.stdout_bytes.count(b"\n") == 6
    assert "--after 6" in told.stderr


def test_a_pipe_begins_where_it_is_told_to(ledger: Ledger):
    for option, value, first in (("--after", "3", 4), ("--since", "3", 3), ("--since", "0", 1), ("--since", "1h", 1)):
        assert run(option, value).stdout_bytes.splitlines() == recorded(ledger)[first - 1 :], (option, value)


def test_exporting_is_recorded_before_and_stands_at_the_end(ledger: Ledger):
    lines = run("--after", "2").stdout_bytes.splitlines()
    fact = open_entry(lines[-1]).fact
    assert (fact.kind, fact.how, fact.after) == ("record.read", "export", 2)


def test_what_makes_no_sense_is_said_and_records_nothing(ledger: Ledger):
    for typed, says in (
        (["--since", "1", "--after", "1"], "Give one"),
        (["--since", "soon"], "A whole number is an entry"),
        (["--after", "9"], "the last is #5"),
        (["--format", "xml"], "ocsf"),
        (["--out", "copy", "--after", "1"], "A copy is whole"),
        (["--follow", "--format", "ocsf"], "tail -f"),
        (["--follow", "--out", "copy"], "tail -f"),
    ):
        told = run(*typed)
        assert told.exit_code == 2, typed
        assert says in told.stderr, typed
        assert ledger.last_index() == 5, typed


def test_events_and_rows_tell_what_is_read(ledger: Ledger):
    events = [json.loads(line) for line in run("--format", "ocsf").stdout.splitlines()]
    assert [event["metadata"]["sequence"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[4]["user"]["uid"] == ALICE
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv").stdout)))
    assert [row["index"] for row in rows] == ["1", "2", "3", "4", "5", "6", "7"]
    assert (rows[4]["kind"], rows[4]["requester"], rows[4]["permissions"]) == ("granted", ALICE, "orders_read")
    assert rows[2]["approver"] == "U02BOB000"


@pytest.mark.parametrize("form", FILES)
def test_a_file_goes_on_where_it_ends(ledger: Ledger, out: Path, form: str):
    assert run("--format", form, "--out", out).exit_code == 0
    first = out.read_bytes()
    Story(ledger, ledger.clock, id="R-BBBB", fields={"requester": "U02BOB000"}).asked()
    assert run("--format", form, "--out", out, "--since", "1").exit_code == 0
    assert out.read_bytes().startswith(first)
    lines = out.read_bytes().splitlines()[1 if form == "csv" else 0 :]
    assert [FILES[form].place(line) for line in lines] == [(e.index, e.hash) for e in ledger.read()]
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", FILES)
def test_a_file_cut_off_in_a_line_is_mended(ledger: Ledger, out: Path, form: str):
    run("--format", form, "--out", out)
    for cut in (1, 40, 2000):
        whole = out.read_bytes()
        os.truncate(out, max(0, len(whole) - cut))
        run("--format", form, "--out", out)
        assert out.read_bytes().startswith(whole), cut


def test_a_file_follows_until_it_is_interrupted(ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch):
    sizes = []

    def wait(_: float) -> None:
        sizes.append(len(out.read_bytes().splitlines()))
        if len(sizes) == 3:
            raise KeyboardInterrupt
        Story(ledger, ledger.clock, id=f"R-BBB{len(sizes)}", fields={"access": f"a{len(sizes)}"}).asked()

    monkeypatch.setattr("jit.cli.audit.export.time.sleep", wait)
    told = run("--format", "ocsf", "--out", out, "--follow")
    assert told.exit_code == 0
    assert sizes == [6, 7, 8]
    assert [entry.fact.kind for entry in ledger.read()].count("record.read") == 1


def test_a_file_with_nothing_but_half_a_header_begins_anew(ledger: Ledger, out: Path):
    out.write_bytes(b"index,rec")
    run("--format", "csv", "--out", out)
    assert len(list(csv.DictReader(out.open()))) == 6


def test_something_else_in_its_place_is_left_alone(ledger: Ledger, tmp_path: Path):
    for form in ("jsonl", *FILES):
        out = tmp_path / f"out.{form}"
        path = out / "entries.jsonl" if form == "jsonl" else out
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"my thesis")
        told = run("--format", form, "--out", out)
        assert told.exit_code == 1, form
        assert "something else" in str(told.exception), form
        assert path.read_bytes() == b"my thesis"
        assert ledger.last_index() == 5


@pytest.mark.parametrize("form", FILES)
def test_a_file_of_another_record_is_left_alone(ledger: Ledger, out: Path, form: str, tmp_path: Path):
    run("--format", form, "--out", out)
    before = out.read_bytes()
    other = ledger_in(tmp_path / "other.db", SystemClock())
    Story(other, other.clock).active().revoked()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIT_LEDGER_URL", f"sqlite:///{tmp_path / 'other.db'}")
        told = run("--format", form, "--out", out)
    assert told.exit_code == 1
    assert "that this ledger does not have" in str(told.exception)
    assert out.read_bytes() == before


@pytest.mark.parametrize("form", FILES)
def test_a_file_that_ends_in_nonsense_is_left_alone(ledger: Ledger, out: Path, form: str):
    run("--format", form, "--out", out)
    with out.open("ab") as file:
        file.write(b'{"activity_id": 1, "metadata": []}\n')
    told = run("--format", form, "--out", out)
    assert told.exit_code == 1
    assert "is no entry" in str(told.exception)


def test_two_at_once_do_not_write_the_same_file(ledger: Ledger, out: Path):
    run("--format", "ocsf", "--out", out)
    with out.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told = run("--format", "ocsf", "--out", out)
    assert "Another export" in str(told.exception)


def test_a_pipe_is_no_file(ledger: Ledger, out: Path):
    os.mkfifo(out)
    assert "is no file" in str(run("--format", "ocsf", "--out", out).exception)


class Disk:
    """`os.write` and `os.fsync` as a disk does them that is full, or fails."""

    def __init__(self, room: int | None = None, *, fails: bool = False) -> None:
        self.room = room
        self.fails = fails
        self.synced = 0

    def write(self, handle: int, data: bytes) -> int:
        if self.room is None:
            return os.write(handle, data)
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(handle, data[: self.room])
        self.room -= written
        return written

    def fsync(self, handle: int) -> None:
        self.synced += 1
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def __getattr__(self, name: str):
        return getattr(os, name)


def test_a_disk_that_is_full_is_said_and_the_file_goes_on_later(
    ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(growing, "os", Disk(room=3000))
        told = run("--format", "ocsf", "--out", out)
    assert told.exit_code == 1
    assert "No space left" in str(told.exception)
    assert out.stat().st_size == 3000
    assert run("--format", "ocsf", "--out", out).exit_code == 0
    assert [json.loads(line)["metadata"]["sequence"] for line in out.open()] == [1, 2, 3, 4, 5, 6, 7]


def write_and_sync(file: GrowingFile) -> None:
    with file:
        file.write(b"b")
        file.sync()


def test_a_failed_fsync_is_not_tried_again(out: Path, monkeypatch: pytest.MonkeyPatch):
    disk = Disk(fails=True)
    file = GrowingFile(out, b"b")
    monkeypatch.setattr(growing, "os", disk)
    with pytest.raises(CannotStart, match="Input/output error"):
        write_and_sync(file)
    assert disk.synced == 1


def test_a_copy_is_verified_with_nothing_but_the_folder(signed: Ledger, out: Path):
    told = run("--out", out)
    assert told.exit_code == 0, told.stderr
    verdict = check_path(out, TRUST)
    assert verdict.findings == ()
    assert (verdict.grade, verdict.size) == (Grade.WITNESSED, signed.last_index())
    assert (out / "entries.jsonl").read_bytes().splitlines() == recorded(signed)
    assert verifier.main([str(out), "--require", "signed"]) in {0, 3}
    assert (out / "keys.txt").read_text() == f"{LOG.verifier()}\n"


def test_a_copy_goes_on_and_stays_what_it_was(signed: Ledger, out: Path):
    run("--out", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    Story(signed, signed.clock, id="R-BBBB", fields={"requester": "U02BOB000"}).asked()
    assert run("--out", out).exit_code == 0
    assert check_path(out, TRUST).size == signed.last_index() == 9
    assert all((out / name).read_bytes().startswith(data) for name, data in before.items())
    assert [entry.fact.after for entry in signed.read() if entry.fact.kind == "record.read"] == [0, 7]


def test_a_copy_of_an_earlier_version_is_verified_and_goes_on(signed: Ledger, out: Path):
    """Then the checkpoints in it were in heads.jsonl."""
    run("--out", out)
    before = (out / "checkpoints.jsonl").read_bytes()
    (out / "checkpoints.jsonl").rename(out / "heads.jsonl")
    assert check_path(out, TRUST).grade is Grade.WITNESSED
    assert run("--out", out).exit_code == 0
    assert not (out / "heads.jsonl").exists()
    assert (out / "checkpoints.jsonl").read_bytes().startswith(before)
    assert check_path(out, TRUST).size == signed.last_index()


def test_a_copy_cut_off_in_a_line_is_mended(signed: Ledger, out: Path):
    run("--out", out)
    os.truncate(out / "entries.jsonl", (out / "entries.jsonl").stat().st_size - 30)
    run("--out", out)
    assert (out / "entries.jsonl").read_bytes().splitlines() == recorded(signed)
    assert check_path(out, TRUST).grade is Grade.WITNESSED


def test_a_copy_ends_with_a_checkpoint_that_is_larger_already(
    signed: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch
):
    def sign_more(_: float) -> None:
        Story(signed, signed.clock, id="R-BBBB", fields={"requester": "U02BOB000"}).asked()
        sign_checkpoint(signed)

    monkeypatch.setattr("jit.cli.audit.export.time.sleep", sign_more)
    run("--out", out)
    assert check_path(out, TRUST).findings == ()
    assert check_path(out, TRUST).size == 8


def test_a_copy_does_not_wait_where_nobody_signs(ledger: Ledger, out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jit.cli.audit.export.time.sleep", lambda _: pytest.fail("waits"))
    assert run("--out", out).exit_code == 0
    Checkpoints(ledger.engine).add(3, datetime(2020, 1, 1, tzinfo=UTC), b"old")
    assert run("--out", out).exit_code == 0


def test_a_copy_takes_cosignatures_that_came_later(signed: Ledger, out: Path):
    run("--out", out)
    lines = [json.loads(line) for line in (out / "checkpoints.jsonl").open()]
    assert [len(line["cosignatures"]) for line in lines] == [0, 1]
    first = Checkpoints(signed.engine).at(1)
    Checkpoints(signed.engine).cosign(1, WITNESS.name, cosign(first.note.partition(b"\n\n")[0] + b"\n", WITNESS, 1))
    run("--out", out)
    assert len(json.loads((out / "checkpoints.jsonl").open().readline())["cosignatures"]) == 1


def test_a_checkpoint_that_the_database_lost_stays_in_the_copy(signed: Ledger, out: Path):
    run("--out", out)
    with signed.engine.begin() as connection, past_the_guards(connection):
        connection.execute(delete(checkpoints).where(checkpoints.c.number == 2))
    Checkpoints(signed.engine).add(signed.last_index() + 1, signed.clock.now(), b"newer", at_least=3)
    told = run("--out", out)
    assert told.exit_code == 4
    assert told.stderr.count("the copy holds") == 1
    assert "checkpoint 2: the copy holds it, and the ledger's database no longer does" in told.stderr
    assert [json.loads(line)["number"] for line in (out / "checkpoints.jsonl").open()] == [1, 2, 3]


def test_a_checkpoint_that_the_database_changed_stays_in_the_copy_as_it_was(signed: Ledger, out: Path):
    run("--out", out)
    before = (out / "checkpoints.jsonl").read_bytes().splitlines()[0]
    with signed.engine.begin() as connection, past_the_guards(connection):
        connection.execute(update(checkpoints).where(checkpoints.c.number == 1).values(note=b"other\xff"))
    told = run("--out", out)
    assert told.exit_code == 4
    assert "checkpoint 1: the copy holds another" in told.stderr
    assert (out / "checkpoints.jsonl").read_bytes().splitlines()[0] == before


def test_damaged_checkpoints_of_a_copy_are_not_thrown_away(signed: Ledger, out: Path):
    run("--out", out)
    for line in ("[]", '{"number": 1}', '{"number": true, "note": "", "cosignatures": []}', "{" * 10_000):
        (out / "checkpoints.jsonl").write_text(f"{line}\n")
        told = run("--out", out)
        assert told.exit_code == 1, line[:40]
        assert "is damaged" in str(told.exception), line[:40]
        assert (out / "checkpoints.jsonl").read_text() == f"{line}\n"


def test_a_copy_finds_that_the_ledger_was_cut(signed: Ledger, out: Path):
    run("--out", out)
    before = (out / "entries.jsonl").read_bytes()
    with signed.engine.begin() as connection, past_the_guards(connection):
        connection.execute(delete(entries).where(entries.c.index > 4))
    told = run("--out", out)
    assert told.exit_code == 1
    assert "that this ledger does not have" in str(told.exception)
    assert (out / "entries.jsonl").read_bytes() == before


def test_a_changed_entry_is_copied_as_it_stands_and_said(signed: Ledger, out: Path):
    change(signed, 3, body=recorded(signed)[2].replace(b"R-7F3K", b"R-8888"))
    told = run("--out", out)
    assert told.exit_code == 4
    assert "entry 3" in told.stderr
    assert check_path(out, TRUST).grade is Grade.BROKEN


def test_what_is_no_line_is_left_out_and_said(signed: Ledger, out: Path):
    change(signed, 3, body=b"a\nb", hash=hash_of(b"a\nb"))
    told = run("--out", out)
    assert told.exit_code == 4
    assert "entry 3: it is no entry" in told.stderr
    assert len((out / "entries.jsonl").read_bytes().splitlines()) == signed.last_index() - 1


def test_a_copy_carries_the_rules_by_their_version(signed: Ledger, out: Path):
    text = b"".join(len(part).to_bytes(8, "big") + part for name, data in POLICY for part in (name.encode(), data))
    version = policy_version(POLICY)
    with writing(signed.engine) as connection:
        connection.execute(policy_texts.insert().values(version=version, files=text))
        connection.execute(policy_texts.insert().values(version="ab" * 32, files=b"forged"))
    for _ in range(2):
        told = run("--out", out)
        assert told.exit_code == 4
        assert "rules abababababab" in told.stderr
    lines = (out / "policies.jsonl").read_bytes().splitlines()
    files = [[name, base64.b64encode(data).decode()] for name, data in POLICY]
    assert [json.loads(line) for line in lines] == [{"version": version, "files": files}]


def test_what_is_personal_stays_closed_in_a_copy(signed: Ledger, out: Path):
    run("--out", out)
    copied = (out / "entries.jsonl").read_bytes()
    assert ALICE.encode() not in copied
    assert b'"sealed"' in copied


def test_who_was_erased_is_in_no_later_export(ledger: Ledger):
    Story(ledger, ledger.clock).ended()
    assert all(ALICE in run("--format", form).stdout for form in FILES)
    erase(ledger, ALICE, legal_basis="GDPR Art. 17(1)(a)", actor="cli:root@host")
    for form in FILES:
        told = run("--format", form).stdout
        assert [word for word in (ALICE, '"alice"', "stuck orders", "INC-42") if word in told] == [], form


def test_a_folder_is_open_for_one_copy_at_a_time(ledger: Ledger, out: Path):
    with RecordCopy(ledger, out), pytest.raises(CannotStart, match="Another export"):
        RecordCopy(ledger, out)
    RecordCopy(ledger, out).__exit__(None, None, None)


def test_a_folder_that_cannot_be_made_is_said(ledger: Ledger, out: Path):
    out.write_text("")
    told = run("--out", out / "copy")
    assert told.exit_code == 1
    assert "cannot be written" in str(told.exception)
