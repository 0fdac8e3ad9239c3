"""`jit audit`: its commands."""

import click

from jit.cli.commands import Commands, Listed

TABLE = {
    "verify": Listed("jit.cli.audit.verify:verify", "How far the record can be relied on, and what is broken in it."),
    "prove": Listed(
        "jit.cli.audit.prove:prove", "Write the evidence for one request: NAME.json, and NAME.html to read and print."
    ),
    "search": Listed(
        "jit.cli.audit.search:search",
        "Find entries: all that fit what is given, and have the WORDS in what people wrote.",
    ),
    "tail": Listed("jit.cli.audit.tail:tail", "Show the last entries, and with -f those that come."),
    "export": Listed("jit.cli.audit.export:export", "Write the record out."),
    "mirror-check": Listed(
        "jit.cli.audit.mirror_check:mirror_check", "Compare the audit channel with the ledger, entry by entry."
    ),
    "keygen": Listed(
        "jit.cli.audit.keygen:keygen",
        "Make the key that signs the record, and print its public half; where there is one, only that.",
    ),
    "tiles": Listed(
        "jit.cli.audit.tiles:tiles", "Write the record into DIR as C2SP tlog-tiles, up to the newest signed checkpoint."
    ),
}


@click.group(cls=Commands, table=TABLE)
def audit() -> None:
    """The record: proven, searched, exported, compared with the audit channel."""
