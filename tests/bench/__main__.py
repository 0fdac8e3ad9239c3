"""`python -m tests.bench [NAME …]`: measure all, or what is named. With `--write`, into docs/performance.md too."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from jit.runtime import logs
from tests.bench.activity import measure_activity
from tests.bench.appends import measure_appends
from tests.bench.chaos import Violation, measure_chaos
from tests.bench.commands import measure_commands, measure_first_commands
from tests.bench.conditions import measure_conditions
from tests.bench.endings import measure_endings
from tests.bench.export import measure_export
from tests.bench.grants import measure_grants
from tests.bench.holder import measure_holder
from tests.bench.homes import measure_homes
from tests.bench.hostile import measure_hostile
from tests.bench.idle import measure_idle
from tests.bench.lockdown import measure_lockdown
from tests.bench.memory import measure_memory
from tests.bench.page import write
from tests.bench.playground import measure_playground
from tests.bench.reconcile import measure_reconcile
from tests.bench.record import measure_record
from tests.bench.results import HEAD, Result, joined, machine
from tests.bench.rules import measure_rules
from tests.bench.search import measure_search
from tests.bench.views import measure_views


@dataclass(frozen=True, slots=True)
class Measurement:
    """``title`` heads its section of the page."""

    title: str
    measure: Callable[[argparse.Namespace], Sequence[Result]]


MEASUREMENTS = {
    "commands": Measurement("Slash command to acknowledgement", lambda _: measure_commands()),
    "starts": Measurement("The first command after a start of the bot", lambda _: measure_first_commands()),
    "grants": Measurement("Approve pressed to access usable in PostgreSQL", lambda _: measure_grants()),
    "endings": Measurement("Due to gone", lambda _: measure_endings()),
    "lockdown": Measurement("Locked down to gone", lambda _: measure_lockdown()),
    "homes": Measurement("A press to App Home drawn", lambda _: measure_homes()),
    "appends": Measurement("Appends to the ledger", lambda _: measure_appends()),
    "activity": Measurement("Session activity: read, recorded, judged, told", lambda _: measure_activity()),
    "views": Measurement("App Home, card and lists with 100,000 requests", lambda _: measure_views()),
    "conditions": Measurement("Conditions of rules", lambda _: measure_conditions()),
    "rules": Measurement("Rules: loaded, deciding, searched, changed", lambda _: measure_rules()),
    "record": Measurement("Proving and verifying the record", lambda _: measure_record()),
    "export": Measurement("Exporting the record", lambda _: measure_export()),
    "search": Measurement("Searching the record", lambda _: measure_search()),
    "idle": Measurement("While nothing happens", lambda _: measure_idle()),
    "memory": Measurement("Memory of each process", lambda _: measure_memory()),
    "playground": Measurement("The playground page", lambda _: measure_playground()),
    "reconcile": Measurement("A target compared with the ledger", lambda _: measure_reconcile()),
    "hostile": Measurement("Hostile payloads", lambda chosen: measure_hostile(chosen.seed, chosen.examples, print)),
    "holder": Measurement("A hostile holder", lambda chosen: measure_holder(chosen.seed, chosen.ends, print)),
    "chaos": Measurement("Random faults", lambda chosen: measure_chaos(chosen.seed, chosen.steps, print)),
}


def main() -> None:
    """Exits with 1 if a promise was broken; nothing slow ever fails."""
    chosen = _arguments()
    logs.set_up("CRITICAL")
    console = Console(highlight=False, soft_wrap=True)
    for name in chosen.names or MEASUREMENTS:
        measurement = MEASUREMENTS[name]
        where = machine()
        console.print(f"\n{measurement.title} …")
        try:
            found = joined([result for _ in range(chosen.runs) for result in measurement.measure(chosen)])
        except Violation as broken:
            sys.exit(f"A promise was broken: {broken}")
        console.print(_table(found))
        if chosen.write:
            write(measurement.title, found, f"`python -m tests.bench {name}` · {where}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(MEASUREMENTS)}; all if left out")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--runs", type=int, default=1, help="how often to measure each")
    parser.add_argument("--seed", type=int, default=1, help="of what is random")
    parser.add_argument("--steps", type=int, default=300, help="how many random steps")
    parser.add_argument("--ends", type=int, default=300, help="how many ends with a hostile holder")
    parser.add_argument("--examples", type=int, default=100_000, help="how many hostile payloads")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - MEASUREMENTS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def _table(results: Sequence[Result]) -> Table:
    table = Table(*HEAD, box=None)
    for result in results:
        table.add_row(*result.row())
    return table


if __name__ == "__main__":
    main()
