"""`jit …`: reads the command, and says what is wrong in a sentence.

Nothing is imported here that one of the commands alone needs: a person waits for it at each of them.
"""

import sys

import click

from jit.cli.commands import Commands, Listed
from jit.errors import Expected

COMMANDS = {
    "init": Listed(
        "jit.cli.init:init",
        "Prepare FOLDER, by default ./production, for a real workspace and a first PostgreSQL database.",
    ),
    "up": Listed("jit.cli.up:up", "Everything in one process tree, against a real workspace."),
    "bot": Listed("jit.cli.bot:bot", "Listens to Slack, and shows what the ledger says."),
    "worker": Listed("jit.cli.workers:worker", "Grants and revokes in the targets."),
    "timekeeper": Listed("jit.cli.workers:timekeeper", "Ends what is due."),
    "doctor": Listed("jit.cli.doctor:doctor", "Whether everything is as it must be, and what to mend."),
    "policy": Listed("jit.cli.policy:policy", "Check and explain the rules."),
    "list": Listed("jit.cli.list:list_requests", "Requests, newest first."),
    "who": Listed("jit.cli.who:who", "Who holds access now, or held it at a moment."),
    "show": Listed("jit.cli.show:show", "Every entry of the ledger about one request."),
    "revoke": Listed("jit.cli.revoke:revoke", "End an access now."),
    "lockdown": Listed("jit.cli.lockdown:lockdown", "Stop access now, or show what is stopped."),
    "reconcile": Listed("jit.cli.reconcile:reconcile", "Compare what targets hold with what the record says."),
    "collect": Listed(
        "jit.cli.activity:collect", "Follow the log of TARGET and record what is done there, until it is told to stop."
    ),
    "ingest": Listed("jit.cli.activity:ingest", "Record what FILE, a log of TARGET, says was done there."),
    "api": Listed("jit.cli.api:api", "Takes what sources say was done in targets, by HTTP: POST /v1/activity."),
    "people": Listed("jit.cli.people:people", "Who somebody is."),
    "audit": Listed(
        "jit.cli.audit.group:audit", "The record: proven, searched, exported, compared with the audit channel."
    ),
    "signer": Listed("jit.cli.signer:signer", "Signs the record."),
    "witness": Listed("jit.cli.signer:witness", "Cosigns checkpoints that are consistent with what it saw before."),
    "ledger": Listed("jit.cli.ledger:ledger", "The ledger's database."),
    "privacy": Listed("jit.cli.privacy:privacy", "People forgotten, with the record left as it is."),
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
    if "structlog" in sys.modules:  # click has imported the command: one that imports nothing that logs says nothing
        from jit.runtime import logs  # noqa: PLC0415  as above

        logs.set_up("WARNING")


def run() -> None:
    """Run the command. Exits with 1 and a sentence where something is not as it must be."""
    try:
        cli()
    except Expected as wrong:
        sys.exit(f"jit: {wrong}")
    except ValueError as wrong:
        from pydantic import ValidationError  # noqa: PLC0415  a command that raises it has imported it

        if not isinstance(wrong, ValidationError):
            raise
        names = [str(error["loc"][-1]) for error in wrong.errors(include_input=False)]
        variables = [name if name.isupper() else f"JIT_{name.upper()}" for name in names]
        says = "is missing or wrong. Set it in the environment; see docs/operations.md, *Settings*."
        sys.exit("\n".join(f"jit: {variable} {says}" for variable in variables))
