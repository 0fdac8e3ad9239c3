"""What docs/architecture.md names exists: files of the rooms, and the numbers that are promises."""

import re
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text()
NUMBERS = re.findall(
    r"`((?:jit|bot|workers)(?:\.\w+)+)`", TEXT.partition("## Numbers that are promises")[2].partition("\n## ")[0]
)


def test_numbers_that_are_promises_are_of_something():
    assert len(NUMBERS) >= 10
    for name in NUMBERS:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name


def test_files_that_are_named_are_there():
    named = re.findall(r"`((?:jit|bot|workers|tests|deploy)/[\w./]+\.(?:py|sql|md))`", TEXT)
    assert [path for path in named if not (ROOT / path).exists()] == []
