"""Settings come from the environment, are seen by their room alone, and never show a secret."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from jit.runtime.settings import (
    LARGEST_SECRET,
    SLACK,
    BotSettings,
    CannotStart,
    MissingSecret,
    QueueSettings,
    Settings,
    SignerSettings,
    WorkerSettings,
    process_name,
    resolve_secret,
)
from tests.world.raised import raised

SECRET = "hunter2-Zq9"
ENVIRONMENT = {
    "JIT_LEDGER_URL": f"postgresql://jit:{SECRET}@db/jit",
    "REDIS_URL": f"redis://:{SECRET}@cache:6379/0",
    "SLACK_BOT_TOKEN": f"xoxb-{SECRET}",
    "SLACK_APP_TOKEN": f"xapp-{SECRET}",
    "JIT_WORKER_KEY": SECRET,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in (*ENVIRONMENT, "JIT_DATA", "JIT_POLICIES", "JIT_LOG_LEVEL", "SLACK_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def give(environment, *names):
    for name in names or ENVIRONMENT:
        environment.setenv(name, ENVIRONMENT[name])


def keep(path, text=SECRET, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_a_word_everything_lies_in_one_folder(environment):
    assert Settings().ledger_url.get_secret_value() == "sqlite:///var/ledger.db"
    environment.setenv("JIT_DATA", "/srv/jit")
    assert Settings().ledger_url.get_secret_value() == "sqlite:////srv/jit/ledger.db"
    assert Settings().spool == Path("/srv/jit/spool")
    assert Settings().policies == Path("policies")


def test_each_name_of_the_environment_is_heard(environment):
    give(environment)
    environment.setenv("JIT_POLICIES", "/etc/jit")
    environment.setenv("SLACK_API_URL", "http://127.0.0.1:1/api/")
    bot = BotSettings()
    assert bot.policies == Path("/etc/jit")
    assert bot.ledger_url.get_secret_value() == ENVIRONMENT["JIT_LEDGER_URL"]
    assert bot.redis_url.get_secret_value() == ENVIRONMENT["REDIS_URL"]
    assert bot.slack_bot_token.get_secret_value() == ENVIRONMENT["SLACK_BOT_TOKEN"]
    assert bot.slack_app_token.get_secret_value() == ENVIRONMENT["SLACK_APP_TOKEN"]
    assert bot.slack_api_url == "http://127.0.0.1:1/api/"
    hands = WorkerSettings()
    assert hands.worker_key is not None
    assert hands.worker_key.get_secret_value() == SECRET


def test_slack_is_the_real_one_unless_said(environment):
    give(environment)
    assert BotSettings().slack_api_url == SLACK


def test_each_process_sees_only_the_secrets_of_its_room(environment):
    give(environment)
    assert not {"slack_bot_token", "slack_app_token"} & set(WorkerSettings().model_dump())
    assert "worker_key" not in BotSettings().model_dump()


def test_no_secret_is_ever_shown(environment):
    give(environment)
    for room in (Settings, QueueSettings, BotSettings, WorkerSettings):
        settings = room()
        shown = (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json())
        assert not any(SECRET in each for each in shown), room


def test_a_missing_one_is_named_and_those_given_are_not_shown(environment):
    give(environment, "SLACK_APP_TOKEN", "REDIS_URL")
    with pytest.raises(ValidationError) as caught:
        BotSettings()
    assert "slack_bot_token" in str(caught.value).lower()
    assert SECRET not in str(caught.value)


def test_the_timekeeper_needs_no_queue():
    assert WorkerSettings().redis_url is None


def test_settings_do_not_change(environment):
    with pytest.raises(ValidationError):
        Settings().log_level = "DEBUG"


def test_a_secret_is_fetched_from_where_it_is_named(environment, tmp_path):
    environment.setenv("ORDERS_DSN", SECRET)
    keep(tmp_path / "dsn", f"{SECRET}\n")
    environment.setenv("ORDERS_DSN_FILE", "file:dsn")
    for reference in ("env:ORDERS_DSN", f"file:{tmp_path / 'dsn'}", "file:dsn", "env:ORDERS_DSN_FILE"):
        secret = resolve_secret(reference)
        assert secret.get_secret_value() == SECRET
        assert SECRET not in repr(secret)


def test_a_secret_that_is_not_there_is_named_with_what_to_do(environment, tmp_path):
    environment.setenv("EMPTY", "")
    for name in ("ORDERS_DSN", "EMPTY"):
        with pytest.raises(MissingSecret, match=f"{name} is not set"):
            resolve_secret(f"env:{name}")
    with pytest.raises(MissingSecret, match="cannot be read"):
        resolve_secret(f"file:{tmp_path / 'nothing'}")


def test_a_secret_that_is_a_pipe_holds_up_nobody(environment, tmp_path):
    """Nor a device, or a folder: what is no ordinary file is refused at once."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "folder"):
        with pytest.raises(MissingSecret, match="is no ordinary file"):
            resolve_secret(f"file:{path}")
        environment.setenv("JIT_WITNESSES", f"file:{path}")
        with pytest.raises(CannotStart, match="is no ordinary file"):
            SignerSettings()


