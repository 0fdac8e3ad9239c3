"""`jit doctor` as it is typed: for people, for programs, and before a start."""

import io
import json
import os
from pathlib import Path
from threading import Event

import pytest
from click.testing import CliRunner
from rich.console import Console
from structlog.testing import capture_logs

import jit.cli.doctor
from jit.cli import up
from jit.cli.doctor import by_part, show
from jit.cli.first_look import look, look_first
from jit.cli.main import cli
from jit.doctor import Check, Part, State, fine, mend, not_looked_at, note
from jit.ledger import LedgerMisconfigured
from jit.proof.signer.keys import make_key
from jit.runtime.settings import CannotStart
from jit.testing import ManualClock, Story, ledger_in
from tests.world.waiting import HUNG

POLICIES = Path(__file__).parents[3] / "policies"
ORDER = [
    fine(Part.TARGETS, "orders-db: there"),
    mend(
        Part.TARGETS,
        "orders-db: jit may not give orders_read",
        "GRANT orders_read TO jit WITH ADMIN OPTION;",
        is_sql=True,
    ),
    note(Part.SLACK, "old", "renew it"),
    not_looked_at(Part.QUEUE, "the queue", "REDIS_URL is not set"),
]


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No secret is here."""
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "REDIS_URL", "JIT_LEDGER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ORDERS_DB_ADMIN_DSN", raising=False)
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("JIT_POLICIES", str(POLICIES))
    return tmp_path


def told(*arguments):
    ran = CliRunner().invoke(cli, ["doctor", *arguments])
    return ran.exit_code, [json.loads(line) for line in ran.output.splitlines()]


def test_into_a_pipe_each_finding_is_a_line_of_json(nowhere):
    code, rows = told()
    assert told("--json") == (code, rows)
    assert all(each.keys() == {"part", "ok", "what", "remedy", "state"} for each in rows)
    parts = [each["part"] for each in rows]
    assert parts == sorted(parts, key=[part.value for part in Part].index)


def test_conditions_that_nothing_here_evaluates_are_to_mend(nowhere, monkeypatch):
    def missing(_):
        raise ImportError("No module named 'cel_expr_python'")

    monkeypatch.setattr("jit.policy.doctor.compile_condition", missing)
    code, rows = told()
    (found,) = [row for row in rows if row["ok"] is False]
    assert code == 1
    assert found["part"] == Part.POLICIES
    assert "cel_expr_python" in found["what"]
    assert "people decide instead" in found["what"]


def test_where_no_secret_is_nothing_is_wrong_all_is_said_and_nothing_made(nowhere):
    code, rows = told()
    assert code == 0
    unseen = (
        "what Slack refuses",
        "Slack",
        "the spool",
        "the signing key",
        "the queue",
        "the workers' key",
        "the processes",
        "what is due",
        "orders-db",
    )
    assert {each["what"] for each in rows if each["ok"] is None} == set(unseen)
    assert list(nowhere.iterdir()) == []


def test_where_the_hands_are_a_target_whose_secret_is_not_set_is_to_be_mended(nowhere, monkeypatch):
    """It may be the only one: then nothing else tells that somebody took its variable out."""
    monkeypatch.setenv("JIT_WORKER_KEY", "0" * 64)
    code, rows = told()
    (line,) = [each for each in rows if each["part"] == "Targets" and each["ok"] is False]
    assert code == 1
    assert line["what"] == "orders-db: its secret is not to be had"
    assert "ORDERS_DB_ADMIN_DSN is not set" in line["remedy"]


def test_a_targets_secret_that_is_named_here_and_not_put_in_yet_is_to_be_mended(nowhere, monkeypatch):
    """As `jit init` leaves it: the doctor is what says the step that was left out, before the first start."""
    (nowhere / "dsn").touch(mode=0o600)
    monkeypatch.setenv("ORDERS_DB_ADMIN_DSN", f"file:{nowhere / 'dsn'}")
    (line,) = [each for each in told()[1] if each["part"] == "Targets" and each["ok"] is False]
    assert line["remedy"] == f"{nowhere / 'dsn'} is empty. Put the secret there."


def test_before_the_first_start_nobody_says_that_slack_takes_all(nowhere):
    _, rows = told()
    assert not [each for each in rows if each["part"] == "Slack" and each["ok"]]


def test_something_to_mend_is_a_code_of_one(nowhere, monkeypatch):
    monkeypatch.setenv("JIT_LEDGER_URL", "mysql://x/y")
    code, rows = told()
    assert code == 1
    assert [each["part"] for each in rows if each["ok"] is False] == ["Ledger"]


def test_with_a_signers_settings_nothing_is_to_be_mended_that_a_signer_does_not_need(nowhere, monkeypatch):
    monkeypatch.delenv("JIT_POLICIES")
    monkeypatch.chdir(nowhere)
    make_key(nowhere / "var" / "signer" / "log.key", "jit.example/one")
    code, rows = told()
    assert code == 0
    assert "the record is signed with the key of jit.example/one" in {each["what"] for each in rows if each["ok"]}
    (nowhere / "var" / "signer" / "log.key").chmod(0o644)
    code, rows = told()
    assert code == 1
    assert [each["what"] for each in rows if each["ok"] is False] == ["the signing key"]
    (nowhere / "var" / "signer" / "log.key").chmod(0o600)
    assert "policies" in {each["what"] for each in rows if each["ok"] is None}
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:1/api/")
    code, rows = told()
    assert any(each["part"] == "Policies" and each["ok"] is False for each in rows), "a bot goes by the rules"


def test_access_overdue_and_nobody_at_work_is_a_code_of_one(nowhere):
    (nowhere / "var").mkdir()
    ledger = ledger_in(nowhere / "var" / "ledger.db", ManualClock())
    Story(ledger, ledger.clock).active()
    ledger.engine.dispose()
    code, rows = told()
    assert code == 1
    assert any("R-7F3K" in each["what"] for each in rows if each["part"] == "Access" and each["ok"] is False)
    missing = {each["what"].split(" runs")[0] for each in rows if each["part"] == "Processes" and each["ok"] is False}
    assert missing == {"no timekeeper", "no worker", "no bot"}


def test_a_secret_in_a_file_that_cannot_be_read_is_one_line_and_not_the_end(nowhere, monkeypatch):
    for name in ("REDIS_URL", "JIT_LEDGER_URL", "JIT_WORKER_KEY", "SLACK_BOT_TOKEN"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "file:nowhere/to/be/found")
            code, rows = told()
        assert code == 1, name
        assert len([each for each in rows if "nowhere/to/be/found cannot be read" in each["remedy"]]) == 1, name


def test_a_broken_rule_is_said_with_its_line_and_the_rest_is_looked_at(nowhere, monkeypatch):
    (nowhere / "a.policy.yml").write_text("channels: {audit: nowhere}\n")
    monkeypatch.setenv("JIT_POLICIES", str(nowhere))
    code, rows = told()
    assert code == 1
    assert any("a.policy.yml:1" in each["what"] for each in rows if each["part"] == "Policies")
    assert any(each["part"] == "Ledger" for each in rows)


def shown(lines):
    out = io.StringIO()
    show(by_part(lines), Console(file=out, highlight=False, soft_wrap=True, width=80))
    return out.getvalue().splitlines()


def test_for_people_marks_are_words_in_a_column_and_sql_has_a_line_of_its_own():
    said = shown(ORDER)
    assert said[:4] == ["Slack", "  note           old", "                   renew it", "Queue"]
    assert "  MEND           orders-db: jit may not give orders_read" in said
    assert "                   GRANT orders_read TO jit WITH ADMIN OPTION;" in said
    assert said[-2] == "1 ok, 1 to note, 1 to mend, 1 not looked at"
    assert "superuser" in said[-1]


def test_a_remedy_with_a_semicolon_is_no_sql():
    remedy = "the policy files cannot be read; mend them first"
    assert not any("superuser" in line for line in shown([not_looked_at(Part.TARGETS, "the targets", remedy)]))


PASSWORD = "hunter2-Zq9"


def set_all(monkeypatch):
    """What a room needs to start."""
    for name, value in (
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_APP_TOKEN", "xapp-1"),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
    ):
        monkeypatch.setenv(name, value)


def test_a_password_that_makes_the_address_unreadable_is_not_repeated(nowhere, monkeypatch):
    for address in (
        f"postgresql://jit:a@{PASSWORD}@127.0.0.1:1/jit",
        f"postgresql://jit:a@{PASSWORD}/b@127.0.0.1:1/jit",
        f"postgresql://jit:a@b/{PASSWORD}@127.0.0.1:1/jit",
        f"postgresql://jit:a@b:{PASSWORD}@127.0.0.1:1/jit",
        f"postgresql://jit:{PASSWORD}",
    ):
        monkeypatch.setenv("JIT_LEDGER_URL", address)
        code, rows = told("--json")
        assert code == 1, address
        assert PASSWORD not in str(rows), address
        assert any("%40" in each["remedy"] for each in rows if each["part"] == "Ledger"), address
        set_all(monkeypatch)
        for room in ("worker", "bot", "list"):
            ran = CliRunner().invoke(cli, [room])
            assert PASSWORD not in ran.output + str(ran.exception), address
            assert isinstance(ran.exception, LedgerMisconfigured), address


def test_an_address_of_slack_with_a_password_is_refused_and_not_repeated(nowhere, monkeypatch):
    set_all(monkeypatch)
    monkeypatch.setenv("SLACK_API_URL", f"http://u:{PASSWORD}@127.0.0.1:1/api/")
    for command in ("doctor", "bot"):
        ran = CliRunner().invoke(cli, [command])
        assert isinstance(ran.exception, CannotStart), command
        assert "no user or password" in str(ran.exception), command
        assert PASSWORD not in ran.output + str(ran.exception), command


def test_a_long_command_is_not_broken_into_lines():
    command = f"GRANT {'x' * 200} TO jit;"
    assert any(line.strip() == command for line in shown([mend(Part.TARGETS, "a", command)]))


def test_what_looks_like_markup_is_shown_as_it_is():
    assert "  ok             #[red]alert[/red]" in shown([fine(Part.SLACK, "#[red]alert[/red]")])


@pytest.fixture
def finds(monkeypatch):
    """Let the doctor before a start find these."""

    def to_find(*lines):
        monkeypatch.setattr(up, "look_first", lambda *_: lines)

    return to_find


def test_a_start_goes_on_with_what_keeps_the_rest_working_and_logs_it(finds):
    finds(*ORDER)
    with capture_logs() as logs:
        assert up.see_the_doctor({}) == 1
    (line,) = logs
    assert (line["event"], line["part"], line["remedy"]) == ("doctor.mend", Part.TARGETS, ORDER[1].remedy)


def test_a_start_is_refused_for_what_leaves_nothing_working(finds):
    finds(*ORDER, mend(Part.SLACK, "Slack does not accept SLACK_BOT_TOKEN", "Set it.", stops_all=True))
    with pytest.raises(CannotStart, match=r"SLACK_BOT_TOKEN\. Set it\."):
        up.see_the_doctor({})


def test_a_start_waits_for_nobody_for_long(nowhere, monkeypatch):
    forever = Event()
    monkeypatch.setattr(jit.cli.doctor, "checks", lambda *_: [Check(Part.SLACK, "Slack", forever.wait)])
    try:
        (line,) = json.loads(look(0.1))
    finally:
        forever.set()
    assert "no answer" in line["what"]


def test_before_a_start_one_process_looks_and_another_hears_all_of_it(nowhere, tmp_path):
    seen = {"PATH": os.environ["PATH"], "JIT_DATA": str(tmp_path), "JIT_POLICIES": str(POLICIES)}
    found = {(line.part, line.state) for line in look_first(seen, HUNG)}
    assert {(Part.LEDGER, State.OK), (Part.SLACK, State.NOT_LOOKED_AT)} <= found
