"""`jit collect` and `jit ingest`: what people do in a target, out of its log into the record."""

import signal
import socket
import threading
from datetime import tzinfo
from pathlib import Path

import click
import structlog

from jit.cli.opening import existing_ledger
from jit.clock import SystemClock
from jit.detect.activity.collector import Collector
from jit.detect.activity.ingest import Ingested, ingest_file
from jit.detect.activity.looks import Looker
from jit.detect.activity.parsers import KINDS
from jit.detect.activity.parsers.parser import named_zone
from jit.detect.activity.recorder import Recorder
from jit.detect.activity.ties import Ties
from jit.ledger import LedgerUnavailable
from jit.runtime import logs
from jit.runtime.settings import Settings, process_name
from jit.runtime.supervisor import hold_lifeline

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
"""Seconds between looks at a file that has nothing new."""
SILENT = 5.0
"""Seconds until the record is tried again that did not answer."""
_FORMAT = click.option(
    "--format",
    "kind",
    type=click.Choice([*KINDS]),
    default="postgres-json",
    show_default=True,
    help="What its lines are.",
)
_LOG = click.option("--log", "name", help="What the record calls this log; by default its format and this host.")


def _zone(_: click.Context, __: click.Parameter, value: str | None) -> tzinfo | None:
    if value is None:
        return None
    if (zone := named_zone(value)) is None:
        raise click.BadParameter(f"there is no zone {value}. Write it like Europe/Berlin or UTC.")
    return zone


_ZONE = click.option("--zone", callback=_zone, help="Of the log's times, where they say none: Europe/Berlin.")


@click.command()
@click.argument("target")
@click.argument("pattern", type=click.Path(path_type=Path))
@_FORMAT
@_LOG
@_ZONE
@click.option("--once", is_flag=True, help="Read what there is, and end.")
def collect(target: str, pattern: Path, kind: str, name: str | None, zone: tzinfo | None, *, once: bool) -> None:
    """Follow the log of TARGET and record what is done there, until it is told to stop.

    PATTERN is the file, or all files that it is rotated into: '/var/log/postgresql/*.json'. Up to where it is read
    stands in the record, so this may be stopped and started at any time.
    """
    settings = Settings()
    recorder, looker = _parts(settings, target, kind, name, zone)
    logs.set_up(settings.log_level)
    hold_lifeline()
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    collector = Collector(pattern, looker, recorder, looker.clock)
    _follow(collector, told, once=once)


def _follow(collector: Collector, told: threading.Event, *, once: bool) -> None:
    pause = 0.0
    quiet = 0
    while not told.wait(pause):
        try:
            pause = 0.0 if collector.step() else LOOK_EVERY
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent))
            pause = SILENT
            collector.forget()
        quiet = quiet + 1 if pause else 0
        if once and quiet > 2:
            break
    collector.close()


@click.command()
@click.argument("target")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_FORMAT
@_LOG
@_ZONE
def ingest(target: str, file: Path, kind: str, name: str | None, zone: tzinfo | None) -> None:
    """Record what FILE, a log of TARGET, says was done there. The same file again records what is new in it."""
    recorder, looker = _parts(Settings(), target, kind, name, zone)
    done = ingest_file(file, looker, recorder)
    click.echo(_told(done, recorder.log))


def _told(done: Ingested, name: str) -> str:
    said = [f"{done.recorded} recorded" if done.recorded else "nothing new", f"log {name}"]
    said += [f"{done.nobodys} explained by no grant"] if done.nobodys else []
    said += [f"{number} lines passed over: {why}" for why, number in sorted(done.unread.items())]
    said += [f"summed: {', '.join(done.summed)}"] if done.summed else []
    return " · ".join(said)


def _parts(
    settings: Settings, target: str, kind: str, name: str | None, zone: tzinfo | None
) -> tuple[Recorder, Looker]:
    ledger = existing_ledger(settings)
    clock = SystemClock()
    name = name or f"{kind}@{socket.gethostname()}"
    ties = Ties(target)
    recorder = Recorder(ledger, target, name, process_name("collector"), ties)
    return recorder, Looker(name, KINDS[kind](target, zone), ties, clock)
