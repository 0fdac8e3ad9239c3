"""`jit worker`, `jit timekeeper`: one process each, as many of them on as many hosts as wanted."""

import click

import workers.main
from jit.runtime import logs
from jit.runtime.settings import HandsSettings
from jit.runtime.supervisor import hold_lifeline


@click.command()
def worker() -> None:
    """The hands: grants and revokes in the targets."""
    workers.main.run_worker(_begin())


@click.command()
def timekeeper() -> None:
    """The alarm clock: ends what is due. Needs no Redis."""
    workers.main.run_timekeeper(_begin())


def _begin() -> HandsSettings:
    settings = HandsSettings()
    logs.set_up(settings.log_level)
    hold_lifeline()
    return settings
