"""`jit bot`: one process, as many of them on as many hosts as wanted."""

import click

from bot.main import run
from jit import logs
from jit.cli.supervisor import hold_lifeline
from jit.settings import BotSettings


@click.command("bot")
def bot() -> None:
    """The face: listens to Slack, shows what the ledger says."""
    settings = BotSettings()
    logs.set_up(settings.log_level)
    hold_lifeline()
    run(settings)
