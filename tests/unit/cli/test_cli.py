import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from jit.cli import up
from jit.cli.main import cli, run
from jit.clock import SystemClock
from jit.ledger import Ledger, StoredDirectory
from jit.people.person import Person
from jit.requests.lifecycle import State
from jit.testing import BOB, ManualClock, Story, ledger_in
from tests.world.tamper import past_the_guards

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.setenv("JIT_POLICIES", str(POLICIES))
    monkeypatch.delenv("REDIS_URL", raising=False)
    return ledger_in(tmp_path / "ledger.db", SystemClock())


def active(ledger: Ledger, request_id: str) -> None:
    Story(ledger, ledger.clock, id=request_id).active()


def test_list_prints_json_lines_into_a_pipe(ledger: Ledger):
    active(ledger, "R-AAAA")
    told = CliRunner().invoke(cli, ["list"])
    assert told.exit_code == 0
    assert json.loads(told.output)["id"] == "R-AAAA"
    assert json.loads(told.output)["state"] == "active"


def test_show_prints_every_entry_as_it_reads(ledger: Ledger):
    active(ledger, "R-AAAA")
    told = CliRunner().invoke(cli, ["show", "r-aaaa"])
    assert CliRunner().invoke(cli, ["show", "aaaa"]).output == told.output
    entries = ledger.history("R-AAAA")
    assert [json.loads(line) for line in told.output.splitlines()] == [
        {
            "index": entry.index,
            "recorded_at": entry.recorded_at.isoformat(),
            "previous": entry.previous,
            "hash": entry.hash,
            "fact": entry.fact.model_dump(mode="json"),
        }
        for entry in entries
    ]
    assert entries[0].fact.actor == "U01ALICE0"


def test_show_tells_people_what_became_of_a_request_and_why_an_end_failed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    """`jit doctor` sends whoever looks at a late end here: nothing of it is cut short at a terminal's edge."""
    monkeypatch.setattr("jit.cli.show.to_terminal", lambda: True)
    StoredDirectory(ledger.engine).keep_person(Person(id=BOB, team="T1", name="Bob", handle="b"), ledger.clock.now())
    story = Story(ledger, ledger.clock, id="R-AAAA").active()
    story.revoked("laptop stolen")
    story.not_ended("orders-db: cannot be reached: nothing listens there; start the server")
    first, *lines = CliRunner().invoke(cli, ["show", "R-AAAA"]).output.splitlines()
    assert first.startswith("R-AAAA: orders-db/read of U01ALICE0, on orders-db as alice: ending")
    said = [line for line in lines if "not ended yet" in line]
    assert len(said) == 1
    assert "cannot be reached: nothing listens there; start the server · attempts: 3 · INC-42 · worker@host" in said[0]
    assert any("revoked" in line and "“laptop stolen”" in line for line in lines)
    assert any(f"{BOB} “Bob”" in line for line in lines)
    assert lines.pop(0) == "Activity on record: none, as no log of orders-db is read"
    assert len(lines) == len(ledger.history("R-AAAA"))


