"""What docs/architecture.md names exists: files of the rooms, and the numbers that are promises."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text()
NUMBERS = re.findall(
    r"`((?:jit|bot|workers)(?:\.\w+)+)`", TEXT.partition("## Numbers that are promises")[2].partition("\n## ")[0]
)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_name_is_of_something(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(import_module(module), attribute)


def test_there_are_such_numbers():
    assert len(NUMBERS) >= 10


@pytest.mark.parametrize("path", re.findall(r"`((?:jit|bot|workers|tests|deploy)/[\w./]+\.(?:py|sql|md))`", TEXT))
def test_a_file_that_is_named_is_there(path):
    assert (ROOT / path).exists()
