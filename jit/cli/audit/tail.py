"""`jit audit tail`: the last entries, and those that come."""

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

import click

from jit.cli.audit.showing import Broken, Rows, asked, called, show_lines
from jit.cli.opening import existing_ledger
from jit.cli.terminal import to_terminal
from jit.ledger import Entry, TamperedEntry
from jit.proof.audit.export import LINES
from jit.proof.audit.reading import Part, coming, read_entries, record_reading
from jit.proof.audit.search import known_names
from jit.proof.audit.told import tell
from jit.runtime.settings import Settings

Format = Literal["text", "jsonl", "ocsf"]


@click.command("tail")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("-n", "--lines", "count", type=click.IntRange(0), default=20, show_default=True, help="The last N.")
@click.option("--after", type=click.IntRange(0), help="All behind the entry with this index, instead of the last N.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "ocsf"]),
    help="text in a terminal, else jsonl, unless said.",
)
@click.pass_context
def tail(context: click.Context, follow: bool, count: int, after: int | None, form: Format | None) -> None:  # noqa: FBT001
    """Show the last entries, and with -f those that come.

    It is recorded that you read, once at the start. Exits with 4 if entries had to be passed over.
    """
    ledger = existing_ledger(Settings())
    last = ledger.last_index()
    first = max(0, last - count) if after is None else after
    if after is not None and after > last:
        raise click.UsageError(f"--after {after}: the last entry is #{last}.")
    recorded = record_reading(ledger, "tail", asked(context), first)
    form = form or ("text" if to_terminal() else "jsonl")
    rows = Rows(called(known_names(ledger.engine)))
    broken = Broken()

    def put(found: Iterable[Entry | TamperedEntry]) -> None:
        entries = broken.without(found)
        if form == "text":
            rows.put(entries)
        else:
            show_lines(LINES[form](tell(entry)) for entry in entries)

    shown = recorded.index if follow else last
    put(read_entries(ledger, Part(first, shown)))
    if follow:
        with suppress(KeyboardInterrupt):
            for found in coming(ledger, shown, time.sleep, broken.warn):
                put(found)
        return
    broken.finish()
