"""What docs/security.md says was tried is tried: its tests are there, and it leaves out no trick."""

import re
from pathlib import Path

from tests.attack.test_ledger_login import ACTS
from tests.attack.tricks import TRICKS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text()
SAID = re.sub(r"\s+", " ", TEXT)


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", TEXT)
    assert len(named) >= 40
    for path, name in named:
        assert (ROOT / path).exists(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"


def test_every_trick_is_in_the_table() -> None:
    missing = [says for says in (*TRICKS, *ACTS) if f"*{says}*" not in SAID]
    assert not missing
