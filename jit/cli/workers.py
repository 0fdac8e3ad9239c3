"""`jit worker`, `jit timekeeper`: one process each, as many of them on as many hosts as wanted."""

import jit.runtime.lean  # noqa: I001  before all others
import jit.runtime.lean_redis  # noqa: F401

import click

import workers.main
from jit.runtime import logs
from jit.runtime.settings import WorkerSettings
from jit.runtime.supervisor import hold_lifeline


@click.command()
def worker() -> None:
    """Grants and revokes in the targets."""
    workers.main.run_worker(_begin())


@click.command()
def timekeeper() -> None:
    """Ends what is due. Needs no Redis."""
    workers.main.run_timekeeper(_begin())


def _begin() -> WorkerSettings:
    settings = WorkerSettings()
    logs.set_up(settings.log_level)
    hold_lifeline()
    return settings
