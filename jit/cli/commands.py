"""A group of commands, each imported only when it is asked for: a worker need not carry the bot along."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import click


class Commands(click.Group):
    """``table`` has for each name the module and the command in it: `jit.cli.up:up`. Entry points of the group ``more``
    add to it, and replace nothing.
    """

    def __init__(self, *args: Any, table: Mapping[str, str], more: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = {point.name: point.value for point in entry_points(group=more)} | dict(table)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101  the table is ours
        return command
