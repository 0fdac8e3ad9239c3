"""`jit audit`: its commands."""

import click

from jit.cli.commands import Commands

TABLE = {
    "verify": "jit.cli.audit.verify:verify",
    "prove": "jit.cli.audit.prove:prove",
    "search": "jit.cli.audit.search:search",
    "tail": "jit.cli.audit.tail:tail",
    "export": "jit.cli.audit.export:export",
    "mirror-check": "jit.cli.audit.mirror_check:mirror_check",
    "keygen": "jit.cli.audit.keygen:keygen",
    "tiles": "jit.cli.audit.tiles:tiles",
}


@click.group(cls=Commands, table=TABLE)
def audit() -> None:
    """The record: proven, searched, exported, compared with the audit channel."""
