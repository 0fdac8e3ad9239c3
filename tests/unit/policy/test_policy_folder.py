import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jit.people.person import NO_GROUPS
from jit.policy import PolicyError, PolicyFolder
from jit.policy.explain import Supposed
from jit.policy.files.check import UnknownAccess, check_folder, explain_access
from jit.testing import ManualClock

GOOD = (Path(__file__).parents[3] / "policies" / "orders.policy.yml").read_text()


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "a.policy.yml"
    file.write_text(GOOD)
    return file


def test_an_unchanged_folder_is_the_same_policy(file):
    clock = ManualClock()
    folder = PolicyFolder(file.parent, clock)
    first = folder.current()
    clock.move(seconds=1)
    assert folder.current() is first is folder.last_good


def test_an_edit_is_seen_within_a_second_and_not_looked_for_sooner(file):
    clock = ManualClock()
    folder = PolicyFolder(file.parent, clock)
    first = folder.current()
    file.write_text(GOOD.replace("8h", "7h"))
    clock.move(seconds=0.9)
    assert folder.current() is first
    clock.move(seconds=0.1)
    assert folder.current().accesses["orders-db/read"].max_duration == timedelta(hours=7)


def test_an_edit_that_keeps_size_and_time_is_seen(file):
    clock = ManualClock()
    folder = PolicyFolder(file.parent, clock)
    first = folder.current()
    status = file.stat()
    other = file.with_name("other")
    other.write_text(GOOD.replace("8h", "7h"))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(file)
    clock.move(seconds=1)
    assert folder.current().version != first.version


def test_a_clock_set_back_does_not_blind_it(file):
    clock = ManualClock()
    folder = PolicyFolder(file.parent, clock)
    before = folder.current()
    file.write_text(GOOD + "# more\n")
    clock.move(seconds=-3600)
    assert folder.current().version != before.version


def test_the_rules_of_before_stay_in_force_until_a_broken_edit_is_mended(file):
    clock = ManualClock()
    folder = PolicyFolder(file.parent, clock)
    first = folder.current()
    file.write_text(GOOD.replace("8h", "8x"))
    for _ in range(3):
        clock.move(seconds=1)
        assert folder.current() is first
        with pytest.raises(PolicyError, match="max_duration"):
            folder.read()
    file.write_text(GOOD.replace("8h", "7h"))
    clock.move(seconds=1)
    assert folder.current() is folder.read()
    assert folder.current().version != first.version


def test_a_process_that_never_read_good_rules_decides_by_none(file):
    file.write_text(GOOD.replace("8h", "8x"))
    folder = PolicyFolder(file.parent, ManualClock())
    with pytest.raises(PolicyError, match="max_duration"):
        folder.current()


def test_a_folder_that_goes_away_leaves_its_rules_in_force_and_comes_back(file):
    clock = ManualClock()
    folder = PolicyFolder(file.parent, clock)
    first = folder.current()
    moved = file.parent.rename(file.parent.with_name("moved"))
    clock.move(seconds=1)
    assert folder.current() is first
    with pytest.raises(PolicyError, match="cannot be read"):
        folder.read()
    moved.rename(file.parent)
    clock.move(seconds=1)
    assert folder.current() is folder.read()


def test_check_says_what_is_there_or_what_is_wrong(file):
    said, *_ = check_folder(file.parent).lines
    assert said.startswith("Fine: 3 accesses, 1 target, version ")
    file.write_text(GOOD.replace("8h", "8x"))
    assert len(check_folder(file.parent).lines) == 1
    assert check_folder(file.parent).policy is None


def test_explain_names_the_nearest_access(file):
    policy = check_folder(file.parent).policy
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert "is not known" in explain_access(policy, "orders-db/read", "U01ALICE0", NO_GROUPS, Supposed(now=now))
    with pytest.raises(UnknownAccess, match='did you mean "orders-db/read"'):
        explain_access(policy, "orders-db/raed", "U01ALICE0", NO_GROUPS, Supposed(now=now))
