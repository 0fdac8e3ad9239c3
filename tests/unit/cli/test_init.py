"""`jit init` leaves rules that can be read, settings without a secret, and nothing of anybody's changed."""

import stat
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from click.testing import CliRunner

from bot.manifest import load_manifest, over_http
from jit.cli.answers import Answers
from jit.cli.main import cli
from jit.policy import PolicyError, load_policy
from jit.policy.files.check import check_folder
from jit.runtime.settings import BotSettings, CannotStart, MissingSecret, resolve_secret

OPTIONS = {
    "--workspace": ["acme"],
    "--audit-channel": ["C0AUDIT01"],
    "--requests-channel": ["C0ACCESS1"],
    "--engineer": ["U01ALICE0=alice", "U04EVE000=eve"],
    "--approver": ["U02BOB000", "S0DBA0001"],
    "--target-name": ["orders-db"],
    "--host": ["db.example.com"],
    "--database": ["orders"],
    "--role": ["orders_read", "orders_write"],
}
TYPED = """\
https://acme.slack.com/
C0AUDIT01
https://acme.slack.com/archives/C0ACCESS1
U01ALICE0=alice
U04EVE000 = eve

U02BOB000
S0DBA0001

orders-db
db.example.com
orders
orders_read
orders_write

"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*more, typed=None, **changed):
    options = OPTIONS | {f"--{name.replace('_', '-')}": values for name, values in changed.items()}
    given = [word for name, values in options.items() for value in values for word in (name, value)]
    return CliRunner().invoke(cli, ["init", *more, *(given if typed is None else [])], input=typed)


def written(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_it_writes_is_a_policy_without_mistakes(here):
    told = init()
    assert told.exit_code == 0, told.output
    assert check_folder(here / "production/policies").mistakes == ()
    policy = load_policy(here / "production/policies")
    assert policy.channels.audit == "C0AUDIT01"
    assert dict(policy.people["U04EVE000"]) == {"orders-db": "eve"}
    assert list(policy.accesses) == ["orders-db/orders_read", "orders-db/orders_write"]
    access = policy.accesses["orders-db/orders_write"]
    assert (access.grants, access.channel, access.target) == (("orders_write",), "C0ACCESS1", "orders-db")
    assert policy.groups["approvers"] == ("U02BOB000", "slack:S0DBA0001")
    assert policy.groups["engineers"] == ("U01ALICE0", "U04EVE000")
    assert policy.security == ("group:approvers",)


def test_typed_answers_make_the_same_files_as_options(here):
    assert init("scripted").exit_code == 0
    told = init("asked", typed=TYPED)
    assert told.exit_code == 0, told.output
    scripted, asked = (
        {path.name: data.replace(name.encode(), b"") for path, data in written(here / name).items()}
        for name in ("scripted", "asked")
    )
    assert scripted == asked


def test_a_wrong_answer_is_asked_again_with_where_to_find_a_right_one():
    told = init("asked", typed=TYPED.replace("C0AUDIT01\n", "#audit\nC0AUDIT01\n"))
    assert told.exit_code == 0, told.output
    assert "'#audit': must be a Slack channel id like C0AUDIT01" in told.output
    assert "Channel ID, at the bottom" in told.output


def test_a_wrong_option_is_refused_with_what_it_should_be(here):
    for option, value, says in (
        ("workspace", "https://evil.example.com", "acme.slack.com"),
        ("workspace", "acme.slack.com.example.com", "acme.slack.com"),
        ("audit_channel", "U01ALICE0", "channel id"),
        ("requests_channel", "#access", "Channel ID, at the bottom"),
        ("engineer", "U01ALICE0", "U01ALICE0=alice"),
        ("engineer", "S0DBA0001=alice", "Copy member ID"),
        ("approver", "@dba", "Copy group ID"),
        ("target_name", "orders db", "a name holds letters"),
        ("host", "db.example.com/orders", "a host's name"),
        ("role", 'orders"; DROP', "a name holds letters"),
        ("database", "orders\u202e", "invisible"),
        ("http", "http://jit.example.com", "https"),
    ):
        told = init(**{option: [value]})
        assert told.exit_code == 2, (option, value)
        assert says in " ".join(told.output.split()), (option, value)
        assert written(here) == {}, (option, value)


def test_the_env_file_names_every_secret_and_holds_none(here):
    init()
    files = {path.name for path in (here / "production/secrets").iterdir()}
    assert files == {"slack_bot_token", "slack_app_token", "dsn_orders_db"}
    text = (here / "production/jit.env").read_text()
    assert "xoxb" not in text
    assert "PASSWORD" not in text
    settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DSN_ORDERS_DB"):
        assert settings[name] == f"file:{here}/production/secrets/{name.lower()}"


def test_secrets_are_for_their_owner_alone(here):
    init()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (here / "production/secrets").iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((here / "production/secrets").stat().st_mode) == 0o700
    assert "secrets/" in (here / "production/.gitignore").read_text().splitlines()


@pytest.mark.parametrize("folder", ["production", "it's $HOME `here`"])
def test_a_shell_that_reads_the_env_file_starts_with_these_settings(here, folder, monkeypatch):
    init(folder)
    shown = subprocess.run(
        ["/bin/sh", "-c", 'set -a; . "$0"; env -0', here / folder / "jit.env"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in shown.split("\0"):
        name, _, value = line.partition("=")
        if name.startswith(("JIT_", "SLACK_", "DSN_")):
            monkeypatch.setenv(name, value)
    with pytest.raises(MissingSecret, match="slack_bot_token is empty"):
        BotSettings(redis_url="redis://127.0.0.1")
    for name in ("slack_bot_token", "slack_app_token", "dsn_orders_db"):
        (here / folder / "secrets" / name).write_text(f"{name} itself\n")
    settings = BotSettings(redis_url="redis://127.0.0.1")
    assert settings.slack_bot_token.get_secret_value() == "slack_bot_token itself"
    policy = load_policy(settings.policies)
    dsn = resolve_secret(policy.targets["orders-db"].settings["dsn"])
    assert dsn.get_secret_value() == "dsn_orders_db itself"
    assert settings.data == here / folder / "var"


def test_what_is_there_stays_as_it_is(here):
    for there in ("jit.env", "policies/orders-db.policy.yml", "secrets/slack_bot_token"):
        path = here / "production" / there
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        told = init()
        assert told.exit_code != 0, there
        assert isinstance(told.exception, CannotStart), there
        assert "Choose another folder" in str(told.exception), there
        assert written(here) == {path: b"mine"}, there
        path.unlink()


def test_stopping_before_the_last_answer_writes_nothing(here):
    told = init(typed="acme\nC0AUDIT01\n")
    assert isinstance(told.exception, CannotStart)
    assert "Nothing was written" in str(told.exception)
    assert written(here) == {}


def test_who_asks_must_not_be_the_only_one_who_decides(here):
    told = init(approver=["U01ALICE0"])
    assert isinstance(told.exception, CannotStart)
    assert "Nobody could decide on what U01ALICE0 asks for" in str(told.exception)
    assert written(here) == {}


def test_two_people_with_one_login_are_refused_before_anything_is_written(here):
    told = init(engineer=["U01ALICE0=alice", "U04EVE000=alice"])
    assert isinstance(told.exception, PolicyError)
    assert "two people cannot be told apart" in str(told.exception)
    assert written(here) == {}


def test_names_that_yaml_reads_otherwise_stay_names(here):
    for odd in ("on", "1.5", "null", "2026-11-21", "x"):
        assert init(f"of-{odd}", role=[odd], target_name=[odd]).exit_code == 0, odd
        policy = load_policy(here / f"of-{odd}/policies")
        assert policy.accesses[f"{odd}/{odd}"].grants == (odd,), odd


def link_of(output):
    return next(line for line in output.splitlines() if line.startswith("https://api.slack.com/"))


def test_the_link_creates_the_app_of_the_manifest():
    link = urlsplit(link_of(init().output))
    asked = parse_qs(link.query)
    assert asked["new_app"] == ["1"]
    assert yaml.safe_load(asked["manifest_yaml"][0]) == load_manifest()
    assert "#" not in asked["manifest_yaml"][0].replace("'#1f2937'", "")
    assert len(link.geturl()) < 2000


def test_over_http_the_app_has_an_address_and_a_signing_secret(here):
    told = init(http=["https://jit.example.com/"]).output
    (manifest,) = parse_qs(urlsplit(link_of(told)).query)["manifest_yaml"]
    assert yaml.safe_load(manifest) == over_http(load_manifest(), "https://jit.example.com")
    assert "Signing Secret" in told
    assert "xapp" not in told
    files = {path.name for path in (here / "production/secrets").iterdir()}
    assert files == {"slack_bot_token", "slack_signing_secret", "dsn_orders_db"}
    assert "SLACK_APP_TOKEN" not in (here / "production/jit.env").read_text()


def test_the_steps_name_every_file_that_waits_for_a_secret(here):
    told = init().output
    for path in (here / "production/secrets").iterdir():
        assert f"cat > production/secrets/{path.name}\n" in told
    assert "postgresql://jit_worker:PASSWORD@db.example.com:5432/orders?sslmode=require" in told
    assert 'GRANT "orders_write" TO jit_worker WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;' in told
    assert ". production/jit.env;" in told


def test_a_server_of_this_machine_is_asked_for_no_tls():
    for host, shown in (("localhost", "localhost:5432/orders\n"), ("::1", "[::1]:5432/orders\n")):
        assert f"@{shown}" in init(f"of-{len(host)}", host=[host]).output, host


def test_an_approver_by_user_group_may_be_anybody():
    answers = dict.fromkeys(Answers.__dataclass_fields__, "") | {"engineers": {"U01ALICE0": "alice"}}
    assert Answers(**answers | {"approvers": ("slack:S0DBA0001",)}).undecidable() == []
    assert Answers(**answers | {"approvers": ("U01ALICE0",)}).undecidable() == ["U01ALICE0"]
