"""What docs/operations.md and deploy/ name exists: settings, commands, files."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import AliasChoices

from jit.cli.main import COMMANDS
from jit.runtime.settings import ApiSettings, BotSettings, CopySettings, SignerSettings, WorkerSettings

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/operations.md").read_text()
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
INSTALLED = "/opt/jit/bin/jit"
PRODUCTION = "requirements/production.lock"
OF_A_TARGET = "DSN_ORDERS_DB"
"""Named by a policy file, not by us."""


def variables(room) -> set[str]:
    """What a process reads from its environment."""
    aliases = {name: field.validation_alias for name, field in room.model_fields.items()}
    return {
        str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"JIT_{name.upper()}"
        for name, alias in aliases.items()
    }


ROOMS = {
    "bot": variables(BotSettings),
    "worker": variables(WorkerSettings),
    "timekeeper": variables(WorkerSettings),
    "signer": variables(SignerSettings) | variables(CopySettings),
}
ALL = set().union(*ROOMS.values()) | variables(ApiSettings)


def lines(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def environment(unit: Path) -> dict[str, str]:
    return dict(word.split("=", 1) for line in lines(unit, "Environment") for word in line.split())


def test_every_variable_of_the_guide_is_a_setting() -> None:
    named = set(re.findall(r"\b(?:JIT|SLACK|REDIS)_[A-Z_]+\b", GUIDE))
    assert named
    assert named <= ALL


def test_every_setting_is_in_the_guide() -> None:
    assert {name for name in ALL if name not in GUIDE} == set()


def test_every_command_of_the_guide_is_one_of_ours() -> None:
    named = set(re.findall(r"`jit ([a-z]+)", GUIDE)) | set(re.findall(r"^ +jit ([a-z]+)", GUIDE, re.MULTILINE))
    assert {"up", "bot", "worker", "timekeeper"} <= named
    assert named <= COMMANDS.keys()


def test_every_log_event_of_the_guide_is_one_of_ours() -> None:
    sources = "".join(
        path.read_text() for room in ("jit", "bot", "workers", "api") for path in (ROOT / room).rglob("*.py")
    )
    ours = set(re.findall(r"log\.\w+\(\s*\"([a-z_]+\.[a-z_]+)\"", sources))
    files = {"targets.json", "rules.version", "worker.key", "log.key", "state.json"}
    files |= {f"{what}.jsonl" for what in ("channel", "checkpoints", "heads")}
    files |= {f"spool.{end}" for end in ("db", "jsonl", "lock", "unreadable")}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", GUIDE)) - files
    assert {"revoke.failed", "order.forged"} <= named
    assert named <= ours


def test_every_file_of_the_guide_is_there() -> None:
    named = set(re.findall(r"`((?:deploy|docs)/[\w./@-]+)`", GUIDE))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_everything_to_deploy_is_in_the_guide() -> None:
    there = {path.relative_to(ROOT) for path in (ROOT / "deploy").rglob("*") if path.is_file()}
    assert [str(path) for path in there if str(path) not in GUIDE] == []


def test_a_unit_starts_a_command_of_ours_with_settings_of_its_room() -> None:
    for unit in UNITS:
        (command,) = lines(unit, "ExecStart")
        program, name = command.split()
        assert program == INSTALLED, unit
        assert name in COMMANDS, unit
        given = environment(unit)
        if name != "up":
            assert given.keys() - {OF_A_TARGET} <= ROOMS[name], unit
            assert (OF_A_TARGET in given) == (name in ("worker", "timekeeper")), unit
        credentials = {line.split(":")[0] for line in lines(unit, "LoadCredential")}
        assert credentials == {
            value.removeprefix("file:%d/") for value in given.values() if value.startswith("file:")
        }, unit


def test_each_room_gets_only_its_own_secrets() -> None:
    """Not even the same login: what one room may do in Redis and in the ledger is not what another may."""
    kept = {
        unit.stem: {line.split(":")[1] for line in lines(unit, "LoadCredential")}
        for unit in UNITS
        if unit.stem != "jit"
    }
    assert kept["jit-worker@"] == kept["jit-timekeeper"]
    assert kept["jit-bot"] & kept["jit-timekeeper"] == set()


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is missing: apt-get install systemd")
        pytest.skip("systemd-analyze is missing")
    copies = [tmp_path / unit.name.replace("@.", "@1.") for unit in UNITS]
    for copy, unit in zip(copies, UNITS, strict=True):
        copy.write_text(unit.read_text().replace(INSTALLED, sys.executable))
    told = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_image_takes_every_package_and_the_manifest() -> None:
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", (ROOT / "deploy/Containerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert {"jit", "bot", "workers", "api", "policies", "manifest.yml", PRODUCTION, "pyproject.toml"} <= names
    assert [name for name in names if not (ROOT / name).exists()] == []
