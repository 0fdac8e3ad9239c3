"""A process that cannot read the policy files for the moment decides nothing, and says nothing of the rules."""

import errno
import os
from pathlib import Path

import pytest

from bot.rules import RulesWatch
from jit.facts import PolicyChanged
from jit.policy import NotReadNow, PolicyError, PolicyFolder
from jit.testing import InMemoryLedger, ManualClock
from tests.world.base import RULES
from tests.world.raised import raised


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def folder(tmp_path, clock):
    (tmp_path / "a.policy.yml").write_text(RULES)
    return PolicyFolder(tmp_path, clock)


@pytest.fixture
def ledger(tmp_path, clock):
    return InMemoryLedger(clock)


def changes(ledger):
    return [entry.fact for entry in ledger.read() if isinstance(entry.fact, PolicyChanged)]


def fail(patched, act, number):
    def fails(*_arguments, **_named):
        raise OSError(number, os.strerror(number))

    patched.setattr(os if act == "open" else Path, act, fails)


def test_too_many_open_files_are_no_change_of_the_rules(folder, ledger, clock, tmp_path, monkeypatch):
    watch = RulesWatch(ledger, folder, clock, "bot@here")
    before = folder.current()
    for act, number in (("open", errno.EMFILE), ("iterdir", errno.EMFILE), ("open", errno.ENFILE)):
        with monkeypatch.context() as patched:
            fail(patched, act, number)
            clock.move(seconds=1)
            os.utime(tmp_path / "a.policy.yml", ns=(number, 0))
            assert "just now: Too many open files" in str(raised(NotReadNow, folder.current)), (act, number)
            watch.look()
            assert changes(ledger) == [], (act, number)
    clock.move(seconds=1)
    assert folder.current().version == before.version
    watch.look()
    assert changes(ledger) == []


def test_a_change_meanwhile_is_recorded_once_it_is_read(folder, ledger, clock, tmp_path, monkeypatch):
    watch = RulesWatch(ledger, folder, clock, "bot@here")
    before = watch.version
    (tmp_path / "a.policy.yml").write_text(RULES.replace("8h", "7h"))
    with monkeypatch.context() as patched:
        fail(patched, "open", errno.EMFILE)
        clock.move(seconds=1)
        watch.look()
    clock.move(seconds=1)
    watch.look()
    (change,) = changes(ledger)
    assert (change.before, change.policy_version) == (before, folder.current().version)


def test_a_file_that_may_not_be_read_is_no_change_of_the_rules_and_told_as_a_mistake(
    folder, ledger, clock, tmp_path, monkeypatch
):
    watch = RulesWatch(ledger, folder, clock, "bot@here")
    fail(monkeypatch, "open", errno.EACCES)
    os.utime(tmp_path / "a.policy.yml", ns=(0, 0))
    clock.move(seconds=1)
    with pytest.raises(PolicyError) as refused:
        folder.read()
    assert not isinstance(refused.value, NotReadNow)
    watch.look()
    assert changes(ledger) == []


def test_a_change_is_recorded_with_what_it_does_and_where_it_comes_from(folder, ledger, clock, tmp_path):
    watch = RulesWatch(ledger, folder, clock, "bot@here")
    file = tmp_path / "a.policy.yml"
    file.write_text(RULES.replace("max_duration: 8h", "max_duration: 1h"))
    (tmp_path / "policy.version.yml").write_text("commit: ae667a1a\nauthor: Ann\nreviewed_by: Bob\n")
    clock.move(seconds=1)
    watch.look()
    (fact,) = changes(ledger)
    assert fact.changes == ("tighter: orders-db/read (at most 1 h instead of 8 h)",)
    assert (fact.commit, fact.author, fact.reviewed_by) == ("ae667a1a", "Ann", "Bob")
    file.write_text("access: [")
    clock.move(seconds=1)
    watch.look()
    assert len(changes(ledger)) == 1  # the rules of before stay in force
    file.write_text(RULES)
    clock.move(seconds=1)
    watch.look()
    assert changes(ledger)[-1].changes == ("looser: orders-db/read (at most 8 h instead of 1 h)",)


def test_a_change_while_no_bot_was_up_is_recorded_by_the_next(folder, ledger, clock, tmp_path):
    watch = RulesWatch(ledger, folder, clock, "bot@here")
    watch.look()
    watch.keep_texts()
    (tmp_path / "a.policy.yml").write_text(RULES.replace("max_duration: 8h", "max_duration: 1h"))
    for number in range(2):
        other = RulesWatch(ledger, PolicyFolder(tmp_path, clock), clock, "bot@there")
        other.look()
        other.look()
        (fact,) = changes(ledger)
        assert (fact.before, fact.actor) == (watch.version, "bot@there"), number
        assert fact.changes == ("tighter: orders-db/read (at most 1 h instead of 8 h)",)
