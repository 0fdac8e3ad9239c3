"""`jit …`: reads the command, and says what is wrong in a sentence."""

import sys

import click
from pydantic import ValidationError

from jit.cli.commands import Commands
from jit.ledger import LedgerUnavailable
from jit.policy import PolicyError
from jit.runtime import logs
from jit.runtime.embedded import EmbeddedError
from jit.runtime.settings import CannotStart

EXPECTED = (CannotStart, EmbeddedError, LedgerUnavailable, PolicyError)

COMMANDS = {
    "init": "jit.cli.init:init",
    "up": "jit.cli.up:up",
    "bot": "jit.cli.bot:bot",
    "worker": "jit.cli.workers:worker",
    "timekeeper": "jit.cli.workers:timekeeper",
    "doctor": "jit.cli.doctor:doctor",
    "policy": "jit.cli.policy:policy",
    "list": "jit.cli.requests:list_requests",
    "show": "jit.cli.requests:show",
    "revoke": "jit.cli.requests:revoke",
    "audit": "jit.cli.audit.group:audit",
    "signer": "jit.cli.signer:signer",
    "witness": "jit.cli.signer:witness",
    "ledger": "jit.cli.ledger:ledger",
    "privacy": "jit.cli.privacy:privacy",
}


@click.group(
    cls=Commands,
    table=COMMANDS,
    more="jit.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
