"""`jit audit verify`: how far the record, a copy or a bundle can be relied on. The verifier judges alone."""

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path

import click
from rich.console import Console

from jit.cli.terminal import to_terminal
from jit.clock import SystemClock
from jit.ledger.unavailable import LedgerUnavailable
from jit.proof.audit.live import astray, live
from jit.proof.copies.bucket import CopiesUnavailable
from jit.proof.copies.reading import open_copies
from jit.proof.signer.keys import read_keys
from jit.proof.verifier import (
    BUNDLE_BYTES,
    CannotCheck,
    Finding,
    Grade,
    NoteError,
    Reason,
    Sources,
    Trust,
    Verdict,
    VerifierKey,
    check_bundle,
    check_folder,
    check_pages,
    check_record,
    read_checkpoints,
    read_entries,
)
from jit.proof.verifier import read_keys as keys_in
from jit.runtime.settings import CannotStart, CopySettings, Settings, SignerSettings

COPIES = "s3://"
GRADES = [grade.name.lower() for grade in Grade if grade is not Grade.BROKEN]
OTHER_WORDS = (
    "The words of the page are not those that this version of jit writes for the bundle in it: the page was changed, "
    "or made by another version. Only the bundle was checked; make its page anew, or read its entries."
)

NAMES = "What people are called on the page is proven by nothing: go by the ids."


class Key(click.ParamType[tuple[VerifierKey, ...]]):
    """A verifier key, or a file with one on each line."""

    name = "vkey"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[VerifierKey, ...]:
        written = str(value).strip()
        try:
            if "+" not in written or Path(written).is_file():
                return keys_in(_there(Path(written)))
            return (VerifierKey.parse(written),)
        except (NoteError, CannotCheck) as wrong:
            self.fail(f"{wrong}", param, ctx)


@click.command()
@click.argument("what", required=False)
@click.option("--key", "keys", type=Key(), multiple=True, help="The log's key as you know it, or a file of keys.")
@click.option("--witness", "witnesses", type=Key(), multiple=True, help="A witness's key, or a file of keys.")
@click.option("--witnesses-needed", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--channel", type=click.Path(path_type=Path, dir_okay=False), help="From `jit audit mirror-check --save`."
)
@click.option("--locked", help="Checkpoints that you have from the locked store: a file, or s3://…")
@click.option("--require", type=click.Choice(GRADES), default="signed", show_default=True, help="Exit with 3 below it.")
@click.option("--whole", is_flag=True, help="What is required must go up to the last entry.")
@click.option("--json", "as_json", is_flag=True, help="For machines, as in a pipe.")
def verify(
    *,
    what: str | None,
    keys: tuple[tuple[VerifierKey, ...], ...],
    witnesses: tuple[tuple[VerifierKey, ...], ...],
    witnesses_needed: int,
    channel: Path | None,
    locked: str | None,
    require: str,
    whole: bool,
    as_json: bool,
) -> None:
    """How far the record can be relied on, and what is broken in it.

    WHAT is an exported folder, an entries.jsonl, an evidence bundle or its page, or copies at s3://…; without it the
    live ledger is checked.

    Exit code: 0 intact and as good as required, 1 could not be checked, 2 wrongly called, 3 intact and not that good,
    4 broken.
    """
    known = tuple(chain.from_iterable(keys))
    trust = Trust(
        keys=known or kept_here(),
        witnesses=tuple(chain.from_iterable(witnesses)),
        witnesses_needed=witnesses_needed,
    )
    required = Grade[require.upper()]
    try:
        with Console(stderr=True).status("Checking …"):
            verdict = _judge(what, trust, channel, locked)
    except (CannotCheck, CannotStart, CopiesUnavailable, LedgerUnavailable) as wrong:
        click.echo(f"jit: could not be checked: {wrong}", err=True)
        sys.exit(1)
    code = verdict.exit_code(required, whole=whole)
    if as_json or not to_terminal():
        click.echo(json.dumps(verdict.as_json() | {"required": require, "exit_code": code}))
    else:
        click.echo("\n".join(verdict.lines()))
        if code == 3:
            click.echo(f"Required was {require}{', up to the last entry' if whole else ''}.")
    sys.exit(code)


