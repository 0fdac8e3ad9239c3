"""`jit …`: reads the command, and says what is wrong in a sentence."""

import sys
from importlib import import_module

import click
from pydantic import ValidationError

from jit import logs
from jit.embedded import EmbeddedError
from jit.ledger import LedgerUnavailable
from jit.policy import PolicyError
from jit.settings import CannotStart

EXPECTED = (CannotStart, EmbeddedError, LedgerUnavailable, PolicyError)

COMMANDS = {
    "init": "jit.cli.init:init",
    "up": "jit.cli.up:up",
    "demo": "jit.cli.demo:demo",
    "bot": "jit.cli.face:bot",
    "worker": "jit.cli.hands:worker",
    "timekeeper": "jit.cli.hands:timekeeper",
    "doctor": "jit.cli.doctor:doctor",
    "policy": "jit.cli.policy:policy",
    "list": "jit.cli.requests:list_requests",
    "show": "jit.cli.requests:show",
    "revoke": "jit.cli.requests:revoke",
}
"""Each is imported only when it is asked for: a worker need not carry the bot along."""


class Commands(click.Group):
    """The commands by name, without importing what is not wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101  the table above is ours
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="jit")
def cli() -> None:
    """Access to production for just as long as it is needed."""
    logs.set_up("WARNING")


def run() -> None:
    """Run the command. Exits with 1 and a sentence where something is not as it must be."""
    try:
        cli()
    except ValidationError as wrong:
        sys.exit("\n".join(_setting(str(error["loc"][-1])) for error in wrong.errors(include_input=False)))
    except EXPECTED as wrong:
        sys.exit(f"jit: {wrong}")


def _setting(name: str) -> str:
    variable = name if name.isupper() else f"JIT_{name.upper()}"
    return f"jit: {variable} is missing or wrong. Set it in the environment; see docs/operations.md, *Settings*."
