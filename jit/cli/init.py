"""`jit init`: asks what the first policy needs, writes the answers into the samples of policy and settings that lie
in `jit/cli/sample`, and says what is left to do.
"""

import json
import os
import shlex
import shutil
import sys
from functools import partial
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import click
from psycopg import sql

from bot.manifest import creation_link, load_manifest, over_http
from jit.cli.answers import (
    APPROVER,
    CHANNEL,
    CHANNEL_WHERE,
    ENGINEER,
    GROUP_WHERE,
    HOST,
    NAME,
    PERSON_WHERE,
    PUBLIC_URL,
    TEXT,
    WORKER,
    WORKSPACE,
    Answers,
    Question,
)
from jit.policy import load_policy
from jit.runtime.settings import CannotStart

SAMPLE = Path(__file__).with_name("sample")
APP_TOKEN = "App token (xapp-…): Basic Information → App-Level Tokens → Generate, with the scope connections:write"  # noqa: S105  no secret, but where it is
SIGNING_SECRET = "Signing secret: Basic Information → App Credentials → Signing Secret"  # noqa: S105  as above
OPEN_TO_ALL = 0o644
OURS_ALONE = 0o600

question = partial(click.option, cls=Question)


def _require_room(_ctx: click.Context, _param: click.Parameter, folder: Path) -> Path:
    """The folder in full, so that what is written names it from anywhere. Raises CannotStart: it is in use."""
    for name in ("jit.env", "policies", "secrets"):
        if (path := folder.resolve() / name).exists():
            raise CannotStart(f"{path} is there already, and stays as it is. Choose another folder: jit init FOLDER")
    return folder.resolve()


@click.command()
@click.argument(
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="production",
    is_eager=True,  # before anything is asked
    callback=_require_room,
)
@question(
    "--workspace", type=WORKSPACE, prompt="Workspace, like acme.slack.com", help="Its address, like acme.slack.com."
)
@question(
    "--audit-channel",
    "audit",
    type=CHANNEL,
    prompt="Audit channel",
    hint=f"Everything that happens is read along there. {CHANNEL_WHERE}",
    help="Id of the channel where security reads along.",
)
@question(
    "--requests-channel",
    "requests",
    type=CHANNEL,
    prompt="Channel where requests are decided",
    help="Id of the channel where requests are decided.",
)
@question(
    "--engineer",
    "engineers",
    type=ENGINEER,
    multiple=True,
    prompt="Who may ask, like U01ALICE0=alice",
    hint=f"A member and the login that this person has in the database. {PERSON_WHERE}",
    help="Who may ask: member id=login in the database.",
)
@question(
    "--approver",
    "approvers",
    type=APPROVER,
    multiple=True,
    prompt="Who decides",
    hint=f"A member, or a user group. {GROUP_WHERE}",
    help="Who decides: id of a member or of a user group.",
)
@question(
    "--target-name",
    "target",
    type=NAME,
    prompt="Name of the target, like orders-db",
    hint="The first target is a PostgreSQL database. Requests call it by the name you give.",
    help="What people call the database, like orders-db.",
)
@question("--host", type=HOST, prompt="Host of its PostgreSQL", help="Of its PostgreSQL server.")
@click.option("--port", type=click.IntRange(1, 65535), default=5432, show_default=True)
@question(
    "--database",
    type=TEXT,
    prompt="Name of the database there",
    default=lambda: click.get_current_context().params["target"],
    help="Its name on the server.",
)
@question(
    "--role",
    "roles",
    type=NAME,
    multiple=True,
    prompt="Role to give, like orders_read",
    hint="Each role that may be given for a while becomes an access. It exists already and cannot log in.",
    help="A role of the server that is given; each becomes an access.",
)
@click.option(
    "--http", type=PUBLIC_URL, help="Where Slack reaches the bot. Without it: Socket Mode, no address needed."
)
def init(folder: Path, engineers: tuple[tuple[str, str], ...], **given: Any) -> None:
    """Prepare FOLDER, by default ./production, for a real workspace and a first PostgreSQL database.

    Asks for what no option says. Writes no secret and overwrites nothing.
    """
    answers = Answers(engineers=dict(engineers), **given)
    if alone := answers.undecidable():
        raise CannotStart(
            f"Nobody could decide on what {', '.join(alone)} asks for: nobody counts towards their own request. "
            "Name another approver. Nothing was written."
        )
    policy = policy_text(answers)
    with TemporaryDirectory() as beforehand:
        (Path(beforehand) / "sample.policy.yml").write_text(policy, encoding="utf-8")
        load_policy(Path(beforehand))  # raises PolicyError before anything is written
    _write(folder, answers, policy)
    click.echo(f"\nWritten to {_short(folder)}: jit.env, policies, and secrets with empty files to fill.\n")
    click.echo(_next_steps(folder, answers), nl=False)


