"""What nobody granted, in a terminal: below what is held."""

import json
from datetime import datetime

import click

from jit.detect.ungranted import Found, Ungranted
from jit.detect.words import plain
from jit.requests.lifecycle import State

_REVOCABLE = frozenset({State.GRANTING, State.ACTIVE})


def show_ungranted(ungranted: Ungranted, *, as_json: bool) -> None:
    """In a pipe a line of JSON for each finding; how many more there are, and what is not known, on stderr."""
    if ungranted.shown and not as_json:
        click.echo("\nNobody granted:")
    for each in ungranted.shown:
        click.echo(json.dumps(_row(each), ensure_ascii=False) if as_json else _lines(each))
    if more := ungranted.number - len(ungranted.shown):
        said = f"{more} {'more ' if ungranted.shown else ''}that nobody granted: `jit reconcile` lists all"
        click.echo(f"jit: {said}", err=True)
    for unsure in ungranted.unsure:
        trouble = f" ({plain(unsure.trouble, 300)})" if unsure.trouble else ""
        said = unsure.in_short(_local(unsure.at) if unsure.at else "")
        click.echo(f"jit: {plain(unsure.target)}: {said}{trouble}", err=True)


def _row(found: Found) -> dict[str, str]:
    finding = found.finding
    row = {"finding": finding.id, "target": finding.target, "says": found.says, "ends": _ends(found)}
    return row | {"before" if finding.earlier else "since": finding.since.isoformat(timespec="seconds")}


def _lines(found: Found) -> str:
    finding = found.finding
    since = f"{'before' if finding.earlier else 'since'} {_local(finding.since)}"
    ends = _ends(found) or "by hand in the target"
    return f"{finding.id}  {since}  {plain(found.says, 600)}\n{' ' * len(finding.id)}  {ends}"


def _ends(found: Found) -> str:
    """The command that does; empty where none does."""
    request = found.request
    return f"jit revoke {request.id} WHY" if request and request.state in _REVOCABLE else found.removes


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
