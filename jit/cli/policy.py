"""`jit policy`: checks the rules and explains them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import click

from jit.cli.opening import existing_ledger
from jit.cli.terminal import to_terminal
from jit.clock import SystemClock
from jit.ledger.unavailable import LedgerUnavailable
from jit.people.person import NO_GROUPS, Groups
from jit.policy import Policy, load_policy
from jit.policy.files.check import UnknownAccess, check_folder, explain_access
from jit.policy.files.form import person_id
from jit.policy.words import WORDS
from jit.runtime.settings import CannotStart, Settings
from workers.targets.named import misfits


@click.group()
def policy() -> None:
    """Check and explain the rules."""


@policy.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def check(folder: Path | None) -> None:
    """Name file, line and field of every mistake in FOLDER, by default JIT_POLICIES."""
    folder = folder or Settings().policies
    checked = check_folder(folder, misfits)
    rules = checked.policy or check_folder(folder).policy  # targets may be wrong, and access active elsewhere
    left = [*_left_active(rules)] if rules else []
    notes = [f"{'Note' if can_end else 'Mend'}: {what}. {remedy}" for can_end, what, remedy in left]
    click.echo("\n".join([*checked.lines, *notes]))
    raise SystemExit(1 if checked.mistakes or not all(can_end for can_end, _, _ in left) else 0)


@policy.command()
@click.argument("access")
@click.argument("person")
def explain(access: str, person: str) -> None:
    """Why PERSON may ask for ACCESS or not, and who decides.

    PERSON is a Slack id, a name or handle that the bot has met, or what the rules call them in a target.
    """
    settings = Settings()
    rules = load_policy(settings.policies)
    groups, names = _seen(settings)
    who = _called(person, rules, names)
    try:
        click.echo(explain_access(rules, access, who, groups, SystemClock().now()))
    except UnknownAccess as unknown:
        raise click.ClickException(str(unknown)) from None


@policy.command()
def words() -> None:
    """What a condition (`when`) can read, with examples."""
    if not to_terminal():
        for word in WORDS.values():
            row = {"word": word.spelled, "type": word.kind, "about": word.about, "example": word.example}
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415  a pipe needs none
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("word", "what it is, its type, and an example", box=None)
    for word in WORDS.values():
        says = Text.assemble(f"{word.about} ({word.kind})\n", (word.example, "cyan"))
        table.add_row(Text(word.spelled), says)
    Console().print(table)


def _seen(settings: Settings) -> tuple[Groups, dict[str, tuple[str, str]]]:
    """Groups, and people by id, as the bot last saw them; none if it never ran here."""
    try:
        engine = existing_ledger(settings).engine
        from jit.ledger import StoredDirectory  # noqa: PLC0415  where there is no ledger, nobody waits for it
        from jit.proof.audit.search import known_names  # noqa: PLC0415

        return StoredDirectory(engine).groups(), known_names(engine)
    except (CannotStart, LedgerUnavailable):
        return NO_GROUPS, {}


def _called(person: str, rules: Policy, names: Mapping[str, tuple[str, str]]) -> str:
    """Whose id this is, or whose name. Raises click.ClickException: nobody's, or that of several."""
    with suppress(ValueError):
        return person_id(person)
    from jit.proof.audit.search import folded  # noqa: PLC0415  `check` does not need it

    called = folded(person.removeprefix("@"))
    known: list[tuple[str, tuple[str, ...]]] = [(who, (who, *each)) for who, each in names.items()]
    known += [(who, (who, *each.values())) for who, each in rules.people.items()]
    ids = sorted({who for who, each in known if called and called in map(folded, each)})
    if len(ids) != 1:
        found = f"{', '.join(ids)} are all called {person}" if ids else f"Nobody is known here as {person!r}"
        raise click.ClickException(f"{found}. Give a Slack id (U01ALICE0).")
    return ids[0]


def _left_active(policy: Policy) -> Iterator[tuple[bool, str, str]]:
    """What `said_of` says of access that is active elsewhere; nothing where there is no ledger to ask."""
    settings = Settings()
    try:
        ledger = existing_ledger(settings)
        from workers.targets.departed import left_active, said_of  # noqa: PLC0415  as above
        from workers.targets.known import KnownTargets  # noqa: PLC0415

        left = left_active(ledger, policy.targets)
    except (CannotStart, LedgerUnavailable):
        return
    yield from said_of(left, KnownTargets(settings.data).recall())
