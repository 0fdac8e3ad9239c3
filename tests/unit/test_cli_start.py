"""What a command loads before it does anything: no more than it uses."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from jit.cli.audit.group import TABLE, audit
from jit.cli.commands import Commands, Listed, first_sentence
from jit.cli.main import COMMANDS, cli
from jit.clock import SystemClock
from jit.testing import Story, ledger_in
from tests.world.loading import HEAVY, loaded


@pytest.mark.parametrize(("group", "table"), [(cli, COMMANDS), (audit, TABLE)], ids=["jit", "audit"])
def test_the_line_that_help_shows_is_the_commands_own(group: Commands, table: Mapping[str, Listed]):
    context = click.Context(group)
    own = {name: group.get_command(context, name) for name in table}
    assert {name: listed.says for name, listed in table.items()} == {
        name: first_sentence(command) for name, command in own.items() if command
    }


@pytest.mark.parametrize("words", [["--help"], ["audit", "--help"]], ids=" ".join)
def test_help_imports_none_of_the_commands(words: list[str]):
    assert loaded(words) & HEAVY == set()


def test_list_imports_neither_the_database_nor_what_decides(tmp_path: Path):
    ledger = ledger_in(tmp_path / "ledger.db", SystemClock())
    Story(ledger, ledger.clock).active()
    loads = loaded(["list"], JIT_DATA=str(tmp_path))
    assert loads & HEAVY == {"asyncio", "cryptography", "jit.facts", "jit.ledger", "pydantic"}
    assert not {"jit.ledger.store", "jit.requests.intake"} & loads


def test_rules_are_checked_without_a_database_where_there_is_no_ledger(tmp_path: Path):
    rules = str(Path(__file__).parents[2] / "policies")
    assert loaded(["policy", "check", rules], JIT_DATA=str(tmp_path)) & {"sqlalchemy", "redis", "slack_sdk"} == set()


def test_a_record_is_verified_without_what_pages_and_other_databases_need(tmp_path: Path):
    ledger = ledger_in(tmp_path / "ledger.db", SystemClock())
    Story(ledger, ledger.clock).active()
    loads = loaded(["audit", "verify", "--require", "unsigned"], JIT_DATA=str(tmp_path))
    assert loads & {"psycopg", "redis", "jit.policy", "jit.proof.evidence", "slack_sdk", "workers"} == set()


def test_revoke_needs_no_client_of_the_queue_where_there_is_none(tmp_path: Path):
    ledger = ledger_in(tmp_path / "ledger.db", SystemClock())
    Story(ledger, ledger.clock).active()
    assert loaded(["revoke", "7f3k", "why"], JIT_DATA=str(tmp_path)) & {"redis", "rq", "slack_sdk", "workers"} == set()


@pytest.mark.parametrize(
    ("process", "unused"),
    [
        ("bot", {"psycopg", "starlette", "uvicorn", "workers"}),
        ("worker", {"psycopg", "slack_sdk", "bot", "detect_secrets"}),
        ("timekeeper", {"psycopg", "slack_sdk", "bot", "detect_secrets"}),
        ("signer", {"psycopg", "slack_sdk", "bot", "workers", "redis", "starlette", "uvicorn", "detect_secrets"}),
        ("up", {"psycopg", "slack_sdk", "bot", "jit.cli.doctor", "starlette", "uvicorn", "detect_secrets", "jinja2"}),
    ],
)
def test_a_process_that_stays_carries_nothing_along_that_its_way_in_or_its_database_may_not_need(
    process: str, unused: set[str]
):
    nobody_uses = {"rich", "requests", "redis.asyncio", "ldap3", "jsonschema"}
    assert loaded([process, "--help"]) & (unused | nobody_uses) == set()


@pytest.mark.parametrize(
    ("imports", "given", "left_out"),
    [
        ("jit.runtime.lean", "structlog.dev.rich", "rich"),
        ("jit.runtime.lean_redis", "getattr(redis, 'asyncio', None)", "redis.asyncio"),
        ("jit.requests.detectors", "sys.modules.get('requests')", "requests"),
    ],
)
def test_what_is_left_out_is_not_imported_and_others_find_it(imports: str, given: str, left_out: str):
    script = f"import sys, {imports}, redis, structlog; print({left_out!r} in sys.modules, {given}); import {left_out}"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "None"]


def test_help_lists_what_others_add(monkeypatch: pytest.MonkeyPatch):
    added = click.Command("extra", help="Something more. And how.")
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda *, group: [Added("extra", added)] if group == "jit.commands" else []
    )
    context = click.Context(cli)
    assert cli.list_commands(context) == [*COMMANDS, "extra"]
    assert cli.get_command(context, "extra") is added
    assert cli.get_help(context).endswith("  extra       Something more.")


def test_what_others_add_replaces_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Added("revoke", click.Command("revoke"))])
    context = click.Context(cli)
    assert cli.list_commands(context) == [*COMMANDS]
    assert cli.get_command(context, "revoke") is not None


class Added:
    """As much of an entry point as is asked of it."""

    def __init__(self, name: str, command: click.Command) -> None:
        self.name = name
        self._command = command

    def load(self) -> click.Command:
        return self._command
