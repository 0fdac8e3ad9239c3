"""What rules cost, in processor time: loaded, asked who decides, searched in the form, and compared with a change."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.forms import options
from jit.people.person import Groups
from jit.policy import Policy, load_policy
from jit.policy.choosing import choose
from jit.policy.diff import Asked, otherwise
from jit.policy.explain import Supposed, supposed_inputs
from jit.testing import ALICE, BOB, CAROL
from tests.bench.results import Aim, Result, one_run

FEW, MANY = 10, 10_000
REQUESTS = 10_000
ASKED = 2_000
IN_A_FILE = 2_000
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
HEAD = f"""
channels: {{audit: C0AUDIT01}}
security: [group:security]
groups:
  dba: [{BOB}, {CAROL}]
  security: [{CAROL}, U05SAM000]
  engineering: ["slack:S0ENGIN01"]
people: {{{ALICE}: {{postgres: alice}}}}
targets: {{db: {{kind: postgres, dsn: env:DB_ADMIN_DSN}}}}
schedules: {{primary: {{kind: icalendar, url: "file:primary.ics"}}}}
calendars: {{office: {{zone: Europe/Berlin, country: DE}}}}
access:
"""
ACCESS = """
  db/access-{number}:
    describe: Access number {number}
    grants: [role_{number}]
    max_duration: 8h
    channel: C0ACCESS1
    request: [group:engineering]
    approve:
      - when: requester.on_call("primary") && incident.open
        automatic: true
      - when: duration <= duration("1h") && now.business_hours("office")
        all_of: [{{from: [group:dba]}}]
      - different_people: true
        all_of: [{{from: [group:dba]}}, {{from: [group:security]}}]
"""


def measure_rules() -> Sequence[Result]:
    found: list[Result] = []
    for count in (FEW, MANY):
        policy, took = _loaded(count)
        found.append(one_run(f"{count:,} accesses loaded", "s", [took]))
        found.append(one_run(f"decided, of {count:,} accesses", "ms", _decided(policy), aim=Aim(p99=2)))
    found.append(one_run(f"a letter typed into the form, {MANY:,} accesses", "ms", _searched(policy), aim=Aim(p99=100)))
    found.append(one_run(f"policy diff over {REQUESTS:,} requests", "s", [_compared(policy)]))
    return found


def _loaded(count: int) -> tuple[Policy, float]:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        for first in range(0, count, IN_A_FILE):
            accesses = "".join(ACCESS.format(number=number) for number in range(first, min(first + IN_A_FILE, count)))
            head = HEAD if first == 0 else "access:\n"
            (Path(folder) / f"{first:06}.policy.yml").write_text(head + accesses)
        began = time.process_time()
        policy = load_policy(Path(folder))
        return policy, time.process_time() - began


def _groups() -> Groups:
    return Groups(NOW, {"S0ENGIN01": frozenset({ALICE, *(f"U1{number:07}" for number in range(2_000))})})


def _decided(policy: Policy) -> list[float]:
    """From what is known of the request to who decides, and what two approvals come to; milliseconds each."""
    groups, accesses = _groups(), list(policy.accesses.values())

    def decide(number: int) -> None:
        access = accesses[number % len(accesses)]
        supposed = Supposed(now=NOW, duration=timedelta(minutes=30 + number % 60))
        rule = choose(access, supposed_inputs(policy, access, ALICE, groups, supposed)).rule
        if rule is not None and policy.may_ask(access, ALICE, groups, NOW):
            policy.evaluate(rule, (BOB, CAROL), ALICE, groups, NOW)

    return [_milliseconds(lambda number=number: decide(number)) for number in range(ASKED)]  # type: ignore[misc]


def _searched(policy: Policy) -> list[float]:
    groups = _groups()
    return [
        _milliseconds(lambda query=query: options(policy.askable(ALICE, groups, NOW), {}, query))  # type: ignore[misc]
        for query in ("a", "access-77", "number 9", "nothing of it") * 10
    ]


def _compared(policy: Policy) -> float:
    changed = {
        name: replace(access, max_duration=timedelta(hours=4)) if name.endswith("7") else access
        for name, access in policy.accesses.items()
    }
    after, groups, names = replace(policy, version="1", accesses=changed), _groups(), list(policy.accesses)
    asked = [
        Asked(f"R-{number}", NOW, ALICE, names[number % len(names)], timedelta(hours=number % 8 + 1), "why", "INC-1")
        for number in range(REQUESTS)
    ]
    began = time.process_time()
    otherwise(policy, after, asked, groups)
    return time.process_time() - began


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000
