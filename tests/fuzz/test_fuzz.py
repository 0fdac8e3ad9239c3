import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.verifier import BUNDLE_BYTES, MADE, NOTE, RECORD_BYTES, TARGETS, one_input, patched
from tests.world.exhaustive import exhaustive


@pytest.mark.parametrize("runs", [1000, pytest.param(20_000, marks=exhaustive("20000 inputs for the verifier"))])
def test_the_fuzzer_ends_without_a_finding(tmp_path, runs):
    pytest.importorskip("atheris")
    command = [sys.executable, "-m", "tests.fuzz.verifier", f"-runs={runs}", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"Done {runs} runs" in done.stderr


def test_every_target_takes_what_is_valid_and_what_is_not():
    for target_and_edited in range(2 * len(TARGETS)):
        for rest in (b"", b"\0", b"\0\7\1\0", b"\xff" * 40, BUNDLE_BYTES, NOTE, RECORD_BYTES):
            one_input(bytes([target_and_edited]) + rest)


def test_a_patch_changes_what_is_valid():
    assert patched(b"abc", b"") == b"abc"
    assert patched(b"abc", b"\0\1x\0") == b"axc"
    assert patched(b"abc", b"\0\1x\1") == b"axbc"
    assert patched(b"abc", b"\0\1\1\2") == b"ac"
    assert RECORD_BYTES.split(b"\n") == MADE.bodies
