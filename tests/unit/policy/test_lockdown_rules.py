"""Who may lock down, as the rules say it."""

from pathlib import Path

import pytest

from jit.policy import load_policy
from jit.policy.changes import changes
from tests.unit.policy.test_policy_load import GOOD, edited
from tests.world.base import RULES


def read(folder: Path, text: str):
    folder.mkdir()
    (folder / "a.policy.yml").write_text(text)
    return load_policy(folder)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("lockdown: [U0ALICE01]", "nobody could lift one: that takes two people, and this is one"),
        ("lockdown: []", "must not be empty: leave it out, and security may"),
        ("lockdown: [group:dbs]", "no group is called dbs"),
        ("lockdown: group:dba", "must be a list in [ ]"),
        ("lockdowns: [group:dba]", "unknown key"),
        ("shared: [U02BOB000]\nlockdown: [U02BOB000, U0ALICE01]", "is listed under shared"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, line: str, says: str) -> None:
    found = edited(tmp_path, GOOD, f"{line}\n{GOOD}")
    assert any("lockdown" in each and says in each for each in found), found


def test_security_may_unless_others_are_named(tmp_path: Path) -> None:
    before, after = read(tmp_path / "1", RULES), read(tmp_path / "2", f"lockdown: [group:dba]\n{RULES}")
    assert (before.lockdown, after.lockdown) == (before.security, ("group:dba",))
    assert {change.about for change in changes(before, after)} == {"lockdown"}
    other = read(tmp_path / "3", RULES.replace("security: [group:security]", "security: [group:dba]"))
    assert {change.about for change in changes(before, other)} == {"security"}


def test_a_break_glass_that_lockdowns_let_through_is_looser(tmp_path: Path) -> None:
    glass = "    break_glass: {who: [U05SAM000], max_duration: 1h, review_within: 1d, review_by: [group:dba]"
    rules = RULES.replace("    approve:", f"{glass}}}\n    approve:", 1)
    before, after = (
        read(tmp_path / "1", rules),
        read(tmp_path / "2", rules.replace("dba]}\n", "dba], in_lockdown: true}\n", 1)),
    )
    assert [str(change) for change in changes(before, after)] == [
        "looser: orders-db/read (a lockdown lets break-glass through)"
    ]
