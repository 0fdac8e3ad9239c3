"""`jit up` sees the doctor first, and does not go on with a token that Slack refuses."""

import pytest
from click.testing import CliRunner

from jit.cli import up
from jit.cli.main import cli
from jit.runtime.settings import CannotStart
from playground.sample import sample_workspace
from playground.server import running
from tests.scenario.told_up import of_up
from tests.world.waiting import HUNG

pytestmark = [pytest.mark.scenario, pytest.mark.real]


@pytest.mark.parametrize(
    ("name", "token"), [("SLACK_BOT_TOKEN", "xoxb-playground-wrong"), ("SLACK_APP_TOKEN", "xapp-playground-wrong")]
)
def test_a_token_that_slack_refuses_is_said_before_anything_starts(tmp_path, monkeypatch, name, token):
    monkeypatch.setattr(up, "LOOK_FIRST", HUNG)
    monkeypatch.setattr(up, "Supervisor", lambda _children: pytest.fail("it went on"))
    with running(sample_workspace(), {}) as stage:
        env = of_up(tmp_path, stage.slack.url, REDIS_URL=None, **{name: token})
        told = CliRunner().invoke(cli, ["up"], env=env)
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
        env = of_up(tmp_path, stage.slack.url, REDIS_URL=None, ORDERS_DB_ADMIN_DSN=dsn)
        told = CliRunner().invoke(cli, ["up"], env=env)
    assert str(told.exception) == "far enough"
    assert {"timekeeper", "worker-1"} <= set(begun)
