"""What the commands that read the record share: what was typed, how entries are shown, what was broken."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from itertools import chain, islice
from typing import Any, TypeVar

import click

from jit.cli.terminal import to_terminal
from jit.ledger import Entry, TamperedEntry
from jit.proof.audit.search import BadTime, read_moment
from jit.proof.audit.table import Layout, Names, as_json, names_from, row_of
from jit.proof.audit.told import tell

Told = TypeVar("Told")
EXIT_BROKEN = 4
"""The exit code where there were broken entries: as `jit audit verify` has it."""
MOST_NAMED = 20
"""Broken entries that are named; all are counted."""
FIRST_ROWS = 200
"""Rows that decide how wide the columns are."""


class Moment(click.ParamType[datetime]):
    """A moment, or how long ago it was. ``to_its_end``: a bare date stands for the last moment of that day."""

    name = "time"

    def __init__(self, *, to_its_end: bool = False) -> None:
        self._to_its_end = to_its_end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return read_moment(str(value), datetime.now().astimezone(), to_its_end=self._to_its_end)
        except BadTime as wrong:
            self.fail(str(wrong), param, ctx)


class Broken:
    """Entries that are not what was recorded: counted, and named on stderr."""

    def __init__(self) -> None:
        self.count = 0

    def without(self, found: Iterable[Told | TamperedEntry]) -> Iterator[Told]:
        for each in found:
            if isinstance(each, TamperedEntry):
                self.add(str(each))
            else:
                yield each

    def add_all(self, whys: Iterable[str]) -> None:
        for why in whys:
            self.add(why)

    def add(self, why: str) -> None:
        self.count += 1
        if self.count <= MOST_NAMED:
            click.echo(f"jit: {why}", err=True)

    def warn(self, what: str) -> None:
        click.echo(f"jit: {what}", err=True)

    def finish(self) -> None:
        """Exits with `EXIT_BROKEN` if there was any."""
        if not self.count:
            return
        if self.count > MOST_NAMED:
            click.echo(f"jit: and {self.count - MOST_NAMED} more", err=True)
        click.echo("jit: the record is not what was recorded; `jit audit verify` says more", err=True)
        sys.exit(EXIT_BROKEN)


def asked(context: click.Context, instead: Mapping[str, tuple[str, ...]] | None = None) -> str:
    """What was typed, with moments as they were understood, and for a parameter what stands ``instead`` of it."""
    words: list[str] = []
    for param in context.command.params:
        value = (instead or {}).get(param.name or "") or context.params.get(param.name or "")
        if value in (None, "", (), False):
            continue
        several = value if isinstance(value, tuple) else (value,)
        if isinstance(param, click.Argument):
            words += [str(each) for each in several]
        elif context.get_parameter_source(param.name or "") is not click.core.ParameterSource.DEFAULT:
            words += [param.opts[-1] if value is True else f"{param.opts[-1]} {_said(each)}" for each in several]
    return " ".join(words)


def _said(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value.value if isinstance(value, Enum) else value)


def called(known: Mapping[str, tuple[str, str]]) -> Names:
    """What people are called in a table, of the names and handles that are known of them."""
    return names_from({who: name for who, (name, _) in known.items()})


class Rows:
    """A table that is written while its rows come; the first rows decide how wide its columns are."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._layout: Layout | None = None

    def put(self, entries: Iterable[Entry]) -> int:
        """Returns how many there were."""
        rows = (row_of(entry, self._names) for entry in entries)
        first = list(islice(rows, FIRST_ROWS))
        if not first:
            return 0
        layout = self._layout = self._layout or Layout(first, shutil.get_terminal_size().columns)
        count = 0
        for row in chain(first, rows):
            click.echo(layout.line(row))
            count += 1
        return count


def show_lines(lines: Iterable[bytes]) -> None:
    """Lines written as they are, each with its newline, whatever the terminal's encoding."""
    out = sys.stdout.buffer
    for line in lines:
        out.write(line + b"\n")
    out.flush()


def show(entries: Iterable[Entry], names: Names) -> None:
    """A table in a terminal, JSON lines in a pipe."""
    if not to_terminal():
        show_lines(as_json(tell(entry)) for entry in entries)
    elif not Rows(names).put(entries):
        click.echo("Nothing fits.")