def policy_text(answers: Answers) -> str:
    """The sample policy with the answers in it: as JSON, which YAML reads as it is meant; one access for each role."""
    head, section, access = (SAMPLE / "policy.yml").read_text(encoding="utf-8").partition("access:\n")
    values = {
        "target": answers.target,
        "audit": answers.audit,
        "requests": answers.requests,
        "approvers": json.dumps(answers.approvers),
        "engineers": json.dumps([*answers.engineers]),
        "people": "".join(
            f"  {who}: {json.dumps({answers.target: login}, ensure_ascii=False)}\n"
            for who, login in answers.engineers.items()
        ),
        "dsn_variable": answers.dsn_variable,
    }
    accesses = [Template(access).substitute(values, role=role) for role in answers.roles]
    return Template(head).substitute(values) + section + "\n".join(accesses)


def _env_text(folder: Path, answers: Answers) -> str:
    """The sample settings with the answers in them, quoted as `sh` and systemd both read it."""
    lines = _sample(
        "jit.env",
        workspace=answers.workspace,
        env=shlex.quote(str(folder / "jit.env")),
        folder=folder,
        slack_setting=answers.slack_secret.upper(),
        slack_secret=answers.slack_secret,
        target=answers.target,
        dsn_variable=answers.dsn_variable,
        dsn_secret=answers.dsn_variable.lower(),
    ).splitlines()
    settings = {line: line.partition("=") for line in lines if "=" in line and not line.startswith("#")}
    quoted = {line: f"{name}={shlex.quote(value)}" for line, (name, _, value) in settings.items()}
    return "".join(f"{quoted.get(line, line)}\n" for line in lines)


def _write(folder: Path, answers: Answers, policy: str) -> None:
    """Raises CannotStart: a file is there, or the folder takes none."""
    secrets = folder / "secrets"
    try:
        (folder / "policies").mkdir(parents=True)
        secrets.mkdir(mode=0o700)
        _create(folder / "policies" / f"{answers.target}.policy.yml", policy)
        _create(folder / "jit.env", _env_text(folder, answers))
        for name in ("slack_bot_token", answers.slack_secret, answers.dsn_variable.lower()):
            _create(secrets / name, "", OURS_ALONE)
        if not (ignore := folder / ".gitignore").exists():
            _create(ignore, "secrets/\nvar/\n")
    except OSError as wrong:
        raise CannotStart(f"{wrong.filename} cannot be written: {wrong.strerror}.") from None


def _create(path: Path, text: str, mode: int = OPEN_TO_ALL) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def worker_sql(roles: tuple[str, ...]) -> list[str]:
    """Makes the workers' login, in psql: its own command for passwords leaves them out of log and history."""
    grant = sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;")
    return [
        f"CREATE ROLE {WORKER} LOGIN CREATEROLE;",
        f"\\password {WORKER}",
        f"GRANT pg_signal_backend TO {WORKER};",
        *(grant.format(sql.Identifier(role), sql.SQL(WORKER)).as_string(None) for role in roles),
        "-- on PostgreSQL 15: WITH ADMIN OPTION",
    ]


def _next_steps(folder: Path, answers: Answers) -> str:
    manifest = over_http(load_manifest(), answers.http) if answers.http else load_manifest()
    return _sample(
        "steps.txt",
        workspace=answers.workspace,
        link=creation_link(manifest),
        secrets=shlex.quote(_short(folder / "secrets")),
        slack_where=SIGNING_SECRET if answers.http else APP_TOKEN,
        slack_secret=answers.slack_secret,
        database=answers.database,
        host=answers.host,
        sql="\n".join(f"       {line}" for line in worker_sql(answers.roles)),
        dsn_secret=answers.dsn_variable.lower(),
        dsn=answers.dsn,
        channels=" and in ".join(sorted({answers.audit, answers.requests})),
        env=shlex.quote(_short(folder / "jit.env")),
        jit="jit" if shutil.which("jit") else sys.argv[0],
    )


def _sample(name: str, **values: object) -> str:
    return Template((SAMPLE / name).read_text(encoding="utf-8")).substitute(values)


def _short(path: Path) -> str:
    """The path from the current folder, if it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
