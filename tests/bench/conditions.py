"""What conditions cost, in processor time: compiled with a policy, asked while deciding, and made to take as long as
they can.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psutil

from jit.policy.calendars import Calendar
from jit.policy.conditions import Condition, IncidentInputs, Inputs, compile_condition
from jit.policy.expression import MOST_MATCHES
from tests.bench.results import Aim, Result, one_run

MANY = 10_000
ASKED = 10_000
SCHEDULES = tuple(f"schedule-{number}" for number in range(100))
CALENDARS = {"office": Calendar("Europe/Berlin", country="DE", subdivision="BE")}
USUAL = (
    'requester.on_call("schedule-1") && incident.open && incident.severity <= 2',
    'duration <= duration("4h") && now.business_hours("office") && "dba" in requester.groups',
    'access.labels["team"] == "orders" && history.grants(7) < 3 && now.weekday("Europe/Berlin") != "sunday"',
)
PATTERNS = ("(.?){150}z", "((.?){13}){13}z", "(?i)(.{0,99}){0,2}z")
"""The longest that RE2 took for the size that a pattern may have."""
HOSTILE = {
    "the same list, compared again and again": "||".join(["requester.groups!=requester.groups"] * 27),
    "the same labels, compared again and again": "||".join(["access.labels!=access.labels"] * 33),
    "regular expressions that are as slow as they may be": "||".join(
        f'reason.matches("{PATTERNS[number % len(PATTERNS)]}")' for number in range(MOST_MATCHES)
    ),
}
INPUTS = Inputs(
    requester="U01ALICE0",
    groups=("dba", *(f"group-{number}" for number in range(500))),
    access="orders-db/read",
    target="orders-db",
    risk="medium",
    duration=timedelta(hours=1),
    reason="x y " * 500,
    now=datetime(2026, 11, 27, 9, tzinfo=UTC),
    labels={"team": "orders"} | {f"label-{number}": "v" * 100 for number in range(100)},
    incident=IncidentInputs("INC-42", known=True, open=True, severity=1, service="orders", responder=True),
    on_call={"schedule-1": True},
    grants_by_day=(0,) * 90,
    break_glass_open=False,
)


def measure_conditions() -> Sequence[Result]:
    before = psutil.Process().memory_info().rss
    began = time.process_time()
    kept = [_compiled(f"{USUAL[number % len(USUAL)]} && size(reason) > {number}") for number in range(MANY)]
    took = time.process_time() - began
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    usual = [_compiled(text) for text in USUAL]
    return [
        one_run(f"{len(kept):,} different conditions compiled", "s", [took], says=f"{grown:.0f} MB more"),
        one_run("asked", "ms", [_asked(usual[number % len(usual)]) for number in range(ASKED)], aim=Aim(p99=2)),
        *(_hostile(what, text) for what, text in HOSTILE.items()),
    ]


def _compiled(text: str) -> Condition:
    return compile_condition(text, schedules=SCHEDULES, calendars=CALENDARS, groups=INPUTS.groups)


def _asked(condition: Condition) -> float:
    """Milliseconds of processor time."""
    began = time.process_time()
    condition.holds(INPUTS)
    return (time.process_time() - began) * 1000


def _hostile(what: str, text: str) -> Result:
    condition = _compiled(text)
    return one_run(f"hostile: {what}", "ms", [_asked(condition) for _ in range(100)], aim=Aim(worst=30))
