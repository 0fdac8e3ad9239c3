"""How Slack reaches the bot: by one way, and the settings say which when they are not clear."""

from pathlib import Path

import pytest

from jit.cli.environment import environment
from jit.policy import load_policy
from jit.runtime.settings import Address, BotSettings, CannotStart, WorkerSettings
from tests.world.raised import raised

POLICIES = Path(__file__).parents[3] / "policies"
SECRET = "hunter2-Zq9"


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    for name in ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "JIT_LISTEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLACK_BOT_TOKEN", f"xoxb-{SECRET}")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    return monkeypatch


def test_an_app_token_means_socket_mode_and_nothing_listens(variables):
    variables.setenv("SLACK_APP_TOKEN", f"xapp-{SECRET}")
    settings = BotSettings()
    assert settings.slack_app_token is not None
    assert settings.slack_signing_secret is None
    assert settings.listen is None


def test_in_socket_mode_it_listens_where_it_is_told(variables):
    variables.setenv("SLACK_APP_TOKEN", f"xapp-{SECRET}")
    variables.setenv("JIT_LISTEN", "0.0.0.0:8080")
    assert BotSettings().listen == Address("0.0.0.0", 8080)


def test_a_signing_secret_means_http_mode_behind_a_proxy(variables):
    variables.setenv("SLACK_SIGNING_SECRET", SECRET)
    settings = BotSettings()
    assert settings.slack_app_token is None
    assert settings.listen == Address("127.0.0.1", 3000)
    assert SECRET not in repr(settings)


def test_a_signing_secret_may_lie_in_a_file(variables, tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    variables.setenv("SLACK_SIGNING_SECRET", f"file:{path}")
    settings = BotSettings()
    assert settings.slack_signing_secret is not None
    assert settings.slack_signing_secret.get_secret_value() == SECRET


def test_neither_and_both_are_refused_with_the_names(variables):
    for names in ((), ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")):
        for name in names:
            variables.setenv(name, SECRET)
        said = str(raised(CannotStart, BotSettings))
        assert "SLACK_APP_TOKEN" in said, names
        assert "SLACK_SIGNING_SECRET" in said, names
        assert SECRET not in said, names


def test_an_address_is_read(variables):
    for written, address in (
        ("127.0.0.1:3000", Address("127.0.0.1", 3000)),
        ("localhost:1", Address("localhost", 1)),
        ("[::1]:65535", Address("::1", 65535)),
    ):
        variables.setenv("SLACK_SIGNING_SECRET", SECRET)
        variables.setenv("JIT_LISTEN", written)
        assert BotSettings().listen == address, written


def test_what_is_no_address_is_refused_with_how_to_write_one(variables):
    for written in (
        *("3000", ":3000", "host", "host:", "host:0", "host:65536", "host:x"),
        *("::1:3000", "[::1:3", "http://host:3", "a@b:3", "h:3/x"),
    ):
        variables.setenv("SLACK_SIGNING_SECRET", SECRET)
        variables.setenv("JIT_LISTEN", written)
        assert "JIT_LISTEN is no address" in str(raised(CannotStart, BotSettings)), written


def test_the_hands_see_neither(variables):
    variables.setenv("SLACK_SIGNING_SECRET", SECRET)
    assert not {"slack_signing_secret", "listen"} & set(WorkerSettings().model_dump())


def test_up_hands_both_to_the_bot_alone():
    everything = {"SLACK_SIGNING_SECRET": SECRET, "JIT_LISTEN": "127.0.0.1:3000"}
    policy = load_policy(POLICIES)
    assert environment("bot", everything, policy) == everything
    assert environment("worker", everything, policy) == environment("timekeeper", everything, policy) == {}
