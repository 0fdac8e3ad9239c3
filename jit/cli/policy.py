"""`jit policy`: checks the rules and explains them."""

from collections.abc import Iterator
from pathlib import Path

import click

from jit.cli.opening import existing_ledger
from jit.clock import SystemClock
from jit.ledger import LedgerUnavailable, StoredDirectory
from jit.people import NO_GROUPS, Groups
from jit.policy import Policy, load_policy
from jit.policy.check import UnknownAccess, check_folder, explain_access
from jit.settings import CannotStart, Settings
from workers.targets import TargetSetupError, check_settings


@click.group()
def policy() -> None:
    """Check and explain the rules."""


@policy.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def check(folder: Path | None) -> None:
    """Name file, line and field of every mistake in FOLDER, by default JIT_POLICIES."""
    checked = check_folder(folder or Settings().policies)
    unfit = [*_targets_fit(checked.policy)] if checked.policy else []
    click.echo("\n".join(unfit or checked.lines))
    raise SystemExit(1 if checked.mistakes or unfit else 0)


@policy.command()
@click.argument("access")
@click.argument("person")
def explain(access: str, person: str) -> None:
    """Why PERSON, a Slack id, may ask for ACCESS or not, and who decides."""
    settings = Settings()
    try:
        click.echo(
            explain_access(load_policy(settings.policies), access, person, _groups(settings), SystemClock().now())
        )
    except UnknownAccess as unknown:
        raise click.ClickException(str(unknown)) from None


def _groups(settings: Settings) -> Groups:
    """As the bot last saw them; none if it never ran here."""
    try:
        return StoredDirectory(existing_ledger(settings).engine).groups()
    except (CannotStart, LedgerUnavailable):
        return NO_GROUPS


def _targets_fit(policy: Policy) -> Iterator[str]:
    """What keeps a target from being opened, without looking for its secrets."""
    for target in policy.targets.values():
        try:
            check_settings(target.name, target.kind, target.settings)
        except TargetSetupError as wrong:
            yield f"targets.{wrong}"
