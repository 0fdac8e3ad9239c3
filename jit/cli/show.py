"""`jit show`: what the ledger holds about one request."""

import json
from typing import Any

import click

from jit.cli.audit.showing import called
from jit.cli.list import told
from jit.cli.opening import existing_ledger
from jit.cli.request_id import as_known
from jit.cli.terminal import to_terminal
from jit.clock import SystemClock
from jit.detect.activity.coverage import told_of
from jit.detect.activity.recorder import known_logs
from jit.ledger import Entry, Ledger
from jit.proof.audit.search import known_names
from jit.proof.audit.table import Names, plain, told_in_full
from jit.requests.lifecycle import OVER, Request, State
from jit.requests.together import asked_together
from jit.runtime.settings import Settings


@click.command()
@click.argument("request_id")
def show(request_id: str) -> None:
    """Every entry of the ledger about one request."""
    ledger = existing_ledger(Settings())
    history = ledger.history(as_known(request_id))
    if not history:
        raise click.ClickException(f"there is no request {request_id}; `jit list --all` shows all")
    if not to_terminal():
        for entry in history:
            click.echo(json.dumps(_as_read(entry), ensure_ascii=False))
        return
    names = called(known_names(ledger.engine))
    if request := ledger.request(as_known(request_id)):
        click.echo(_head(request, names))
        if request.how_to_connect and request.state is State.ACTIVE:
            click.echo(f"To connect: {plain(request.how_to_connect)}")
        if coverage := told_of(request, known_logs(ledger)):
            click.echo(plain(f"Activity on record: {coverage}"))
        if others := [each.id for each in _asked_together(ledger, request) if each.id != request.id]:
            click.echo(f"Asked together with {', '.join(others)}")
    for line in told_in_full(history, names):
        click.echo(line)


def _asked_together(ledger: Ledger, request: Request) -> tuple[Request, ...]:
    """What was asked with it; it alone where the record of another was changed."""
    return asked_together(request, lambda other: next(iter(ledger.requests_by_id([other])), None))


def _head(request: Request, names: Names) -> str:
    """Whose it is, and how it stands now."""
    row = told(request, SystemClock().now())
    until = "" if request.state in OVER or not row["until"] else f", {row['until']}"
    return plain(
        f"{request.id}: {request.access} of {names(request.requester)}, on {request.target} as {request.principal}: "
        f"{row['state']}{until}"
    )


def _as_read(entry: Entry) -> dict[str, Any]:
    """An entry with its personal fields as they read now. Its bytes are for `jit audit export`."""
    return {
        "index": entry.index,
        "recorded_at": entry.recorded_at.isoformat(),
        "previous": entry.previous,
        "hash": entry.hash,
        "fact": entry.fact.model_dump(mode="json"),
    }
