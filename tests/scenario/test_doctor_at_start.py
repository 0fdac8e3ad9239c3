"""`jit up` sees the doctor first: it goes on with a part that is down, and not with a token that Slack refuses."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bot.playground.sample import APP_TOKEN, BOT_TOKEN, sample_workspace
from bot.playground.server import running
from jit.cli import up
from jit.cli.main import cli
from jit.settings import CannotStart
from tests.house import POLICIES
from tests.waiting import wait_until

pytestmark = [pytest.mark.scenario, pytest.mark.real]


@pytest.fixture
def stage():
    with running(sample_workspace(), {}) as stage:
        yield stage


@pytest.fixture
def settings(stage, tmp_path):
    """For a start against a playground, with a target that is down."""
    return {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_API_URL": f"{stage.slack.url}/api/",
        "ORDERS_DB_ADMIN_DSN": "postgresql://jit:hunter2@127.0.0.1:1/orders",
        "JIT_POLICIES": str(POLICIES),
        "JIT_DATA": str(tmp_path / "data"),
    }


def test_a_target_that_is_down_is_logged_and_the_rest_starts(stage, settings, tmp_path):
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jit.cli", "up", "--workers", "1"],
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_until(lambda: stage.slack.hub.connections, 60)
        finally:
            process.terminate()
            process.wait(60)
    said = (tmp_path / "log").read_text()
    assert [line for line in said.splitlines() if "doctor.mend" in line and "orders-db: " in line]
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "token"), [("SLACK_BOT_TOKEN", "xoxb-playground-wrong"), ("SLACK_APP_TOKEN", "xapp-playground-wrong")]
)
def test_a_token_that_slack_refuses_is_said_before_anything_starts(settings, monkeypatch, name, token):
    for variable, value in {**settings, name: token}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(up, "LOOK_FIRST", 60.0)
    monkeypatch.setattr(up, "_run_until_told", lambda *_: pytest.fail("it went on"))
    told = CliRunner().invoke(cli, ["up"])
    assert isinstance(told.exception, CannotStart)
    assert name in str(told.exception)
    assert token not in str(told.exception) + told.output
