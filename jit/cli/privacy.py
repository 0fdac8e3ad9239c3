"""`jit privacy`: a person's key deleted, so that the record no longer says whom it tells of."""

import sys

import click

from jit.cli.opening import existing_ledger
from jit.ledger import Ledger, LedgerUnavailable
from jit.ledger.privacy.erasing import NAMEABLE, Erasure, StillInvolved, delete_restored, erase, written_back
from jit.proof.audit.reading import actor
from jit.runtime.settings import Settings

MOST_SHOWN = 10
LONGEST_BASIS = 500


@click.group()
def privacy() -> None:
    """People forgotten, with the record left as it is."""


@privacy.command("erase")
@click.argument("person")
@click.option("--legal-basis", required=True, help="Recorded for ever, so it names nobody: 'GDPR Art. 17(1)(a)'.")
@click.option("--yes", is_flag=True, help="Do not ask: for scripts.")
def erase_person(person: str, legal_basis: str, yes: bool) -> None:  # noqa: FBT001  click passes it by name
    """Delete the key of PERSON's fields. It cannot be undone.

    PERSON is a Slack id (U01ALICE0), cli:user@host, or the id of the key as the audit channel told of an erasure that a
    restored copy of the ledger does not know.
    """
    _require_sense(person, legal_basis)
    ledger = existing_ledger(Settings())
    if not yes:
        _ask(person)
    try:
        done = erase(ledger, person, legal_basis=legal_basis.strip(), actor=actor())
    except StillInvolved as involved:
        raise click.ClickException(_still(person, involved)) from None
    if done is None:
        click.echo(f"There is nothing of {person} here. Nothing was recorded.")
        return
    for line in _told(ledger, person, done):
        click.echo(line)


@privacy.command("again")
def erase_again() -> None:
    """Delete once more: after a backup was restored, or where a reader kept the files from being cleaned."""
    ledger = existing_ledger(Settings())
    count = delete_restored(ledger)
    click.echo(f"Keys deleted again: {count}." if count else "No key is here that was deleted before.")
    if not _left_nothing(ledger):
        click.echo(f"Still to do: {_TRACES[ledger.engine.dialect.name]}")


def _require_sense(person: str, legal_basis: str) -> None:
    if NAMEABLE.fullmatch(person) is None:
        raise click.UsageError(f"{person!r} is no person's id. Give a Slack id, such as U01ALICE0, or cli:user@host.")
    if not legal_basis.strip() or len(legal_basis) > LONGEST_BASIS or not legal_basis.isprintable():
        raise click.UsageError(f"--legal-basis is one line of at most {LONGEST_BASIS} characters.")
    if person in legal_basis:
        raise click.UsageError("--legal-basis stays in the record for ever: do not name the person in it.")


def _ask(person: str) -> None:
    if not at_a_terminal():
        raise click.UsageError("Nobody is here to ask whether this is meant. Say --yes.")
    click.confirm(
        f"What the record says of {person} will be readable by nobody any more, and this cannot be undone. Go on?",
        abort=True,
    )


def at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _still(person: str, involved: StillInvolved) -> str:
    found = list(involved.requests.items())
    shown = ", ".join(f"{request_id} ({state.value})" for request_id, state in found[:MOST_SHOWN])
    more = f" and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
    return (
        f"{person} is part of requests that are not over: {shown}{more}. Nothing was erased. "
        "End them first: `jit revoke`, or wait until they are decided."
    )


def _told(ledger: Ledger, person: str, done: Erasure) -> list[str]:
    lines = []
    if done.index is not None:
        lines.append(f"Erased, and recorded as entry {done.index}. Requests that no longer say whose: {done.requests}.")
    if done.plain:
        shown = ", ".join(done.plain[:MOST_SHOWN]) + (" …" if len(done.plain) > MOST_SHOWN else "")
        lines.append(
            f"{len(done.plain)} of their requests are older than sealed fields and name them still: {shown}. "
            "Entries are not rewritten."
        )
    if done.index is None:
        return lines
    lines += ["What this could not reach; docs/operations.md, *Privacy*, says how:"]
    if not _left_nothing(ledger):
        lines.append(f"- {_TRACES[ledger.engine.dialect.name]}")
    return (
        lines
        + [f"- {each}" for each in _ELSEWHERE]
        + [f"Processes that run forget within 10 s what they read of {person}."]
    )


def _left_nothing(ledger: Ledger) -> bool:
    try:
        return written_back(ledger)
    except LedgerUnavailable:
        return False


_TRACES = {
    "sqlite": "the database's -wal file may still hold the key, as somebody reads: run `jit privacy again` later",
    "postgresql": "the database's files: as its owner, VACUUM FULL person_keys, requests, directory, notes",
}
_ELSEWHERE = (
    "backups of the table person_keys, of the database's files, and its archived write-ahead log",
    "Slack: cards and direct messages that name them, and their own messages",
    "the rules' files, also as they were: people, groups and approvers by id",
    "logs, exports, evidence bundles and a SIEM that hold what was readable then",
    "searches of the record (record.read) whose words mean them without naming them as the directory does",
    "spool files on the hosts: spool.db and spool.unreadable",
)
