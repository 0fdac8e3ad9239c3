"""`jit audit mirror-check`: the audit channel and the ledger compared; what it lacks shown again; checkpoints saved."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
from pydantic import AliasChoices, Field
from rich.console import Console
from rich.table import Table

from bot.followers.outbox import CallFailed
from bot.mirror.check import Difference, Report
from bot.mirror.checkpoints import PostedCheckpoint
from bot.mirror.comparison import Kind
from bot.mirror.session import ChannelSession
from jit.cli.opening import existing_ledger
from jit.clock import SystemClock
from jit.policy import PolicyFolder
from jit.proof.audit.reading import record_reading
from jit.proof.verifier import NoteError, VerifierKey
from jit.runtime.settings import SLACK, CannotStart, Secret, Settings, SlackUrl

_LACKING = {Kind.MISSING, Kind.EDITED, Kind.CHANGED}
MOST_ROWS = 100
"""Differences that a terminal shows; all are in the lines a pipe gets."""


class CheckSettings(Settings):
    """What looking at the channel needs."""

    slack_bot_token: Secret = Field(validation_alias=AliasChoices("SLACK_BOT_TOKEN", "slack_bot_token"))
    slack_api_url: SlackUrl = Field(default=SLACK, validation_alias=AliasChoices("SLACK_API_URL", "slack_api_url"))


@click.command("mirror-check")
@click.option("--channel", help="Its Slack id, where the rules do not name it.")
@click.option("--from", "since", default=1, type=click.IntRange(1), help="The first entry the channel has to show.")
@click.option(
    "--key", "keys", multiple=True, help="A key that signs checkpoints (vkey), as you know it from elsewhere."
)
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the checkpoints found to this file."
)
@click.option(
    "--accept-drawn-by",
    "accepted",
    multiple=True,
    metavar="VERSION",
    help="Believe what this version of jit has drawn, where this one draws it otherwise.",
)
@click.option("--fill", "filling", is_flag=True, help="Post again what is missing, marked as shown later.")
def mirror_check(
    *,
    channel: str | None,
    since: int,
    keys: tuple[str, ...],
    save: Path | None,
    accepted: tuple[str, ...],
    filling: bool,
) -> None:
    """Compare the audit channel with the ledger, entry by entry.

    Exits with 0 if they are equal, 3 if not, 4 if the ledger contradicts what the channel holds, 1 if there was no
    looking.
    """
    settings = CheckSettings()
    ledger = existing_ledger(settings)
    channel = channel or _channel_of_the_rules(settings)
    known = _keys(keys)
    flags = [f"--from {since}" * (since > 1), "--save" * bool(save), "--fill" * filling]
    record_reading(ledger, "mirror_check", " ".join(filter(None, [channel, *flags])), 0)
    session = ChannelSession.to(
        channel,
        token=settings.slack_bot_token.get_secret_value(),
        url=settings.slack_api_url,
        ledger=ledger,
        wait=time.sleep,
    )
    try:
        report = session.report(since, known, frozenset(accepted))
        if save:
            save.write_text(
                "".join(_checkpoint_line(checkpoint, channel) for checkpoint in report.checkpoints), encoding="utf-8"
            )
        if filling and not report.contradicted and _fill(session, report):
            report = session.report(since, known, frozenset(accepted))
    except CallFailed as trouble:
        raise click.ClickException(f"could not read {channel} in Slack: {trouble}") from None
    except OSError as wrong:
        raise click.ClickException(f"{save} cannot be written: {wrong.strerror}") from None
    _show(report, channel, own=bool(known))
    sys.exit(report.code)


def _channel_of_the_rules(settings: Settings) -> str:
    """Raises PolicyError."""
    return PolicyFolder(settings.policies, SystemClock()).current().channels.audit


def _keys(given: tuple[str, ...]) -> tuple[VerifierKey, ...]:
    """Raises CannotStart."""
    try:
        return tuple(VerifierKey.parse(each) for each in given)
    except NoteError as wrong:
        raise CannotStart(f"--key: {wrong}") from None


def _fill(session: ChannelSession, report: Report) -> bool:
    """Whether anything was posted. Raises CallFailed."""
    posted = False
    for first, last in session.fill(report):
        click.echo(f"shown again: #{first} to #{last}", err=True)
        posted = True
    return posted


def _checkpoint_line(checkpoint: PostedCheckpoint, channel: str) -> str:
    return json.dumps({"ts": checkpoint.ts, "channel": channel, "note": checkpoint.note}) + "\n"


def _show(report: Report, channel: str, *, own: bool) -> None:
    """``own``: the keys came from outside, not with the ledger."""
    if sys.stdout.isatty():
        _show_table(report, channel, own=own)
        return
    for each in report.differences:
        click.echo(json.dumps(_row(each)))
    summary = {"verdict": _verdict(report), "channel": channel, "entries": report.entries}
    counts = {
        "messages": report.messages,
        "checkpoints": len(report.checkpoints),
        "differences": len(report.differences),
    }
    unsure = {"not_compared": report.not_compared}
    click.echo(json.dumps({**summary, **counts, **unsure, "own_keys": own, "notes": report.notes}))


def _row(each: Difference) -> dict[str, Any]:
    return {
        "difference": each.kind.value,
        "first": each.first or None,
        "last": each.last or None,
        "ts": each.ts or None,
        "says": each.says,
    }


def _verdict(report: Report) -> str:
    return "contradicted" if report.contradicted else "different" if report.differences else "equal"


def _show_table(report: Report, channel: str, *, own: bool) -> None:
    console = Console()
    table = Table("what", "entries", "message", "", box=None)
    for each in report.differences[:MOST_ROWS]:
        place = "" if not each.first else f"#{each.first}" if each.first == each.last else f"#{each.first}-{each.last}"
        table.add_row(each.kind.value.replace("_", " "), place, each.ts, each.says)
    if report.differences:
        console.print(table)
    if len(report.differences) > MOST_ROWS:
        console.print(f"and {len(report.differences) - MOST_ROWS} more; piped, all are listed")
    for note in report.notes:
        console.print(note)
    console.print(
        f"{report.messages} messages, {len(report.checkpoints)} signed checkpoints, {report.entries} entries."
    )
    if report.checkpoints and not own:
        console.print("The keys came with the ledger: give --key to check the checkpoints by one you know.")
    if report.contradicted:
        console.print("The ledger is not the one that the channel has seen: it was cut off, or rewritten.")
    elif report.differences:
        lacks = any(each.kind in _LACKING for each in report.differences)
        if report.not_compared:
            console.print(f"{report.not_compared} messages not compared: another version is said to have drawn them.")
        console.print("Not equal." + (" `jit audit mirror-check --fill` shows again what is missing." if lacks else ""))
    else:
        console.print(f"{channel} shows what the ledger says.")
