"""`jit audit export`: the record for other systems, and as a copy that can be verified anywhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jit.cli.audit.showing import Broken, asked, show_lines
from jit.cli.opening import existing_ledger
from jit.cli.terminal import to_terminal
from jit.ledger import Ledger
from jit.proof.audit.export import FILES, LINES, bodies, goes_on_after
from jit.proof.audit.folder import RecordCopy
from jit.proof.audit.growing import GrowingFile
from jit.proof.audit.reading import Part, coming, last_before, record_reading
from jit.proof.audit.search import BadTime, read_moment
from jit.proof.audit.together import lines
from jit.proof.audit.told import tell as say
from jit.runtime.settings import Settings

Tell = Callable[[int], None]
_LONGEST_INDEX = 18


@dataclass(frozen=True, slots=True)
class _Asking:
    ledger: Ledger
    form: str
    start: int
    """The index of the entry behind which it begins."""
    typed: str
    broken: Broken

    def record(self, after: int) -> int:
        """Record the reading. Returns the index of the last entry to be read, which is this one. Raises CannotStart."""
        return record_reading(self.ledger, "export", self.typed, after).index


@click.command("export")
@click.option("--format", "form", type=click.Choice(["jsonl", "ocsf", "csv"]), default="jsonl", show_default=True)
@click.option(
    "--since", help="From this entry on, or from what was recorded then, by this machine's zone: 1042, 2026-11-21, 3d."
)
@click.option("--after", type=click.IntRange(0), help="Only what comes behind the entry with this index.")
@click.option("--out", type=click.Path(path_type=Path), help="A folder for jsonl, a file for ocsf and csv.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C. Needs --out, ocsf or csv.")
@click.pass_context
def export(  # noqa: PLR0917  click passes them by name
    context: click.Context,
    form: str,
    since: str | None,
    after: int | None,
    out: Path | None,
    follow: bool,  # noqa: FBT001  as above
) -> None:
    """Write the record out. It is recorded that you did.

    jsonl is the exact bytes of each entry, in which what is personal is closed; with --out it is a copy with its signed
    checkpoints, for `jit audit verify`. ocsf and csv tell of people as the record reads now.

    What is there already goes on where it ends. Exits with 4 if entries are not what was recorded.
    """
    if since and after is not None:
        raise click.UsageError("--since and --after both say where to begin. Give one of them.")
    if out and form == "jsonl" and (since or after is not None):
        raise click.UsageError("A copy is whole, or it proves nothing: leave out --since and --after, or --out.")
    if follow and (out is None or form == "jsonl"):
        raise click.UsageError("--follow goes with --out and --format ocsf or csv. Into a pipe: jit audit tail -f")
    ledger = existing_ledger(Settings())
    start = _start(ledger, since) if since else after or 0
    last = ledger.last_index()
    if start > last:
        raise click.UsageError(f"There is nothing behind entry {start}: the last is #{last}.")
    asking = _Asking(ledger, form, start, asked(context), Broken())
    if out is None:
        _into_pipe(asking)
    elif form == "jsonl":
        _into_folder(asking, out)
    else:
        _into_file(asking, out, follow=follow)
    asking.broken.finish()


def _start(ledger: Ledger, since: str) -> int:
    """The index of the entry behind which it begins. Raises click.BadParameter."""
    if since.isascii() and since.isdigit() and len(since) <= _LONGEST_INDEX:
        return max(0, int(since) - 1)
    try:
        return last_before(ledger, read_moment(since, datetime.now().astimezone()))
    except BadTime as wrong:
        raise click.BadParameter(f"{wrong} A whole number is an entry.", param_hint="--since") from None


def _into_pipe(asking: _Asking) -> None:
    ledger, broken = asking.ledger, asking.broken
    part = Part(asking.start, asking.record(asking.start))
    if asking.form == "jsonl":
        show_lines(body for _, body, _ in bodies(ledger, broken.add, part))
    else:
        growing = FILES[asking.form]
        show_lines([growing.header] if growing.header else [])
        for block in lines(ledger, asking.form, part):
            broken.add_all(block.broken)
            sys.stdout.buffer.write(block.text)
        sys.stdout.buffer.flush()
    if not to_terminal():
        click.echo(f"jit: that was up to #{part.upto}; go on with --after {part.upto}", err=True)


def _into_folder(asking: _Asking, folder: Path) -> None:
    with RecordCopy(asking.ledger, folder) as copy:
        upto = asking.record(copy.after)
        with _progress(copy.after, upto) as tell:
            copied = copy.go_on(upto, asking.broken.add, tell, time.sleep)
    _say(copied.first, copied.last, folder)


def _into_file(asking: _Asking, path: Path, *, follow: bool) -> None:
    growing, broken = FILES[asking.form], asking.broken
    with GrowingFile(path, growing.begins) as file:
        start = max(asking.start, goes_on_after(asking.ledger, file, growing))
        upto = asking.record(start)
        if file.last is None and growing.header:
            file.write(growing.header)
        with _progress(start, upto) as tell:
            for block in lines(asking.ledger, asking.form, Part(start, upto)):
                broken.add_all(block.broken)
                file.write_lines(block.text)
                tell(block.upto)
        file.sync()
        _say(start + 1, upto, path)
        with suppress(KeyboardInterrupt):
            for found in coming(asking.ledger, upto, time.sleep, broken.warn) if follow else ():
                for entry in broken.without(found):
                    file.write(LINES[asking.form](say(entry)))
                file.sync()


def _say(first: int, last: int, where: Path) -> None:
    click.echo(f"Entry {last} is" if first == last else f"Entries {first} to {last} are", nl=False, err=True)
    click.echo(f" now in {where}.", err=True)


@contextmanager
def _progress(after: int, upto: int) -> Iterator[Tell]:
    """A progress bar on stderr, where that is a terminal."""
    columns = (TextColumn("Exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=upto - after)
        yield lambda index: progress.update(task, completed=index - after)
