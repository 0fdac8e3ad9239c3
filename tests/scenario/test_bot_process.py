"""The bot as it is run: it starts, answers, shows, notices changed rules, and stops."""

import threading
import time

import pytest

from bot.main import run
from bot.playground.faults import Outage
from bot.playground.sample import ALERTS, ALICE, APP_TOKEN, AUDIT, BOT_TOKEN, REQUESTS, sample_workspace
from bot.playground.server import running
from bot.playground.text import rendered
from jit.facts import Alert, PolicyChanged, Started
from jit.ledger import Ledger, LedgerUnavailable, connect
from jit.settings import BotSettings, CannotStart
from tests.life import POLICY

pytestmark = pytest.mark.scenario


class Process:
    """`bot.main.run` in a thread."""

    def __init__(self, slack, folder, token=BOT_TOKEN):
        self.stop = threading.Event()
        self.failed = None
        self.settings = BotSettings(
            data=folder,
            policies=folder,
            slack_bot_token=token,
            slack_app_token=APP_TOKEN,
            slack_api_url=f"{slack.url}/api/",
            redis_url="redis://127.0.0.1:1/0",
        )
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            run(self.settings, stop=self.stop)
        except CannotStart as failed:
            self.failed = failed

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def stage(tmp_path):
    (tmp_path / "a.policy.yml").write_text(POLICY)
    with running(sample_workspace(), {}) as stage:
        yield stage


def said(stage, channel):
    messages = sorted(stage.slack.world.channel(channel).messages.values(), key=lambda message: message["ts"])
    return "\n".join(rendered(message, str) for message in messages)


def facts(folder):
    ledger = Ledger(connect(f"sqlite:///{folder / 'ledger.db'}"), None)
    try:
        return [entry.fact for entry in ledger.read()]
    except LedgerUnavailable:
        return []  # not there yet


def eventually(seen, within=15.0):
    deadline = time.monotonic() + within
    while not (value := seen()):
        assert time.monotonic() < deadline, "not seen"
        time.sleep(0.02)
    return value


def test_it_starts_answers_and_stops(stage, tmp_path):
    with Process(stage.slack, tmp_path):
        stage.wait_for(lambda: "started" in said(stage, AUDIT), 15)
        eventually(lambda: stage.command(ALICE, "/jit", "help", REQUESTS)["ok"])
    recorded = facts(tmp_path)
    assert isinstance(recorded[0], Started)
    assert recorded[0].warnings


def test_it_draws_the_home_of_whoever_opens_theirs(stage, tmp_path):
    with Process(stage.slack, tmp_path):
        eventually(lambda: stage.command(ALICE, "/jit", "help", REQUESTS)["ok"])
        stage.open_home(ALICE)
        eventually(lambda: stage.home(ALICE))
    assert "[Ask for access]" in stage.home(ALICE)["text"]


def test_a_slack_that_is_not_slacks_is_an_alert(stage, tmp_path):
    with Process(stage.slack, tmp_path):
        stage.wait_for(lambda: "foreign slack" in said(stage, ALERTS), 15)
    assert any(isinstance(fact, Alert) for fact in facts(tmp_path))


def test_changed_rules_are_recorded(stage, tmp_path):
    with Process(stage.slack, tmp_path):
        stage.wait_for(lambda: "started" in said(stage, AUDIT), 15)
        (tmp_path / "a.policy.yml").write_text(POLICY.replace("8h", "4h"))
        stage.wait_for(lambda: "policy changed" in said(stage, AUDIT), 15)
    started, changed = (next(f for f in facts(tmp_path) if isinstance(f, kind)) for kind in (Started, PolicyChanged))
    assert changed.before == started.policy_version != changed.policy_version


def test_it_waits_for_a_slack_that_is_down(stage, tmp_path):
    stage.slack.break_down(Outage.UNAVAILABLE)
    with Process(stage.slack, tmp_path):
        eventually(lambda: (tmp_path / "ledger.db").exists() and facts(tmp_path))
        stage.slack.mend()
        eventually(lambda: stage.command(ALICE, "/jit", "help", REQUESTS)["ok"])
        stage.wait_for(lambda: "started" in said(stage, AUDIT), 15)


def test_a_token_that_slack_does_not_take_ends_the_start_with_a_reason(stage, tmp_path):
    with Process(stage.slack, tmp_path, token="xoxb-playground-wrong") as process:
        process.thread.join(20)
        assert "SLACK_BOT_TOKEN" in str(process.failed)
        assert "xoxb" not in str(process.failed)
