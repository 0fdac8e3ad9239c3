"""`jit audit prove`: the evidence bundle of one request, as JSON and as a page."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from bot.mirror.follower import Mirror
from bot.mirror.message import STANDS
from jit.cli.audit.verify import kept_here
from jit.cli.opening import existing_ledger
from jit.cli.request_id import as_known
from jit.ledger import Ledger, Notes, StoredDirectory
from jit.people.person import Person
from jit.ports import DirectoryUnavailable
from jit.proof.audit.reading import record_reading
from jit.proof.evidence.bundle import CannotProve, Maker
from jit.proof.evidence.case import Anchor, Case, read_case
from jit.proof.evidence.page import page_of
from jit.proof.verifier import Grade, Trust, check_bundle
from jit.requests.lifecycle import REQUEST_ID
from jit.runtime.settings import Settings


@click.command()
@click.argument("request_id", metavar="REQUEST")
@click.option("--out", help="Name of both files, without .json and .html. Default: REQUEST.evidence")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def prove(request_id: str, out: str | None, *, force: bool) -> None:
    """Write the evidence for one request: NAME.json, and NAME.html to read and print.

    That it was asked for is recorded first.
    """
    known_as = as_known(request_id)
    if not REQUEST_ID.fullmatch(known_as):
        raise click.UsageError(f"{request_id} is no request. Write its id, such as R-7F3K.")
    base = out or f"{known_as}.evidence"
    data, page = Path(f"{base}.json"), Path(f"{base}.html")
    taken = [str(path) for path in (data, page) if path.exists() and not force]
    if taken:
        raise click.ClickException(f"{' and '.join(taken)} would be written over. Say --out NAME, or --force.")
    settings = Settings()
    ledger = existing_ledger(settings)
    record_reading(ledger, "prove", known_as, ledger.last_index())
    maker = Maker(
        ledger=ledger,
        url=settings.ledger_url.get_secret_value(),
        keys=kept_here(),
        anchors=lambda indices: anchors_of(ledger, indices),
    )
    try:
        bundle = maker.make(known_as)
    except CannotProve as wrong:
        raise click.ClickException(str(wrong)) from None
    verdict = check_bundle(bundle, Trust(keys=maker.keys))
    if verdict.grade is Grade.BROKEN:
        says = "; ".join(finding.says for finding in verdict.findings[:3])
        raise click.ClickException(f"What would be written does not prove itself ({says}). Run `jit audit verify`.")
    case = read_case(bundle)
    _write(data, bundle)
    _write(page, page_of(bundle, names_in(case, ledger)).encode())
    click.echo(f"{data} and {page}: {', '.join(grade.name.lower() for grade in verdict.reached)}.", err=True)
    if not case.checkpoint:
        click.echo(
            "No signed checkpoint covers these entries, so nothing vouches for them. Run `jit signer`.", err=True
        )
    elif verdict.grade is Grade.UNSIGNED:
        click.echo("The log's key is not known here, so its signature was not checked. Do it with --key.", err=True)
    if not sys.stdout.isatty():
        click.echo(str(data))


def anchors_of(ledger: Ledger, indices: Iterable[int]) -> Iterator[Anchor]:
    """The messages of the audit channel that show these entries, as far back as the mirror remembers them."""
    wanted = sorted(indices)
    for key, value in sorted(Notes(ledger.engine, Mirror.name).all(STANDS).items()):
        try:
            channel, first, last, _ = json.loads(value)
            shows = any(first <= index <= last for index in wanted)
        except (ValueError, TypeError):
            continue
        if shows:
            yield Anchor(str(channel)[:100], key.removeprefix(STANDS)[:100])


def names_in(case: Case, ledger: Ledger) -> dict[str, str]:
    """What the directory calls those who stand in the entries."""
    directory = StoredDirectory(ledger.engine)
    found: dict[str, str] = {}
    for who in dict.fromkeys(_people(case)):
        try:
            person: Person = directory.look_up(who)
        except DirectoryUnavailable:
            continue
        found[who] = person.name
    return found


def _people(case: Case) -> Iterable[str]:
    for piece in case.pieces:
        for name in ("actor", "requester", "approver"):
            who = getattr(piece.fact, name, None)
            if isinstance(who, str):
                yield who


def _write(path: Path, data: bytes) -> None:
    """Write a file for its owner alone: what people wrote is in it."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
    except OSError as wrong:
        raise click.ClickException(f"{path} cannot be written: {wrong.strerror}.") from None