def test_a_secret_by_a_link_is_read_as_kubernetes_has_it(tmp_path):
    keep(tmp_path / "data")
    (tmp_path / "secret").symlink_to("data")
    assert resolve_secret(f"file:{tmp_path / 'secret'}").get_secret_value() == SECRET


def test_a_file_without_end_is_no_secret(tmp_path):
    keep(tmp_path / "large", "x" * (LARGEST_SECRET + 1))
    with pytest.raises(MissingSecret, match="larger than 64 KB"):
        resolve_secret(f"file:{tmp_path / 'large'}")


def test_each_secret_may_lie_in_a_file_instead(environment, tmp_path):
    for name, room, field in (
        ("JIT_LEDGER_URL", Settings, "ledger_url"),
        ("REDIS_URL", QueueSettings, "redis_url"),
        ("REDIS_URL", WorkerSettings, "redis_url"),
        ("SLACK_BOT_TOKEN", BotSettings, "slack_bot_token"),
        ("SLACK_APP_TOKEN", BotSettings, "slack_app_token"),
        ("JIT_WORKER_KEY", WorkerSettings, "worker_key"),
    ):
        give(environment)
        keep(tmp_path / "kept", f"{SECRET} of the file\n")
        environment.setenv(name, "file:kept")
        settings = room()
        assert getattr(settings, field).get_secret_value() == f"{SECRET} of the file", name
        assert SECRET not in repr(settings), name


def test_a_file_that_cannot_be_used_is_named_and_not_shown(environment, tmp_path):
    give(environment)
    path = tmp_path / "kept"
    environment.setenv("SLACK_BOT_TOKEN", f"file:{path}")
    for mode, text, says in (
        (0o640, SECRET, "chmod 600 "),
        (0o604, SECRET, "chmod 600 "),
        (0o620, SECRET, "chmod 600 "),
        (0o600, "", "is empty"),
        (0o600, "\n", "is empty"),
        (0o600, "\udcff", "something else than text"),
    ):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(mode)
        said = str(raised(MissingSecret, BotSettings))
        assert says in said, (oct(mode), text)
        assert str(path) in said
        assert SECRET not in said


def test_a_file_that_root_hands_to_our_group_is_taken(tmp_path, monkeypatch):
    path = keep(tmp_path / "kept", mode=0o640)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    assert resolve_secret(f"file:{path}").get_secret_value() == SECRET
    path.chmod(0o644)
    with pytest.raises(MissingSecret, match="chmod o= "):
        resolve_secret(f"file:{path}")


def test_a_secret_written_down_instead_of_named_is_refused_unsaid():
    for reference in (SECRET, "", f"vault:{SECRET}", f"postgresql://jit:{SECRET}@db/x"):
        said = str(raised(ValueError, resolve_secret, reference))
        assert "env:NAME" in said, reference
        assert SECRET not in said, reference


def test_a_process_signs_with_its_room_and_host():
    room, _, host = process_name("worker").partition("@")
    assert room == "worker"
    assert host
