"""`jit people`: whose e-mail in Slack is another than the one first seen, and that it is theirs all the same."""

import json
import re

import click

from jit.cli.opening import existing_ledger
from jit.cli.terminal import to_terminal
from jit.facts import PersonRebound, Source
from jit.ledger import Ledger, StoredDirectory
from jit.people.person import Person, alike
from jit.proof.audit.reading import actor
from jit.requests.intake import reason_trouble
from jit.runtime.settings import Settings

SLACK_ID = re.compile(r"[UW][A-Z0-9]{4,30}")


@click.group()
def people() -> None:
    """Who somebody is."""


@people.command("list")
@click.option("--all", "everybody", is_flag=True, help="Also whose e-mail is the one first seen.")
def list_people(everybody: bool) -> None:  # noqa: FBT001  click passes it by name
    """Whose e-mail changed, so that they decide nothing; and who have one e-mail, and count as one person."""
    known = StoredDirectory(existing_ledger(Settings()).engine).everybody()
    shown = [each for each in known if everybody or each.email_changed or _others(each, known)]
    if not to_terminal():
        for person in shown:
            click.echo(json.dumps(_row(person, known)))
        return
    for person in shown:
        click.echo(_line(person, known))
    if not shown:
        click.echo("Everybody who was seen so far has the e-mail that was seen first, and no two have the same.")


@people.command("rebind")
@click.argument("person")
@click.argument("reason", nargs=-1, required=True)
def rebind(person: str, reason: tuple[str, ...]) -> None:
    """Say that PERSON, a Slack id, is the same person with another e-mail. Recorded as yours: cli:user@host."""
    ledger, why = existing_ledger(Settings()), " ".join(reason)
    if trouble := reason_trouble(why):
        raise click.UsageError(f"REASON: {trouble}")
    known = _changed(ledger, person)
    fact = PersonRebound(
        at=ledger.clock.now(),
        actor=actor(),
        source=Source.CLI,
        requester=known.id,
        email=alike(known.email),
        reason=why,
    )
    ledger.append([fact])
    click.echo(
        f"{known.name} ({known.id}) is known by {known.email} from now on, and no more by {known.first_email}. "
        "It counts from their next press."
    )


def _changed(ledger: Ledger, person: str) -> Person:
    """Raises click.ClickException."""
    if SLACK_ID.fullmatch(person) is None:
        raise click.UsageError(
            f"{person!r} is no Slack id, such as U01ALICE0. `jit people list` shows whose e-mail changed."
        )
    known = StoredDirectory(ledger.engine).known(person)
    if known is None:
        raise click.ClickException(f"Nobody of the id {person} was seen here yet.")
    if not known.email_changed:
        raise click.ClickException(
            f"{known.name} ({person}) has the e-mail that was seen first. There is nothing to do."
        )
    return known


def _others(person: Person, known: list[Person]) -> list[str]:
    """Further accounts of the same person."""
    if not person.email:
        return []
    return [each.id for each in known if each.id != person.id and each.is_also(person)]


def _row(person: Person, known: list[Person]) -> dict[str, object]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "first_email": person.first_email,
        "changed": person.email_changed,
        "also": _others(person, known),
    }


def _line(person: Person, known: list[Person]) -> str:
    changed = f", first seen as {person.first_email}: decides nothing until rebound" if person.email_changed else ""
    also = _others(person, known)
    one = f"; the same person as {', '.join(also)}, and counted once" if also else ""
    return f"{person.id}  {person.name}  {person.email or 'no e-mail known'}{changed}{one}"
