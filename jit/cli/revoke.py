"""`jit revoke`: the same end as in Slack, from a terminal. Nothing here approves."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from jit.cli.opening import LedgerSilent, existing_ledger
from jit.cli.request_id import as_known
from jit.clock import SystemClock
from jit.facts import Source
from jit.ledger import LedgerUnavailable, StoredDirectory
from jit.policy import PolicyFolder
from jit.ports import Queue, QueueUnavailable
from jit.proof.audit.reading import actor
from jit.requests.lifecycle import REQUEST_ID, Request
from jit.requests.messages import sentence
from jit.requests.refusal import Refusal
from jit.runtime.settings import WorkerSettings
from jit.use_cases import revoke as use_case
from jit.use_cases.actor import Actor
from jit.use_cases.core import Core

if TYPE_CHECKING:
    from pydantic import SecretStr


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '…'; -- their login"


class NoQueue:
    """The queue where no REDIS_URL is set: nothing is announced, and the timekeeper finds orders in the ledger."""

    def grant(self, request_id: str) -> None:
        raise QueueUnavailable(f"{request_id}: no REDIS_URL")

    def revoke(self, request_id: str) -> None:
        raise QueueUnavailable(f"{request_id}: no REDIS_URL")

    def end_at(self, when: datetime, request_id: str, order: str, *, instead_of: str = "") -> str:
        raise QueueUnavailable(f"{request_id} at {when}, {len(order or instead_of)} bytes: no REDIS_URL")


@click.command()
@click.argument("request_id")
@click.argument("reason", nargs=-1, required=True)
def revoke(request_id: str, reason: tuple[str, ...]) -> None:
    """End an access now. It is recorded as yours: cli:user@host."""
    try:
        request = _ordered(as_known(request_id), " ".join(reason))
    except (LedgerSilent, LedgerUnavailable) as away:
        raise LedgerSilent(f"{away} {_by_hand(as_known(request_id))}".strip()) from None
    except Refusal as refusal:
        raise click.ClickException(f"{request_id}: {sentence(refusal)}") from None
    says = "is ending" if request.given else "will not be granted; nothing had been given"
    click.echo(f"{request.id}: {request.access} of {request.requester} {says}.")


def _ordered(request_id: str, reason: str) -> Request:
    """Raises Refusal, CannotStart, LedgerUnavailable."""
    settings = WorkerSettings()
    ledger = existing_ledger(settings)
    clock = SystemClock()
    core = Core(
        ledger=ledger,
        policies=PolicyFolder(settings.policies, clock),
        directory=StoredDirectory(ledger.engine),
        queue=_queue(settings.redis_url),
        clock=clock,
    )
    who = Actor(actor(), None, Source.CLI)
    return use_case.revoke(core, by=who, request_id=request_id, reason=reason)


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


def _queue(url: "SecretStr | None") -> Queue:
    if url is None:
        return NoQueue()
    from jit.runtime.queue import RqQueue  # noqa: PLC0415  takes a moment that nobody has without a queue

    return RqQueue(url)
