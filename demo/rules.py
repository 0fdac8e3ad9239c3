"""The rules of the demo: the sample rules, a few short accesses, and a hundred reports for the load."""

import shutil
from pathlib import Path

from jit.policy.files.load import policy_files

STAGE_RULES = Path(__file__).with_name("stage.policy.yml")
ON_CALL = Path(__file__).with_name("orders-primary.ics")
"""Alice is on call, all the time."""
REPORTS = 100
ENGINEERS = tuple(f"U1CROWD{number:02}" for number in range(1, 11))
CHANNELS = tuple(f"C1CROWD{number:02}" for number in range(1, 5))
"""Slack takes one message a second in a channel: in one, the cards of all would take a quarter of an hour."""


def lay_out(folder: Path, samples: Path) -> Path:
    """Put all rules into a new folder in ``folder``, and say where."""
    rules = folder / "policies"
    rules.mkdir()
    for file in (*policy_files(samples), STAGE_RULES, ON_CALL):
        shutil.copy(file, rules)
    sample = rules / "orders.policy.yml"
    bound = sample.read_text(encoding="utf-8").replace("{postgres: alice}", "{postgres: alice, icalendar: alice}")
    sample.write_text(bound, encoding="utf-8")
    (rules / "reports.policy.yml").write_text(_reports(), encoding="utf-8")
    return rules


def report(number: int) -> str:
    """The name of one of the load's accesses; ``number`` counts from 0."""
    return f"orders-db/report-{number:03}"


def login(number: int) -> str:
    """The login in the database of the load's n-th engineer, from 0."""
    return f"analyst_{number + 1:02}"


def _reports() -> str:
    people = "\n".join(f"  {person}: {{postgres: {login(number)}}}" for number, person in enumerate(ENGINEERS))
    accesses = "\n".join(_report(number) for number in range(REPORTS))
    return f"groups:\n  analysts: [{', '.join(ENGINEERS)}]\npeople:\n{people}\naccess:\n{accesses}\n"


def _report(number: int) -> str:
    return (
        f"  {report(number)}:\n"
        f"    describe: Run report {number}\n"
        "    risk: low\n"
        "    grants: [orders_read]\n"
        "    max_duration: 1h\n"
        f"    channel: {CHANNELS[number * len(CHANNELS) // REPORTS]}\n"
        "    request: [group:analysts]\n"
        "    approve:\n"
        "      - all_of: [{from: [group:dba]}]"
    )
