"""The bot as it is run: it starts, answers, shows, notices changed rules, and stops."""

import pytest

from jit.facts import Alert, PolicyChanged, Started
from jit.ledger import connect, create_tables
from playground.faults import Outage
from playground.sample import ALERTS, ALICE, AUDIT, REQUESTS
from playground.text import rendered
from tests.scenario.bot_thread import BotThread, facts
from tests.world.base import RULES
from tests.world.waiting import HUNG, wait_until

pytestmark = pytest.mark.scenario


def said(stage, channel):
    messages = sorted(stage.slack.world.channel(channel).messages.values(), key=lambda message: message["ts"])
    return "\n".join(rendered(message, str) for message in messages)


def test_it_starts_answers_and_stops(stage, tmp_path):
    with BotThread(stage.slack, tmp_path):
        wait_until(lambda: "started" in said(stage, AUDIT))
        wait_until(lambda: stage.command(ALICE, "/jit", "help", REQUESTS)["ok"])
    recorded = facts(tmp_path)
    assert isinstance(recorded[0], Started)
    assert recorded[0].warnings


def test_it_draws_the_home_of_whoever_opens_theirs(stage, tmp_path):
    with BotThread(stage.slack, tmp_path):
        wait_until(lambda: stage.command(ALICE, "/jit", "help", REQUESTS)["ok"])
        stage.open_home(ALICE)
        wait_until(lambda: stage.home(ALICE))
    assert "[Ask for access]" in stage.home(ALICE)["text"]


def test_a_slack_that_is_not_slacks_is_an_alert(stage, tmp_path):
    with BotThread(stage.slack, tmp_path):
        wait_until(lambda: "foreign slack" in said(stage, ALERTS))
    assert any(isinstance(fact, Alert) for fact in facts(tmp_path))


def test_changed_rules_are_recorded(stage, tmp_path):
    with BotThread(stage.slack, tmp_path):
        wait_until(lambda: "started" in said(stage, AUDIT))
        (tmp_path / "a.policy.yml").write_text(RULES.replace("8h", "4h"))
        wait_until(lambda: "policy changed" in said(stage, AUDIT))
    started, changed = (next(f for f in facts(tmp_path) if isinstance(f, kind)) for kind in (Started, PolicyChanged))
    assert changed.before == started.policy_version != changed.policy_version


def test_it_waits_for_a_slack_that_is_down(stage, tmp_path):
    stage.slack.break_down(Outage.UNAVAILABLE)
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)  # whoever looks while a file is being made locks it
    engine.dispose()
    with BotThread(stage.slack, tmp_path):
        wait_until(lambda: facts(tmp_path))
        stage.slack.mend()
        wait_until(lambda: stage.command(ALICE, "/jit", "help", REQUESTS)["ok"])
        wait_until(lambda: "started" in said(stage, AUDIT))


def test_a_token_that_slack_does_not_take_ends_the_start_with_a_reason(stage, tmp_path):
    with BotThread(stage.slack, tmp_path, slack_bot_token="xoxb-playground-wrong") as process:
        process.thread.join(HUNG)
        assert "SLACK_BOT_TOKEN" in str(process.failed)
        assert "xoxb" not in str(process.failed)