def _judge(what: str | None, trust: Trust, channel: Path | None, locked: str | None) -> Verdict:
    """Raises CannotCheck, CannotStart, CopiesUnavailable, LedgerUnavailable."""
    anchored = list(read_checkpoints(_there(channel))) if channel else []
    if what is not None and what.startswith(COPIES):
        if locked:
            raise CannotCheck("--locked goes with another copy than the locked one")
        return _copies(what, trust, anchored)
    held = list(_locked(locked, trust)) if locked else []
    if what is None:
        return _live(trust, Sources(channel=anchored, locked=held))
    path = _there(Path(what))
    if path.is_dir():
        return check_folder(path, trust, anchored, held)
    if path.suffix == ".jsonl":
        return check_record(read_entries(path), Sources(channel=anchored, locked=held), trust)
    if channel or locked:
        raise CannotCheck(
            "--channel and --locked go with a record, not with a bundle; give the folder that was exported"
        )
    return _bundle(path, trust)


def _locked(where: str, trust: Trust) -> Iterable[bytes]:
    """Raises CannotCheck, CopiesUnavailable."""
    if not where.startswith(COPIES):
        return read_checkpoints(_there(Path(where)))
    copies = open_copies(where, SystemClock(), endpoint=CopySettings().copies_endpoint)
    checkpoints = list(copies.checkpoints(trust.keys, trust.witnesses))
    if not checkpoints:
        raise CannotCheck(f"{where}: {'; '.join(copies.remarks) or 'no checkpoint in it is locked'}")
    return checkpoints


def _live(trust: Trust, elsewhere: Sources) -> Verdict:
    url = Settings().ledger_url.get_secret_value()
    with ThreadPoolExecutor(1) as beside:
        columns = beside.submit(astray, url)
        with live(url) as record:
            sources = replace(elsewhere, log=record.checkpoints)
            verdict = check_pages(record.pages, sources, replace(trust, offered=record.keys))
        found = tuple(
            Finding(Reason.ENTRY_CHANGED, index, "another kind or request stands beside it than in its bytes")
            for index in columns.result()
        )
    return broken_by(verdict, found)


def _copies(url: str, trust: Trust, anchored: list[bytes]) -> Verdict:
    copies = open_copies(url, SystemClock(), endpoint=CopySettings().copies_endpoint)
    checkpoints = copies.checkpoints(trust.keys, trust.witnesses)
    verdict = check_record(copies.entries(), Sources(channel=anchored, locked=checkpoints), trust)
    found = tuple(Finding(Reason.MALFORMED, None, fault) for fault in copies.faults)
    until = f"Locked until {copies.locked_until:%Y-%m-%d}." if copies.locked_until else "Nothing of it is locked."
    return broken_by(replace(verdict, remarks=(*verdict.remarks, *copies.remarks, until)), found)


def _bundle(path: Path, trust: Trust) -> Verdict:
    try:
        with path.open("rb") as file:
            data = file.read(2 * BUNDLE_BYTES + 1)
    except OSError as wrong:
        raise CannotCheck(f"{path}: {wrong.strerror}") from None
    if not data.lstrip().lower().startswith(b"<!doctype html"):
        return check_bundle(data, trust)
    from jit.proof.evidence.page import NotAPage, bundle_in, is_as_made  # noqa: PLC0415  a record needs none of it

    try:
        verdict = check_bundle(bundle_in(data), trust)
    except NotAPage as wrong:
        raise CannotCheck(f"{path}: {wrong}") from None
    verdict = replace(verdict, remarks=(NAMES, *verdict.remarks))
    return verdict if is_as_made(data) else broken_by(verdict, (Finding(Reason.MALFORMED, None, OTHER_WORDS),))


def broken_by(verdict: Verdict, found: tuple[Finding, ...]) -> Verdict:
    """The verdict with what was found beside the verifier."""
    if not found:
        return verdict
    return replace(
        verdict,
        grade=Grade.BROKEN,
        reached=(Grade.BROKEN,),
        findings=(*verdict.findings, *found),
        covered={},
        excluded=(),
    )


def kept_here() -> tuple[VerifierKey, ...]:
    """The log's own key, where the signer's files can be read."""
    try:
        return tuple(key.verifier() for key in read_keys(SignerSettings().signing_key).all)
    except (CannotStart, OSError):
        return ()


def _there(path: Path) -> Path:
    """Raises CannotCheck."""
    if not path.exists():
        raise CannotCheck(f"{path} is not there")
    return path
