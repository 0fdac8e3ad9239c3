"""The files that `jit init` makes: rules, settings, and places for secrets. Nothing that is there is touched."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from jit.cli.setup.answers import Answers
from jit.policy import load_policy
from jit.runtime.settings import FILE, CannotStart

OPEN_TO_ALL = 0o644
OURS_ALONE = 0o600
FOLDER_OURS_ALONE = 0o700

POLICY = """\
# Who may have what in {target}. `jit policy check` names every mistake.

channels:
  audit: {audit}  # everything that happens is read along here

security: [group:approvers]  # sees everything, may revoke anything; better your security team

groups:
  approvers: {approvers}
  engineers: {engineers}

people:  # who somebody is in {target}
{people}
targets:
  {target_key}:
    kind: postgres
    dsn: env:{variable}  # a secret is named, never written down

access:
"""

ACCESS = """\
  {name}:
    describe: {describe}
    grants: {grants}
    max_duration: 2h
    channel: {channel}
    request: [group:engineers]
    approve:
      - all_of: [{{from: [group:approvers]}}]
"""

ENV = """\
# Settings of jit for {workspace}. No secret stands here; each is named by the file that holds it.
# In a shell: set -a; . {path}; set +a     For systemd: EnvironmentFile={path}
{settings}
# Beyond one host: a PostgreSQL for the record and a queue that all share; see docs/operations.md.
# JIT_LEDGER_URL=file:{secrets}/ledger_url
# REDIS_URL=file:{secrets}/redis_url
# JIT_WORKER_KEY=file:{secrets}/worker_key
"""

IGNORE = "secrets/\nvar/\n"


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one installation. Its parts are named absolutely, so that they hold from anywhere."""

    folder: Path

    @property
    def env(self) -> Path:
        return self.folder / "jit.env"

    @property
    def policies(self) -> Path:
        return self.folder / "policies"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"


def secret_files(place: Place, answers: Answers) -> dict[str, Path]:
    """Which setting is kept in which file."""
    slack = "SLACK_SIGNING_SECRET" if answers.http else "SLACK_APP_TOKEN"
    return {name: place.secrets / name.lower() for name in ("SLACK_BOT_TOKEN", slack, answers.dsn_variable)}


def policy_text(answers: Answers) -> str:
    head = POLICY.format(
        target=answers.target,
        target_key=_flow(answers.target),
        audit=answers.audit,
        approvers=_flow(list(answers.approvers)),
        engineers=_flow(list(answers.engineers)),
        people="".join(
            f"  {_flow(who)}: {_flow({answers.target: login})}\n" for who, login in answers.engineers.items()
        ),
        variable=answers.dsn_variable,
    )
    accesses = [
        ACCESS.format(
            name=_flow(f"{answers.target}/{role}"),
            describe=_flow(f"What {role} may do in {answers.target}"),
            grants=_flow([role]),
            channel=answers.requests,
        )
        for role in answers.roles
    ]
    return head + "\n".join(accesses)


def env_text(place: Place, answers: Answers) -> str:
    """For `sh` as for systemd, which agree on names, quotes and comments."""
    settings = {
        "JIT_DATA": str(place.folder / "var"),
        "JIT_POLICIES": str(place.policies),
        **{name: f"{FILE}{path}" for name, path in secret_files(place, answers).items()},
    }
    return ENV.format(
        workspace=answers.workspace,
        path=shlex.quote(str(place.env)),
        settings="".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items()),
        secrets=place.secrets,
    )


def policy_file(answers: Answers) -> str:
    return f"{answers.target}.policy.yml"


def check(answers: Answers) -> None:
    """Whether the policy would be read without a mistake. Raises PolicyError."""
    with TemporaryDirectory() as folder:
        (Path(folder) / policy_file(answers)).write_text(policy_text(answers), encoding="utf-8")
        load_policy(Path(folder))


def require_room(place: Place) -> None:
    """Raises CannotStart: an installation is here already."""
    for path in (place.env, place.policies, place.secrets):
        if path.exists():
            raise CannotStart(f"{path} is there already, and stays as it is. Choose another folder: jit init FOLDER")


def write(place: Place, answers: Answers) -> None:
    """Raises CannotStart: a file is there, or the folder takes none."""
    contents: Mapping[Path, tuple[str, int]] = {
        place.policies / policy_file(answers): (policy_text(answers), OPEN_TO_ALL),
        place.env: (env_text(place, answers), OPEN_TO_ALL),
        **dict.fromkeys(secret_files(place, answers).values(), ("", OURS_ALONE)),
    }
    try:
        place.policies.mkdir(parents=True)
        place.secrets.mkdir(mode=FOLDER_OURS_ALONE)
        for path, (text, mode) in contents.items():
            _create(path, text, mode)
        if not (ignore := place.folder / ".gitignore").exists():
            _create(ignore, IGNORE, OPEN_TO_ALL)
    except OSError as wrong:
        raise CannotStart(f"{wrong.filename} cannot be written: {wrong.strerror}.") from None


def _create(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def _flow(value: Any) -> str:
    """As YAML on one line; what could be read as a number or a date comes in quotes."""
    shown: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return shown.removesuffix("\n").removesuffix("\n...")
