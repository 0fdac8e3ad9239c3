"""How the supervisor starts a process."""

import sys
from pathlib import Path

from jit.runtime.supervisor import Child, popen


def environment_of(child: Child, folder: Path) -> dict[str, str]:
    with (folder / "output").open("w+b") as output:
        process = popen(child, output)
        assert process.wait(30) == 0
        output.seek(0)
        return dict(line.partition("=")[::2] for line in output.read().decode().splitlines())


def test_a_process_keeps_little_memory_apart_for_its_threads_unless_its_environment_says_otherwise(tmp_path):
    tell = [sys.executable, "-c", "import os; print(*(f'{k}={v}' for k, v in os.environ.items()), sep='\\n')"]
    assert environment_of(Child("one", tell, {}), tmp_path)["MALLOC_ARENA_MAX"] == "2"
    assert environment_of(Child("other", tell, {"MALLOC_ARENA_MAX": "8"}), tmp_path)["MALLOC_ARENA_MAX"] == "8"
