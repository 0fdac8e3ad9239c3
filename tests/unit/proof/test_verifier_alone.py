"""`python verifier.py …`: the one file, apart from everything else of jit."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import jit.proof.verifier
from jit.proof.tlog.note import SignerKey
from jit.proof.verifier import CannotCheck, main, read_checkpoints, read_entries, read_lines
from tests.world.evidence import LOG, STRANGER, WITNESS, record

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in sys.stdlib_module_names | {"cryptography", "_cffi_backend", "cffi"}:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Block())
sys.argv = sys.argv[1:]
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def copy(tmp_path):
    made = record()
    made.save(tmp_path / "copy")
    return tmp_path / "copy"


def alone(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a copy of the file in isolated mode, where nothing but the standard library and cryptography imports."""
    script = shutil.copy(jit.proof.verifier.__file__, tmp_path / "verifier.py")
    command = [sys.executable, "-I", "-c", BLOCK, script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)


def key_of(signer: SignerKey) -> tuple[str, str]:
    return "--key", str(signer.verifier())


def test_the_file_runs_with_python_and_cryptography_alone(tmp_path, copy):
    (tmp_path / "bundle.json").write_text(json.dumps(record().bundle()))
    for what in (copy, tmp_path / "bundle.json"):
        done = alone(tmp_path, what, *key_of(LOG))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("intact, signed")


def test_every_step_that_it_begins_with_stands_in_the_code_under_its_number():
    _, recipe, code = Path(jit.proof.verifier.__file__).read_text().split('"""', 2)
    steps = [int(number) for number in re.findall(r"^ ?(\d+)\. ", recipe, re.MULTILINE)]
    assert steps == [*range(15)]
    assert {int(number) for number in re.findall(r'(?:# |"""|and |to )(\d+)\. [A-Z]', code)} == {*steps}


def test_the_block_of_that_test_holds(tmp_path):
    (tmp_path / "other.py").write_text("import jit.proof.verifier")
    command = [sys.executable, "-c", BLOCK, tmp_path / "other.py"]
    assert subprocess.run(command, capture_output=True, check=False, cwd=Path.cwd()).returncode != 0


def test_a_whole_copy_says_its_grades_and_what_they_leave_open(copy, capsys):
    made = record()
    rows = [{"ts": "1", "channel": "C", "note": made.checkpoint(5).decode()}]
    mine = copy.parent / "mine"
    mine.mkdir()
    (mine / "channel.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (mine / "locked.jsonl").write_text(json.dumps({"note": made.checkpoint(6).decode()}) + "\n")
    arguments = [str(copy), *key_of(LOG), "--witness", str(WITNESS.verifier()), "--json"]
    arguments += ["--channel", str(mine / "channel.jsonl"), "--locked", str(mine / "locked.jsonl")]
    assert main([*arguments, "--require", "witnessed"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["reached"] == ["signed", "anchored", "witnessed", "locked"]
    assert said["covered"] == {"signed": 8, "anchored": 5, "witnessed": 8, "locked": 6}
    assert set(said["not_excluded"]) == set(said["reached"])


def test_what_witnesses_added_is_read_from_the_copy(copy):
    rows = [json.loads(line) for line in (copy / "checkpoints.jsonl").read_text().splitlines()]
    note, line = rows[-1]["note"].rsplit("\n— ", 1)
    rows[-1] |= {"note": note + "\n", "cosignatures": ["— " + line]}
    (copy / "checkpoints.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = [str(copy), *key_of(LOG), "--witness", str(WITNESS.verifier()), "--require", "witnessed"]
    assert main(arguments) == 0


def test_exit_codes(tmp_path, copy, capsys):
    assert main([str(copy), *key_of(LOG)]) == 0
    assert main([str(tmp_path / "nothing"), *key_of(LOG)]) == 1
    assert main([str(tmp_path), *key_of(LOG)]) == 1
    assert main([str(copy), *key_of(LOG), "--require", "anchored"]) == 3
    assert main([str(copy), *key_of(STRANGER)]) == 4
    (tmp_path / "empty.json").write_text("")
    assert main([str(tmp_path / "empty.json"), *key_of(LOG)]) == 4
    for wrong in ([], ["x", "--key", "nothing"], ["x", "--require", "broken"], ["x", "--witnesses-needed", "0"]):
        with pytest.raises(SystemExit) as left:
            main(wrong)
        assert left.value.code == 2
    capsys.readouterr()


def test_a_page_is_not_taken_for_a_broken_bundle(tmp_path, capsys):
    (tmp_path / "page.html").write_text("<!doctype html>")
    assert main([str(tmp_path / "page.html"), *key_of(LOG)]) == 1
    assert "jit audit verify" in capsys.readouterr().err


def test_bare_entries_are_unsigned(copy, capsys):
    assert main([str(copy / "entries.jsonl"), *key_of(LOG)]) == 3
    assert main([str(copy / "entries.jsonl"), "--require", "unsigned"]) == 0
    assert "intact, unsigned" in capsys.readouterr().out


def test_a_copy_without_checkpoints_or_keys_is_unsigned(copy, capsys):
    (copy / "checkpoints.jsonl").unlink()
    (copy / "keys.txt").unlink()
    assert main([str(copy), "--require", "unsigned"]) == 0


def test_a_damaged_copy_is_never_intact(copy):
    entries, checkpoints = ((copy / name).read_bytes() for name in ("entries.jsonl", "checkpoints.jsonl"))
    lines = entries.splitlines(keepends=True)
    for name, whole, damage, code in (
        ("entries.jsonl", entries, entries[:-40], 4),
        ("entries.jsonl", entries, entries[:-1], 4),
        ("entries.jsonl", entries, b"".join(lines[:3] + lines[4:]), 4),
        ("entries.jsonl", entries, entries + b"\n", 4),
        ("checkpoints.jsonl", checkpoints, checkpoints.replace(b'"note": "', b'"note": "x', 1), 4),
        ("checkpoints.jsonl", checkpoints, checkpoints + b"[]\n", 4),
        ("keys.txt", b"", b"nothing\n", 1),
    ):
        (copy / name).write_bytes(damage)
        assert main([str(copy), *key_of(LOG)]) == code, damage[-60:]
        (copy / name).write_bytes(whole)


def test_a_line_without_an_end_is_not_kept_in_memory(tmp_path):
    (tmp_path / "endless").write_bytes(b"x" * 5_000_000)
    lines = list(read_lines(tmp_path / "endless", most=1_000_000))
    assert all(line.endswith(b"\n") for line in lines)
    assert max(map(len, lines)) < 3_000_000


def test_an_index_of_any_length_is_read(tmp_path):
    (tmp_path / "entries.jsonl").write_bytes(b'{"index": ' + b"9" * 6000 + b", \n" + b'{"index": 77, \n')
    assert [index for index, _, _ in read_entries(tmp_path / "entries.jsonl")] == [1, 77]


def test_a_row_that_is_no_checkpoint_comes_out_as_one_that_is_refused(tmp_path):
    for row in (b"", b"5", b"{", b'{"note": 5}', b'{"note": "a", "cosignatures": 5}', b'{"note": "\\ud800"}'):
        (tmp_path / "checkpoints.jsonl").write_bytes(row + b"\n")
        assert list(read_checkpoints(tmp_path / "checkpoints.jsonl")) == [b""], row


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(CannotCheck):
        list(read_lines(tmp_path))


def test_it_imports_nothing_but_python_and_cryptography_anywhere():
    tree = ast.parse(Path(jit.proof.verifier.__file__).read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in named} <= {*sys.stdlib_module_names, "cryptography"}
