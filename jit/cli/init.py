"""`jit init`: asks what the first policy needs, writes it with settings beside it, and says what is left to do."""

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from jit.cli.setup.answers import (
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
    WORKSPACE,
    Answers,
)
from jit.cli.setup.files import Place, check, require_room, write
from jit.cli.setup.steps import next_steps
from jit.runtime.settings import CannotStart

ASKERS = f"A member and the login that this person has in the database. {PERSON_WHERE}"
TARGET = "The first target is a PostgreSQL database. Requests call it by the name you give."
ROLES = "Each role that may be given for a while becomes an access. It exists already and cannot log in."
PORT = click.IntRange(1, 65535)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="production")
@click.option("--workspace", type=WORKSPACE, help="Its address, like acme.slack.com.")
@click.option("--audit-channel", type=CHANNEL, help="Id of the channel where security reads along.")
@click.option("--requests-channel", type=CHANNEL, help="Id of the channel where requests are decided.")
@click.option("--engineer", type=ENGINEER, multiple=True, help="Who may ask: member id=login in the database.")
@click.option("--approver", type=APPROVER, multiple=True, help="Who decides: id of a member or of a user group.")
@click.option("--target-name", type=NAME, help="What people call the database, like orders-db.")
@click.option("--host", type=HOST, help="Of its PostgreSQL server.")
@click.option("--port", type=PORT, default=5432, show_default=True)
@click.option("--database", type=TEXT, help="Its name on the server.")
@click.option("--role", type=NAME, multiple=True, help="A role of the server that is given; each becomes an access.")
@click.option(
    "--http", type=PUBLIC_URL, help="Where Slack reaches the bot. Without it: Socket Mode, no address needed."
)
def init(folder: Path, engineer: tuple[tuple[str, str], ...], role: tuple[str, ...], **given: Any) -> None:
    """Prepare FOLDER, by default ./production, for a real workspace and a first PostgreSQL database.

    Asks for what no option says. Writes no secret and overwrites nothing.
    """
    place = Place(folder.resolve())
    require_room(place)
    try:
        answers = Answers(
            workspace=given["workspace"] or _ask("Workspace, like acme.slack.com", WORKSPACE),
            audit=given["audit_channel"]
            or _ask("Audit channel", CHANNEL, f"Everything that happens is read along there. {CHANNEL_WHERE}"),
            requests=given["requests_channel"] or _ask("Channel where requests are decided", CHANNEL),
            engineers=dict(engineer or _ask_each("Who may ask, like U01ALICE0=alice", ENGINEER, ASKERS)),
            approvers=given["approver"]
            or _ask_each("Who decides", APPROVER, f"A member, or a user group. {GROUP_WHERE}"),
            target=(target := given["target_name"] or _ask("Name of the target, like orders-db", NAME, TARGET)),
            host=given["host"] or _ask("Host of its PostgreSQL", HOST),
            port=given["port"],
            database=given["database"] or _ask("Name of the database there", TEXT, default=target),
            roles=role or _ask_each("Role to give, like orders_read", NAME, ROLES),
            http=given["http"],
        )
    except click.Abort:
        raise CannotStart("Stopped before the last answer. Nothing was written.") from None
    _require_decidable(answers)
    check(answers)
    write(place, answers)
    click.echo(f"\nWritten to {folder}: jit.env, policies, and secrets with empty files to fill.\n")
    click.echo(next_steps(place, answers, jit="jit" if shutil.which("jit") else sys.argv[0]), nl=False)


def _require_decidable(answers: Answers) -> None:
    """Raises CannotStart."""
    if alone := answers.undecidable():
        raise CannotStart(
            f"Nobody could decide on what {', '.join(alone)} asks for: nobody counts towards their own request. "
            "Name another approver. Nothing was written."
        )


def _ask(question: str, kind: click.ParamType[Any], hint: str = "", default: str | None = None) -> Any:
    click.echo(f"\n{hint}" if hint else "")
    return click.prompt(question, type=kind, default=default)


def _ask_each(question: str, kind: click.ParamType[Any], hint: str) -> tuple[Any, ...]:
    """One after the other, until nothing is answered; at least one."""
    answers = [_ask(question, kind, hint)]
    while another := click.prompt(
        "And (Enter if that is all)",
        default="",
        show_default=False,
        value_proc=lambda text: kind.convert(text, None, None) if text else None,
    ):
        answers.append(another)
    return tuple(dict.fromkeys(answers))
