"""What rules were in force can be read years later: their text is kept under the version that facts name."""

import hashlib
import threading

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.rules import RulesWatch
from jit.ledger import Ledger, LedgerUnavailable
from jit.policy import PolicyFolder
from jit.policy.files.load import policy_text
from jit.proof.audit import policy_texts
from jit.proof.audit.policy_texts import NotThisVersion, PolicyTexts, files_of
from jit.testing import InMemoryLedger, ManualClock
from tests.world.base import RULES
from tests.world.raised import raised
from tests.world.waiting import HUNG, wait_until


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def engine(tmp_path):
    return InMemoryLedger().engine


@pytest.fixture
def rules(tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.policy.yml").write_text(RULES)
    return folder


@pytest.fixture
def folder(rules, clock):
    return PolicyFolder(rules, clock)


def change(rules, clock, line):
    with (rules / "a.policy.yml").open("a") as file:
        file.write(line)
    clock.move(seconds=2)


def test_the_text_of_the_rules_is_kept_and_is_what_the_version_says(engine, folder, rules):
    version = folder.current().version
    assert PolicyTexts(engine).keep_what_was_read(folder)
    kept = PolicyTexts(engine).text_of(version)
    assert hashlib.sha256(kept).hexdigest() == version
    assert files_of(kept) == [("a.policy.yml", (rules / "a.policy.yml").read_bytes())]


def test_rules_that_were_in_force_for_a_moment_only_are_kept_too(engine, folder, rules, clock):
    first = folder.current().version
    change(rules, clock, "# a\n")
    second = folder.current().version
    change(rules, clock, "# b\n")
    third = folder.current().version
    assert PolicyTexts(engine).keep_what_was_read(folder)
    assert all(PolicyTexts(engine).text_of(version) for version in (first, second, third))
    assert len({first, second, third}) == 3


def test_a_second_process_keeps_nothing_twice(engine, folder, rules, clock):
    version = folder.current().version
    PolicyTexts(engine).keep_what_was_read(folder)
    other = PolicyFolder(rules, clock)
    other.current()
    with capture_logs() as logs:
        assert PolicyTexts(engine).keep_what_was_read(other)
    assert logs == []
    assert PolicyTexts(engine).text_of(version)


def test_a_ledger_that_is_away_stops_nothing_and_the_text_is_kept_later(engine, folder, monkeypatch):
    version = folder.current().version
    texts = PolicyTexts(engine)

    def away(_engine):
        raise LedgerUnavailable("away")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(policy_texts, "reading", away)
        assert not texts.keep_what_was_read(folder)
    assert [line["log_level"] for line in logs] == ["warning"]
    assert texts.keep_what_was_read(folder)
    assert texts.text_of(version)


def test_a_wrong_text_under_a_version_is_noticed_and_never_handed_out(engine, folder):
    policy = folder.current()
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO policy_texts (version, files) VALUES (:version, :files)"),
            {"version": policy.version, "files": policy.text.replace(b"8h", b"9h")},
        )
    with capture_logs() as logs:
        PolicyTexts(engine).keep_what_was_read(folder)
    assert [line["event"] for line in logs] == ["policy.text_wrong"]
    with pytest.raises(NotThisVersion):
        PolicyTexts(engine).text_of(policy.version)


def test_the_bot_keeps_the_rules_it_begins_with_and_those_it_changes_to(engine, folder, rules, clock):
    ledger = Ledger(engine, clock)
    watch = RulesWatch(ledger, folder, clock, "bot@here")
    before = watch.version
    watch.keep_texts()
    change(rules, clock, "# another\n")
    watch.look()
    watch.keep_texts()
    assert PolicyTexts(engine).text_of(before)
    assert PolicyTexts(engine).text_of(watch.version)
    assert before != watch.version


def test_a_process_of_the_hands_keeps_them_in_a_thread_of_its_own(engine, folder):
    version = folder.current().version
    stop = threading.Event()
    thread = threading.Thread(target=PolicyTexts(engine).keep_watching, args=(folder, stop))
    thread.start()
    wait_until(lambda: not folder.unkept)
    stop.set()
    thread.join(HUNG)
    assert PolicyTexts(engine).text_of(version)


def test_bytes_that_are_no_text_of_a_policy_are_told():
    whole = policy_text([("a.policy.yml", b"x")])
    for damage in (b"\x00", b"\xff" * 8, b"\x00" * 7 + b"\x02a"):
        assert raised(ValueError, files_of, whole + damage), damage
