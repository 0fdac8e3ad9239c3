"""Files that are broken leave the rules of before in force, over a restart too, if these can be trusted."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from bot.rules import RulesWatch
from jit.facts import PolicyChanged, Source
from jit.ledger.schema import policy_texts
from jit.policy import BROKEN, PolicyError, PolicyFolder
from jit.policy.files.load import policy_text
from jit.proof.audit.policy_texts import PolicyTexts
from jit.requests.lifecycle import State
from tests.world.hands import Hands
from tests.world.raised import raised
from workers.rules import FILE, LastRules


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def begun(house: Hands) -> tuple[PolicyFolder, RulesWatch]:
    """A bot that starts: what it knows of the rules, and who watches these."""
    policies = PolicyFolder(house.policy_file.parent, house.clock)
    return policies, RulesWatch(house.ledger, policies, house.clock, "bot@here")


def bot_runs(house: Hands) -> str:
    """A while. Returns the version of the rules that it went by."""
    policies, watch = begun(house)
    watch.look()
    watch.keep_texts()
    return policies.current().version


def worker_starts(house: Hands) -> PolicyFolder:
    """As a worker, and a while. Keeps the text of what it reads, as the bot does."""
    policies, texts = PolicyFolder(house.policy_file.parent, house.clock), PolicyTexts(house.engine)
    LastRules(policies, texts, house.folder).look()
    texts.keep_what_was_read(policies)
    return policies


def change(house: Hands, text: str = "# another\n") -> None:
    house.policy_file.write_text(house.policy_file.read_text() + text)
    house.clock.move(seconds=2)


def break_rules(house: Hands) -> None:
    house.policy_file.write_text("access: [")
    house.clock.move(seconds=2)


def add_text(house: Hands) -> str:
    """What whoever may add a text beside the ledger adds: other rules, with a hash that fits. Returns their version."""
    text = policy_text([("test.policy.yml", house.policy_file.read_bytes().replace(b"[U02BOB000]", b"[U04EVE000]"))])
    version = hashlib.sha256(text).hexdigest()
    with house.engine.begin() as connection:
        connection.execute(insert(policy_texts).values(version=version, files=text))
    return version


def changes(house: Hands) -> list[tuple[str, str]]:
    facts = [entry.fact for entry in house.ledger.read() if isinstance(entry.fact, PolicyChanged)]
    return [(fact.before, fact.policy_version) for fact in facts]


class TestABotThatStartsWithBrokenRules:
    def test_goes_by_those_that_were_in_force(self, house: Hands) -> None:
        version = bot_runs(house)
        break_rules(house)
        with capture_logs() as logs:
            policies, watch = begun(house)
            watch.look()
        assert policies.current().version == watch.version == version
        assert {line["event"] for line in logs} == {"policy.broken", "policy.recalled"}
        assert raised(PolicyError, policies.read)
        assert changes(house) == []

    def test_goes_by_the_last_of_them(self, house: Hands) -> None:
        bot_runs(house)
        change(house)
        version = bot_runs(house)
        break_rules(house)
        policies, watch = begun(house)
        watch.look()
        assert policies.current().version == version

    def test_records_what_changed_since_then_once_they_are_mended(self, house: Hands) -> None:
        before, good = bot_runs(house), house.policy_file.read_text()
        break_rules(house)
        policies, watch = begun(house)
        watch.look()
        house.policy_file.write_text(good.replace("max_duration: 8h", "max_duration: 4h", 1))
        house.clock.move(seconds=2)
        watch.look()
        assert changes(house) == [(before, policies.current().version)]
        assert policies.current().version != before

    def test_takes_them_up_once_the_ledger_answers(self, house: Hands) -> None:
        version = bot_runs(house)
        break_rules(house)
        house.ledger.cut = True
        policies, watch = begun(house)
        assert watch.version == BROKEN
        house.ledger.cut = False
        watch.look()
        assert policies.current().version == watch.version == version
        assert changes(house) == []

    def test_takes_up_no_text_that_somebody_added(self, house: Hands) -> None:
        version = bot_runs(house)
        add_text(house)
        break_rules(house)
        assert begun(house)[0].current().version == version

    def test_decides_nothing_where_the_text_of_them_is_not_kept(self, house: Hands) -> None:
        by = {"at": house.clock.now(), "actor": "bot@here", "source": Source.BOT}
        house.ledger.append([PolicyChanged(**by, policy_version="ab" * 32, before="cd" * 32)])
        add_text(house)
        break_rules(house)
        with capture_logs() as logs:
            policies, watch = begun(house)
            watch.look()
        assert raised(PolicyError, policies.current)
        assert [line["event"] for line in logs].count("policy.not_recalled") == 1

    def test_decides_nothing_where_none_ever_were(self, house: Hands) -> None:
        break_rules(house)
        policies, _ = begun(house)
        assert raised(PolicyError, policies.current)


class TestAWorkerThatStartsWithBrokenRules:
    def test_gives_by_those_that_were_in_force(self, house: Hands) -> None:
        version = worker_starts(house).current().version
        approved = house.approved()
        break_rules(house)
        policies = worker_starts(house)
        assert policies.current().version == version
        house.granter.policies = policies
        house.granter.grant(approved.id)
        assert house.request().state is State.ACTIVE

    def test_goes_by_no_version_that_the_record_alone_names(self, house: Hands) -> None:
        version = worker_starts(house).current().version
        by = {"at": house.clock.now(), "actor": "bot@here", "source": Source.BOT}
        house.ledger.append([PolicyChanged(**by, policy_version=add_text(house), before=version)])
        break_rules(house)
        assert worker_starts(house).current().version == version

    def test_decides_nothing_where_none_is_noted_that_can_be_taken_up(self, house: Hands) -> None:
        worker_starts(house)
        break_rules(house)
        for noted in ("", "ab" * 32, "no version", "AB" * 32, "ab" * 33):
            (house.folder / FILE).write_text(noted)
            assert raised(PolicyError, worker_starts(house).current), noted
        (house.folder / FILE).unlink()
        assert raised(PolicyError, worker_starts(house).current)

    def test_goes_by_the_files_as_soon_as_they_are_mended(self, house: Hands) -> None:
        good = house.policy_file.read_text()
        worker_starts(house)
        break_rules(house)
        policies = worker_starts(house)
        house.policy_file.write_text(good.replace("[U02BOB000]", "[U04EVE000]"))
        house.clock.time += timedelta(seconds=2)
        assert "U04EVE000" in str(policies.current().accesses["ledger-db/read"].rules)
