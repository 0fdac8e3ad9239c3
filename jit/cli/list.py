"""`jit list`: who holds what, and who waits for it. Typed in a hurry, so it imports no more than it needs."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from jit.cli.opening import LedgerSilent, existing_ledger
from jit.cli.terminal import to_terminal
from jit.clock import SystemClock
from jit.ledger import glance
from jit.ledger.unavailable import LedgerUnavailable
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State
from jit.runtime.settings import Settings

LIVE = (State.PENDING, State.APPROVED, State.GRANTING, State.ACTIVE, State.ENDING)


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is over.")
def list_requests(everything: bool) -> None:  # noqa: FBT001  click passes it by name
    """Requests, newest first."""
    found = _found(Settings(), () if everything else LIVE)
    if not to_terminal():
        for request in found:
            click.echo(json.dumps(_row(request)))
        return
    _show(found, SystemClock().now())


def _found(settings: Settings, states: Sequence[State]) -> list[Request]:
    """Raises CannotStart."""
    try:
        return glance.requests(settings.ledger_file or settings.ledger_url.get_secret_value(), states)
    except glance.NotAtAGlance:
        ledger = existing_ledger(settings)
    except LedgerUnavailable as away:
        raise LedgerSilent.because(away) from None
    from jit.ledger import Question  # noqa: PLC0415  takes longer than all the rest

    return ledger.requests(Question(states=frozenset(states)))


def _show(found: Sequence[Request], now: datetime) -> None:
    from rich.console import Console  # noqa: PLC0415  a pipe needs none
    from rich.table import Table  # noqa: PLC0415

    table = Table("id", "state", "who", "access", "until", box=None)
    for request in found:
        table.add_row(*(str(value or "") for value in told(request, now).values()))
    Console().print(table if found else "Nothing is open.")


def _row(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "state": request.state.value,
        "who": request.requester,
        "access": request.access,
        "until": request.ends_at.isoformat(timespec="seconds") if request.ends_at else None,
    }


def told(request: Request, now: datetime) -> dict[str, Any]:
    """The row of a request for people: what is past its end is not told as if it went on."""
    late = late_since(request, now)
    over = {"state": "ending", "until": f"being taken away since {late:%Y-%m-%d %H:%M:%S}Z"} if late else {}
    return _row(request) | (over if request.state in {State.GRANTING, State.ACTIVE} else {})
