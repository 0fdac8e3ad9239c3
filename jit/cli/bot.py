"""`jit bot`: one process, as many of them on as many hosts as wanted."""

import jit.runtime.lean  # noqa: I001  before all others
import jit.runtime.lean_redis  # noqa: F401

import click

from bot.main import run
from jit.runtime import logs
from jit.runtime.settings import BotSettings
from jit.runtime.supervisor import hold_lifeline


@click.command("bot")
def bot() -> None:
    """Listens to Slack, and shows what the ledger says."""
    settings = BotSettings()
    logs.set_up(settings.log_level)
    hold_lifeline()
    run(settings)
