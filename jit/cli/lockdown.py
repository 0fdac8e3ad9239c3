"""`jit lockdown`: the same as in Slack, from a terminal. It is lifted in Slack alone: nothing here lets anybody in."""

from contextlib import suppress

import click

from jit.cli.opening import LedgerSilent, existing_ledger
from jit.cli.revoke import NoQueue
from jit.clock import SystemClock
from jit.facts import Source
from jit.ledger import Ledger, LedgerUnavailable, StoredDirectory
from jit.ledger.lockdown_orders import LockdownOrders
from jit.people.person import Person
from jit.policy import Policy, PolicyError, PolicyFolder
from jit.proof.audit.reading import actor
from jit.requests.intake import text_trouble
from jit.requests.lockdown import Lockdown
from jit.requests.messages import sentence
from jit.requests.refusal import Refusal
from jit.requests.scope import Known, Typed, What, read_lift, read_scope
from jit.runtime.settings import WorkerSettings
from jit.use_cases.actor import Actor
from jit.use_cases.core import Core
from jit.use_cases.lockdown import Locked, count_open, known_names, lift, lock_down, ordered

NOT_HERE = (
    "Two different people lift a lockdown, and a terminal cannot tell who sits at it: type /jit lockdown lift L-7F3K "
    "why in Slack, both of you. Nobody can ask for anything without Slack anyway."
)


@click.command()
@click.argument("what", nargs=-1)
@click.option("--lift", "lift_id", metavar="ID", help="Says how one is lifted: by two people, in Slack.")
def lockdown(what: tuple[str, ...], lift_id: str | None) -> None:
    """Stop access now, or show what is stopped.

    WHAT is what to stop and why: person @alice, access orders-db/read, target orders-db or everything. What is active
    ends, sessions are cut, and nothing new is given until two people lift it in Slack. It is recorded as yours:
    cli:user@host. While the ledger is silent the order lies in JIT_DATA, where worker and timekeeper of this host take
    it from.
    """
    settings = WorkerSettings()
    typed = " ".join(what)
    lifting = (lift_id, typed) if lift_id else read_lift(typed)
    try:
        core = _core(existing_ledger(settings), settings)
        if lifting:
            lift(core, by=_me(), lockdown_id=lifting[0], reason=lifting[1])
        elif typed:
            click.echo(_lock(core, typed))
        else:
            _show(core)
    except Refusal as refusal:
        raise click.ClickException(NOT_HERE if refusal.attempted == "lift" else sentence(refusal)) from None
    except (LedgerSilent, LedgerUnavailable) as away:
        if lifting or not typed:
            raise LedgerSilent(str(away)) from None
        click.echo(_order(settings, typed, str(away)))


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


def _lock(core: Core, typed: str) -> str:
    """Raises Refusal, ClickException, LedgerUnavailable."""
    with suppress(PolicyError):
        core.policies.current()
    what, reason = _understood(read_scope(typed, known_names(core)))
    return _said(lock_down(core, by=_me(), what=what, reason=reason))


def _order(settings: WorkerSettings, typed: str, away: str) -> str:
    """Leave it on this host's disk. Raises ClickException."""
    policy = _policy(settings)
    people = [Person(each, "", " ".join(names.values())) for each, names in policy.people.items()] if policy else []
    known = Known(people, tuple(policy.accesses) if policy else (), tuple(policy.targets) if policy else ())
    what, reason = _understood(read_scope(typed, known))
    if trouble := text_trouble(reason):
        raise click.ClickException(trouble)
    fact = ordered(policy, by=_me(), at=SystemClock().now(), what=what, reason=reason)
    orders = LockdownOrders(settings.data)
    try:
        orders.write(fact)
    except OSError as wrong:
        raise click.ClickException(f"Nothing is locked down: {orders.folder} cannot be written ({wrong}).") from None
    return (
        f"{fact.lockdown_id}: the ledger is silent ({away}), so the order lies in {orders.folder}. Worker and "
        "timekeeper of this host obey it within a second, and record it once the ledger answers. Other hosts do not "
        "see it before: type it on each that has workers or a timekeeper."
    )


def _policy(settings: WorkerSettings) -> Policy | None:
    try:
        return PolicyFolder(settings.policies, SystemClock()).current()
    except PolicyError:
        return None


def _understood(meant: Typed) -> tuple[What, str]:
    """Raises ClickException: nothing is called so, or no reason is given."""
    if meant.what is None:
        offered = "".join(f"\n    jit lockdown {each} {meant.rest}".rstrip() for each in meant.offered)
        ask = "Did you mean one of these?" if offered else "Name it whole: person @alice, orders-db, everything."
        raise click.ClickException(f"Nothing is locked down: no one thing is called so. {ask}{offered}")
    if not meant.rest:
        raise click.ClickException("Nothing is locked down: say why, behind it.")
    return meant.what, meant.rest


def _said(locked: Locked) -> str:
    found = locked.lockdown
    already = " already" if locked.again else ""
    return f"{found.id}: {_stopped(found)} is stopped{already}; {locked.open} open, which end now. Two people lift it."


def _stopped(found: Lockdown) -> str:
    return f"{found.scope} {found.person or found.access or found.target or ''}".strip()


def _show(core: Core) -> None:
    known = core.ledger.lockdowns(skip_changed=True)
    for each in known:
        proposed = f"; {each.proposed.actor} proposed to lift it" if each.proposed else ""
        left = count_open(core, each)
        click.echo(
            f"{each.id}  {_stopped(each)}  since {each.at:%Y-%m-%d %H:%M} UTC by {each.by}  {left} open{proposed}"
        )
    if not known:
        click.echo("No lockdown is in force.")
