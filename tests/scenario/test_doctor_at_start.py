"""`jit up` sees the doctor first, and does not go on with a token that Slack refuses."""

import pytest
from click.testing import CliRunner

from jit.cli import up
from jit.cli.main import cli
from jit.runtime.settings import CannotStart
from playground.sample import APP_TOKEN, BOT_TOKEN, sample_workspace
from playground.server import running
from tests.world.product import POLICIES
from tests.world.waiting import HUNG

pytestmark = [pytest.mark.scenario, pytest.mark.real]


@pytest.mark.parametrize(
    ("name", "token"), [("SLACK_BOT_TOKEN", "xoxb-playground-wrong"), ("SLACK_APP_TOKEN", "xapp-playground-wrong")]
)
def test_a_token_that_slack_refuses_is_said_before_anything_starts(tmp_path, monkeypatch, name, token):
    monkeypatch.setattr(up, "LOOK_FIRST", HUNG)
    monkeypatch.setattr(up, "Supervisor", lambda _children: pytest.fail("it went on"))
    with running(sample_workspace(), {}) as stage:
        settings = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": f"{stage.slack.url}/api/",
            "ORDERS_DB_ADMIN_DSN": "postgresql://jit:hunter2@127.0.0.1:1/orders",
            "JIT_POLICIES": str(POLICIES),
            "JIT_DATA": str(tmp_path),
        }
        told = CliRunner().invoke(cli, ["up"], env={"REDIS_URL": None, **settings, name: token})
    assert isinstance(told.exception, CannotStart)
    assert name in str(told.exception)
    assert token not in str(told.exception) + told.output


@pytest.mark.parametrize("dsn", [None, "no connection string"])
def test_a_target_that_cannot_be_opened_keeps_nothing_from_starting(tmp_path, monkeypatch, dsn):
    begun = []

    def begin(children):
        begun.extend(child.name for child in children)
        raise CannotStart("far enough")

    monkeypatch.setattr(up, "LOOK_FIRST", HUNG)
    monkeypatch.setattr(up, "Supervisor", begin)
    with running(sample_workspace(), {}) as stage:
        settings = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": f"{stage.slack.url}/api/",
            "ORDERS_DB_ADMIN_DSN": dsn,
            "JIT_POLICIES": str(POLICIES),
            "JIT_DATA": str(tmp_path),
        }
        told = CliRunner().invoke(cli, ["up"], env={"REDIS_URL": None, **settings})
    assert str(told.exception) == "far enough"
    assert {"timekeeper", "worker-1"} <= set(begun)
