"""`jit list|show|revoke`: the same questions and the same end as in Slack, from a terminal. It never approves."""

import getpass
import json
import socket
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from jit.cli.audit.showing import to_terminal
from jit.cli.opening import LedgerSilent, existing_ledger
from jit.clock import SystemClock
from jit.facts import Source
from jit.ledger import Entry, LedgerUnavailable, Question, StoredDirectory
from jit.policy import PolicyFolder
from jit.ports import QueueUnavailable
from jit.proof.audit.search import known_names
from jit.proof.audit.table import Names, names_from, plain, told_in_full
from jit.requests.lifecycle import OVER, REQUEST_ID, Request, State, late_since
from jit.runtime.queue import RqQueue
from jit.runtime.settings import HandsSettings
from jit.use_cases.desk import Desk, Presser, Turned

LIVE = frozenset({State.PENDING, State.APPROVED, State.GRANTING, State.ACTIVE, State.ENDING})

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '…'; -- their login"


class NoQueue:
    """Where no REDIS_URL is set: nothing is announced, and the timekeeper finds it in the ledger."""

    def grant(self, request_id: str) -> None:
        raise QueueUnavailable(f"{request_id}: no REDIS_URL")

    def revoke(self, request_id: str) -> None:
        raise QueueUnavailable(f"{request_id}: no REDIS_URL")

    def end_at(self, when: datetime, request_id: str, order: str, *, instead_of: str = "") -> str:
        raise QueueUnavailable(f"{request_id} at {when}, {len(order or instead_of)} bytes: no REDIS_URL")


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is over.")
def list_requests(everything: bool) -> None:  # noqa: FBT001  click passes it by name
    """Requests, newest first."""
    found = existing_ledger(HandsSettings()).requests(Question(states=frozenset() if everything else LIVE))
    if not to_terminal():
        for request in found:
            click.echo(json.dumps(_row(request)))
        return
    now = SystemClock().now()
    table = Table("id", "state", "who", "access", "until", box=None)
    for request in found:
        table.add_row(*(str(value or "") for value in _told(request, now).values()))
    Console().print(table if found else "Nothing is open.")


def _row(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "state": request.state.value,
        "who": request.requester,
        "access": request.access,
        "until": request.ends_at.isoformat(timespec="seconds") if request.ends_at else None,
    }


def _told(request: Request, now: datetime) -> dict[str, Any]:
    """For people: what is past its end is not told as if it went on."""
    late = late_since(request, now)
    over = {"state": "ending", "until": f"being taken away since {late:%Y-%m-%d %H:%M:%S}Z"} if late else {}
    return _row(request) | (over if request.state in {State.GRANTING, State.ACTIVE} else {})


def _as_known(request_id: str) -> str:
    """`bvhc` is `R-BVHC`, as in Slack."""
    written = request_id.upper()
    return written if written.startswith("R-") else f"R-{written}"


@click.command()
@click.argument("request_id")
def show(request_id: str) -> None:
    """Every entry of the ledger about one request."""
    ledger = existing_ledger(HandsSettings())
    history = ledger.history(_as_known(request_id))
    if not history:
        raise click.ClickException(f"there is no request {request_id}; `jit list --all` shows all")
    if not to_terminal():
        for entry in history:
            click.echo(json.dumps(_as_read(entry), ensure_ascii=False))
        return
    names = names_from({who: name for who, (name, _) in known_names(ledger.engine).items()})
    if request := ledger.request(_as_known(request_id)):
        click.echo(_head(request, names))
    for line in told_in_full(history, names):
        click.echo(line)


def _head(request: Request, names: Names) -> str:
    """Whose it is, and how it stands now."""
    told = _told(request, SystemClock().now())
    until = "" if request.state in OVER or not told["until"] else f", {told['until']}"
    return plain(
        f"{request.id}: {request.access} of {names(request.requester)}, on {request.target} as {request.principal}: "
        f"{told['state']}{until}"
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


@click.command()
@click.argument("request_id")
@click.argument("reason", nargs=-1, required=True)
def revoke(request_id: str, reason: tuple[str, ...]) -> None:
    """End an access now. It is recorded as yours: cli:user@host."""
    try:
        request = _ordered(_as_known(request_id), " ".join(reason))
    except (LedgerSilent, LedgerUnavailable) as away:
        raise LedgerSilent(f"{away} {_by_hand(_as_known(request_id))}".strip()) from None
    except Turned as turned:
        raise click.ClickException(f"{request_id}: {turned.says}") from None
    says = "is ending" if request.given else "will not be granted; nothing had been given"
    click.echo(f"{request.id}: {request.access} of {request.requester} {says}.")


def _ordered(request_id: str, reason: str) -> Request:
    """Raises Turned, CannotStart, LedgerUnavailable."""
    settings = HandsSettings()
    ledger = existing_ledger(settings)
    clock = SystemClock()
    desk = Desk(
        ledger=ledger,
        policies=PolicyFolder(settings.policies, clock),
        directory=StoredDirectory(ledger.engine),
        queue=RqQueue(settings.redis_url) if settings.redis_url else NoQueue(),
        clock=clock,
    )
    who = Presser(f"cli:{getpass.getuser()}@{socket.gethostname()}", None, Source.CLI)
    return desk.revoke(who, request_id, reason)


def _by_hand(request_id: str) -> str:
    """What is left while nothing can be ordered."""
    if not REQUEST_ID.fullmatch(request_id):
        return ""
    role = request_id.lower().replace("-", "_")
    return (
        f"{request_id} ends at its time all the same. If that cannot wait, take it away in the target; in PostgreSQL, "
        f"as a superuser:\n\n    DROP ROLE jit_{role};\n    {CUT}\n\n"
        "docs/operations.md, *When a part is down*, says more."
    )
