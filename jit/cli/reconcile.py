"""`jit reconcile`: what targets hold, against what the record says."""

import time
from collections.abc import Sequence
from datetime import timedelta

import click

import workers.main
from jit.cli.opening import existing_ledger
from jit.clock import SystemClock
from jit.detect.reconcile import SETTLES
from jit.detect.words import plain, sentence
from jit.proof.audit.reading import actor
from jit.runtime import logs
from jit.runtime.settings import WorkerSettings
from workers.reconcile.proposal import proposal
from workers.reconcile.reconciler import Comparison, Reconciler

REVIEW_AFTER = timedelta(days=90)


@click.command()
@click.argument("target", default="")
@click.option(
    "--propose", is_flag=True, help="Write the list of all that stands there, to be filled in, and record nothing."
)
@click.option("--remove", "findings", multiple=True, metavar="ID", help="Take away what has this id in the list.")
@click.pass_context
def reconcile(context: click.Context, target: str, *, propose: bool, findings: tuple[str, ...]) -> None:
    """Compare what targets hold with what the record says.

    Of TARGET, or of each of the rules. Each comparison is recorded as yours: cli:user@host. What is new is told in
    the alerts channel, and taken away where the rules say `on_drift: remove`. Run it where a worker runs, with what it
    needs. Exits with 1 if anything differs, or could not be compared.
    """
    settings = WorkerSettings()
    logs.set_up("WARNING")
    existing_ledger(settings)
    reconciler = workers.main.reconciler_of(settings, actor())
    names = _names(reconciler, target)
    if propose:
        review = (SystemClock().now() + REVIEW_AFTER).date()
        click.echo(proposal([(name, reconciler.unlisted(name)) for name in names], review), nl=False)
        return
    compared = [_compared(reconciler, name) for name in names]
    for each in compared:
        _show(each)
    removed = [_removed(reconciler, finding, compared) for finding in findings]
    if findings:
        context.exit(0 if all(removed) else 1)
    context.exit(1 if any(each.fact.outcome != "agree" for each in compared) else 0)


def _names(reconciler: Reconciler, target: str) -> list[str]:
    known = reconciler.registry.names()
    if target and target not in known:
        raise click.UsageError(f"There is no target {target}. There is: {', '.join(known) or 'none'}.")
    return [target] if target else known


def _compared(reconciler: Reconciler, name: str) -> Comparison:
    while (comparison := reconciler.look(name)) is None:
        click.echo(f"{name}: something differs; it is looked at again in {SETTLES.seconds} s.", err=True)
        time.sleep(SETTLES.total_seconds())
    return comparison


def _removed(reconciler: Reconciler, finding: str, compared: Sequence[Comparison]) -> bool:
    """Whether it is gone, which is recorded."""
    for each in compared:
        for drift in each.differs:
            if drift.id == finding:
                trouble = reconciler.remove(drift)
                click.echo(f"{finding}: {trouble or 'taken away'}.")
                return not trouble
    click.echo(f"{finding}: nothing of this id differs.")
    return False


def _show(comparison: Comparison) -> None:
    fact = comparison.fact
    if fact.outcome == "not_compared":
        click.echo(f"{fact.target}: could not be compared. {plain(fact.trouble, 500)}")
        return
    read = f"{fact.read} read, of these {fact.grants} grants of ours, {fact.accepted} standing as listed"
    if not comparison.differs:
        click.echo(f"{fact.target}: all agree ({read}).")
        return
    click.echo(f"{fact.target}: {len(comparison.differs)} differ ({read}).")
    for drift in comparison.differs:
        click.echo(f"  {drift.id}  {drift.kind.replace('_', ' '):<10}  {sentence(drift)}")