def test_show_tells_how_to_connect_while_there_is_access(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jit.cli.show.to_terminal", lambda: True)
    story = Story(ledger, ledger.clock, id="R-AAAA")
    for step in (story.asked, story.approval, story.approved, story.intent):
        step()
    story.granted("psql user=alice\nOpen sessions have it too.")
    assert "\nTo connect: psql user=alice Open sessions" in CliRunner().invoke(cli, ["show", "R-AAAA"]).output
    story.revoked()
    assert "To connect" not in CliRunner().invoke(cli, ["show", "R-AAAA"]).output


def test_show_says_what_it_was_asked_together_with(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jit.cli.show.to_terminal", lambda: True)
    ids, clock = ("R-AAAA", "R-BBBB"), ManualClock(ledger.clock.now())
    for each in ids:
        Story(ledger, clock, id=each, fields={"access": each, "together": ids}).asked()
    Story(ledger, clock, id="R-CCCC", fields={"access": "c", "together": ("R-AAAA", "R-CCCC")}).asked()
    said = CliRunner().invoke(cli, ["show", "R-AAAA"]).output.splitlines()
    assert said[1] == "Asked together with R-BBBB"
    assert "together with R-BBBB" in said[2]
    assert "Asked together" not in CliRunner().invoke(cli, ["show", "R-CCCC"]).output


def test_show_tells_of_one_beside_which_the_record_of_another_was_changed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("jit.cli.show.to_terminal", lambda: True)
    ids, clock = ("R-AAAA", "R-BBBB"), ManualClock(ledger.clock.now())
    for each in ids:
        Story(ledger, clock, id=each, fields={"access": each, "together": ids}).asked()
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text("UPDATE entries SET body = 'x' WHERE request_id = 'R-BBBB'"))
    told = CliRunner().invoke(cli, ["show", "R-AAAA"])
    assert (told.exit_code, told.output.startswith("R-AAAA: R-AAAA of ")) == (0, True)
    assert "Asked together" not in told.output


def test_revoke_orders_the_end_as_this_user(ledger: Ledger):
    active(ledger, "R-AAAA")
    told = CliRunner().invoke(cli, ["revoke", "r-aaaa", "laptop", "stolen"])
    assert told.exit_code == 0, told.output
    request = ledger.request("R-AAAA")
    assert request is not None
    assert request.state is State.ENDING
    assert request.closed_because == "laptop stolen"
    assert str(request.closed_by).startswith("cli:")


def test_who_has_no_name_on_this_host_ends_access_all_the_same(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    active(ledger, "R-AAAA")
    monkeypatch.setattr("getpass.getuser", Mock(side_effect=OSError("No username set in the environment")))
    assert CliRunner().invoke(cli, ["revoke", "r-aaaa", "why"]).exit_code == 0
    request = ledger.request("R-AAAA")
    assert request is not None
    assert str(request.closed_by).startswith("cli:unknown@")


def test_who_must_end_access_while_the_ledger_is_away_is_told_how_without_it(refused: Callable[..., str]):
    says = refused("revoke", "7f3k", "laptop stolen", JIT_LEDGER_URL="postgresql://jit@127.0.0.1:1/jit")
    assert "The ledger does not open" in says
    assert "R-7F3K ends at its time all the same" in says
    assert "DROP ROLE jit_r_7f3k;" in says
    assert "When a part is down" in says
    assert "DROP ROLE" not in refused("list", JIT_LEDGER_URL="postgresql://jit@127.0.0.1:1/jit")
    assert "DROP ROLE" not in refused("revoke", 'x"; --', "why", JIT_LEDGER_URL="postgresql://jit@127.0.0.1:1/jit")


def test_an_unknown_request_is_an_error_that_says_what_to_do(ledger: Ledger):
    for command in (["show", "R-ZZZZ"], ["revoke", "R-ZZZZ", "why"]):
        told = CliRunner().invoke(cli, command)
        assert told.exit_code == 1, command
        assert "no" in told.output, command
        assert "Traceback" not in told.output, command


def test_nothing_in_the_command_line_approves(ledger: Ledger):
    assert not {"approve", "grant", "extend"} & set(cli.list_commands(None))  # type: ignore[arg-type]


def test_policy_check_names_file_line_and_field(tmp_path: Path):
    (tmp_path / "a.policy.yml").write_text(
        (POLICIES / "orders.policy.yml").read_text().replace("describe:", "descibe:")
    )
    told = CliRunner().invoke(cli, ["policy", "check", str(tmp_path)])
    assert told.exit_code == 1
    assert "a.policy.yml:" in told.output
    assert 'did you mean "describe"?' in told.output
    assert CliRunner().invoke(cli, ["policy", "check", str(POLICIES)]).exit_code == 0


def test_policy_check_names_what_no_role_in_the_target_can_be_called(tmp_path: Path):
    sample = next(iter(POLICIES.glob("*.policy.yml"))).read_text()
    for old, new, says in (
        ("[orders_read]", f"[{'g' * 64}]", ["access.orders-db/read.grants[0]: 'gggg"]),
        ("[orders_read]", f"[{'g' * 63}]", []),
        ("[orders_read]", f"[{'ü' * 32}, orders_read]", ["access.orders-db/read.grants[0]: 'üüü"]),
        ("postgres: alice", f"postgres: {'a' * 64}", ["people.U01ALICE0.postgres: 'aaaa"]),
        ("postgres: alice", f"orders-db: {'a' * 64}", ["people.U01ALICE0.orders-db: 'aaaa"]),
    ):
        (tmp_path / "a.policy.yml").write_text(sample.replace(old, new))
        told = CliRunner().invoke(cli, ["policy", "check", str(tmp_path)])
        lines = [line for line in told.output.splitlines() if "63 bytes at most" in line]
        assert [line.partition(" ")[2].startswith(said) for line, said in zip(lines, says, strict=True)] == [
            True
        ] * len(says), told.output
        assert told.exit_code == bool(says), told.output


def test_policy_check_names_every_mistake_at_once(tmp_path: Path):
    """A name that no role can have, and a kind that is none, beside a duration that is none in the same access."""
    sample = next(iter(POLICIES.glob("*.policy.yml"))).read_text()
    for old, new in (
        ("[orders_read]", f"[{'g' * 64}]"),
        ("max_duration: 8h", "max_duration: 8 bananas"),
        ("from: [group:dba]", "from: [group:dab], count: 2"),
        ("postgres: alice", f"postgres: {'a' * 64}"),
        ("targets:", "targets:\n  other-db: {kind: flder}"),
    ):
        assert old in sample, old
        sample = sample.replace(old, new, 1)
    (tmp_path / "a.policy.yml").write_text(sample)
    told = CliRunner().invoke(cli, ["policy", "check", str(tmp_path)])
    assert told.exit_code == 1
    for said in ("'gggg", "'aaaa", "Write a duration", "no group is called dab", "no kind of target is called 'flder'"):
        assert len([line for line in told.output.splitlines() if said in line]) == 1, (said, told.output)


def test_policy_explain_says_who_decides(ledger: Ledger):
    told = CliRunner().invoke(cli, ["policy", "explain", "orders-db/read", "U01ALICE0"])
    assert "Needs 1 of dba: U02BOB000, U03CAROL0." in told.output
    told = CliRunner().invoke(cli, ["policy", "explain", "orders-db/raed", "U01ALICE0"])
    assert 'did you mean "orders-db/read"?' in told.output


def test_policy_explain_knows_people_by_name_and_says_who_is_unknown(ledger: Ledger):
    directory = StoredDirectory(ledger.engine)
    for who, name, handle in (
        ("U01ALICE0", "Alice Änger", "ali"),
        ("U02BOB000", "Sam", "bob"),
        ("U03X00000", "sam", "x"),
    ):
        directory.keep_person(Person(id=who, team="T1", name=name, handle=handle), ledger.clock.now())
    for called, says in (
        ("U01ALICE0", "Whether U01ALICE0 may ask for orders-db/read"),
        ("u01alice0", "Whether U01ALICE0 may ask for orders-db/read"),
        ("alice", "Whether U01ALICE0 may ask for orders-db/read"),  # in the target
        ("alice ÄNGER", "Whether U01ALICE0 may ask for orders-db/read"),
        ("@Ali", "Whether U01ALICE0 may ask for orders-db/read"),
        ("sam", "Error: U02BOB000, U03X00000 are all called sam. Give a Slack id"),
        ("alise", "Error: Nobody is known here as 'alise'. Give a Slack id"),
        ("@", "Error: Nobody is known here as '@'. Give a Slack id"),
    ):
        told = CliRunner().invoke(cli, ["policy", "explain", "orders-db/read", called])
        assert told.output.startswith(says), (called, told.output)
        assert told.exit_code == says.startswith("Error"), called


def test_policy_explain_knows_the_names_of_the_rules_without_a_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("JIT_POLICIES", str(POLICIES))
    told = CliRunner().invoke(cli, ["policy", "explain", "orders-db/read", "alice"])
    assert "U01ALICE0" in told.output, told.output
    assert told.output.endswith(
        "No bot has run here yet: who is in Slack's groups, and on call, is known where one does.\n"
    )


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jit.cli", *words], env=environment or None, capture_output=True, text=True, check=False
    )


def test_the_record_of_an_order_does_not_come_out_beside_its_answer(ledger: Ledger):
    active(ledger, "R-AAAA")
    told = process("revoke", "R-AAAA", "laptop stolen")
    assert told.stdout == "R-AAAA: orders-db/read of U01ALICE0 is ending.\n"
    assert "stuck orders" not in told.stderr


def test_what_is_wrong_is_a_sentence_and_a_code_of_one(tmp_path: Path):
    told = process("list", PATH=os.defpath, JIT_DATA=str(tmp_path / "elsewhere"), JIT_POLICIES=str(POLICIES))
    assert told.returncode == 1
    assert told.stderr.startswith("jit: There is no ledger at")
    assert told.stderr.count("\n") == 1


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What `jit …` ends with, in this process; nothing is started."""
    monkeypatch.setattr(up, "Supervisor", None)
    here = {"JIT_DATA": str(tmp_path / "data"), "JIT_POLICIES": str(POLICIES)}

    def refused(*words: str, **environment: str) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", here | environment)
            patch.setattr(sys, "argv", ["jit", *words])
            with pytest.raises(SystemExit) as left:
                run()
        return str(left.value.code)

    return refused


def test_a_process_without_its_settings_says_which(refused: Callable[..., str]):
    for room in ("bot", "worker"):
        assert "REDIS_URL" in refused(room), room


def test_a_question_in_the_wrong_folder_is_no_quiet_night(refused: Callable[..., str], tmp_path: Path):
    for command in (["list"], ["show", "R-AAAA"], ["revoke", "R-AAAA", "why"]):
        assert "There is no ledger at" in refused(*command), command
    assert not (tmp_path / "data").exists()


def test_up_refuses_what_could_not_work(refused: Callable[..., str], tmp_path: Path):
    whole = {
        "ORDERS_DB_ADMIN_DSN": "postgresql://jit@127.0.0.1:1/orders",
        "SLACK_BOT_TOKEN": "xoxb-playground-bot",
        "SLACK_APP_TOKEN": "xapp-playground-app",
    }
    for url in ("foo", "mysql://x/y", "sqlite:////nowhere/at/all/ledger.db"):
        assert "JIT_LEDGER_URL" in refused("up", **whole, JIT_LEDGER_URL=url), url


def test_policy_check_knows_the_kinds_of_target_and_their_settings(tmp_path: Path):
    rules = (POLICIES / "orders.policy.yml").read_text()
    for old, new, says in (
        ("kind: postgres", "kind: flder", "22 targets.orders-db.kind: no kind of target is called 'flder'; there is: "),
        ("dsn: env", "host: env", "21 targets.orders-db.dsn: Field required"),
        ("dsn: env", "host: env", "23 targets.orders-db.host: Extra inputs are not permitted"),
        ("dsn: env", "role_prefix: PG\n    dsn: env", "23 targets.orders-db.role_prefix: String should match pattern"),
    ):
        (tmp_path / "a.policy.yml").write_text(rules.replace(old, new))
        told = CliRunner().invoke(cli, ["policy", "check", str(tmp_path)])
        assert told.exit_code == 1, new
        assert f"a.policy.yml:{says}" in told.output


def test_policy_check_notes_that_alerts_mention_nobody(tmp_path):
    rules = (POLICIES / "orders.policy.yml").read_text()
    for written, noted in ((rules.partition("\nalerts:\n  notify")[0], True), (rules, False)):
        (tmp_path / "a.policy.yml").write_text(written)
        told = CliRunner().invoke(cli, ["policy", "check", str(tmp_path)])
        assert told.exit_code == 0, told.output
        assert ("Note: alerts mention nobody" in told.output) is noted


def test_policy_check_notes_who_could_meet_several_quorums_alone(tmp_path):
    rules = tmp_path / "orders.policy.yml"
    note = "U03CAROL0 alone can meet every quorum of orders-db/admin"
    written = (POLICIES / "orders.policy.yml").read_text()
    for differ, noted in (("", False), ("different_people: false\n        ", True)):
        rules.write_text(written.replace("- all_of:  ", f"- {differ}all_of:  "))
        assert (note in CliRunner().invoke(cli, ["policy", "check", str(tmp_path)]).output) is noted
