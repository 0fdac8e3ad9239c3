"""`jit lockdown`: the same as in Slack, from a terminal. It is lifted in Slack alone: nothing here lets anybody in."""

import click

from jit.cli.opening import existing_ledger
from jit.cli.revoke import NoQueue
from jit.clock import SystemClock
from jit.facts import Source
from jit.ledger import Ledger, StoredDirectory
from jit.policy import PolicyFolder
from jit.proof.audit.reading import actor
from jit.requests.lockdown import Lockdown
from jit.requests.messages import sentence
from jit.requests.refusal import Refusal
from jit.requests.scope import Typed, read_lift, read_scope
from jit.runtime.settings import WorkerSettings
from jit.use_cases.actor import Actor
from jit.use_cases.core import Core
from jit.use_cases.lockdown import Locked, count_open, known_names, lift, lock_down


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("what", nargs=-1)
@click.option("--lift", "lift_id", metavar="ID", help="Say how one is lifted: by two people, in Slack.")
def lockdown(what: tuple[str, ...], lift_id: str | None) -> None:
    """Stop access now, or show what is stopped.

    WHAT is what to stop and why: person @alice, access orders-db/read, target orders-db or everything. What is active
    ends, sessions are cut, and nothing new is given until two people lift it in Slack. It is recorded as yours:
    cli:user@host.
    """
    settings = WorkerSettings()
    try:
        core = _core(existing_ledger(settings), settings)
        lifting = (lift_id, "") if lift_id else read_lift(" ".join(what))
        if lifting:
            lift(core, by=_me(), lockdown_id=lifting[0], reason=lifting[1])
        elif what:
            _lock(core, " ".join(what))
        else:
            _show(core)
    except Refusal as refusal:
        raise click.ClickException(NOT_HERE if refusal.attempted == "lift" else sentence(refusal)) from None


NOT_HERE = (
    "Two different people lift a lockdown, and a terminal cannot tell who sits at it: type /jit lockdown lift L-7F3K "
    "why in Slack, both of you. Nobody can ask for anything without Slack anyway."
)


def _core(ledger: Ledger, settings: WorkerSettings) -> Core:
    clock = SystemClock()
    return Core(
        ledger=ledger,
        policies=PolicyFolder(settings.policies, clock),
        directory=StoredDirectory(ledger.engine),
        queue=NoQueue(),
        clock=clock,
    )


def _me() -> Actor:
    return Actor(actor(), None, Source.CLI)


def _lock(core: Core, typed: str) -> None:
    """Raises Refusal, ClickException, LedgerUnavailable."""
    meant = read_scope(typed, known_names(core))
    require_understood(meant)
    assert meant.what is not None  # noqa: S101  understood
    locked = lock_down(core, by=_me(), what=meant.what, reason=meant.rest)
    click.echo(said(locked))


def require_understood(meant: Typed) -> None:
    """Raises ClickException: nothing is called so, or no reason is given."""
    if meant.what is None:
        offered = "".join(f"\n    jit lockdown {each} {meant.rest}".rstrip() for each in meant.offered)
        ask = "Did you mean one of these?" if offered else "Name it whole: person @alice, orders-db, everything."
        raise click.ClickException(f"Nothing is locked down: no one thing is called so. {ask}{offered}")
    if not meant.rest:
        raise click.ClickException("Nothing is locked down: say why, behind it.")


def said(locked: Locked) -> str:
    found = locked.lockdown
    already = " already" if locked.again else ""
    return f"{found.id}: {stopped(found)} is stopped{already}; {locked.open} open, which end now. Two people lift it."


def stopped(found: Lockdown) -> str:
    return f"{found.scope} {found.person or found.access or found.target or ''}".strip()


def _show(core: Core) -> None:
    known = core.ledger.lockdowns()
    for each in known:
        proposed = f"; {each.proposed.actor} proposed to lift it" if each.proposed else ""
        left = count_open(core, each)
        click.echo(
            f"{each.id}  {stopped(each)}  since {each.at:%Y-%m-%d %H:%M} UTC by {each.by}  {left} open{proposed}"
        )
    if not known:
        click.echo("No lockdown is in force.")
