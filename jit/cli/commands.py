"""A group of commands, each imported only when it is asked for: a worker need not carry the bot along, and help needs
none of them.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Listed(NamedTuple):
    """A command as a group lists it: ``place`` is its `module:name`, ``says`` the first sentence of its own help."""

    place: str
    says: str


class Commands(click.Group):
    """``table`` lists the commands by name. Entry points of the group ``more`` add to it, and replace nothing; what
    they name is imported when help is asked for, so it lies in a module that imports little.
    """

    def __init__(self, *args: Any, table: Mapping[str, Listed], more: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table
        self._more = more

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return [*self._table, *self._added()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        try:
            return self._imported(cmd_name)
        except KeyboardInterrupt:  # importing takes a moment, in which somebody may think better of it
            raise SystemExit(130) from None

    def _imported(self, name: str) -> click.Command | None:
        if name in self._table:
            module, _, attribute = self._table[name].place.partition(":")
            command = getattr(import_module(module), attribute)
        elif name in (added := self._added()):
            command = added[name].load()
        else:
            return None
        assert isinstance(command, click.Command)  # noqa: S101  the table is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, listed.says) for name, listed in self._table.items()]
        for name in self._added():
            command = self.get_command(ctx, name)
            assert command is not None  # noqa: S101  it was found a moment ago
            rows.append((name, first_sentence(command)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _added(self) -> "dict[str, EntryPoint]":
        """Looked up only where the table does not do: it takes longer than everything else here."""
        if not self._more:
            return {}
        from importlib.metadata import entry_points  # noqa: PLC0415

        return {point.name: point for point in entry_points(group=self._more) if point.name not in self._table}


def first_sentence(command: click.Command) -> str:
    """The first sentence of a command's help, as click finds it."""
    return command.get_short_help_str(limit=1000)
