"""The words that a condition may read, each declared once: for the check of a policy, for decisions, for people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args
from zoneinfo import ZoneInfo

from jit.policy.calendars import WEEKDAYS
from jit.policy.inputs import Inputs
from jit.policy.risk import Risk

MOST_DAYS = 90
"""As far as a condition can look back."""


class Kind(StrEnum):
    """The type of a word, as CEL writes it."""

    YES_NO = "bool"
    TEXT = "string"
    NUMBER = "int"
    DURATION = "duration"
    TEXTS = "list(string)"
    LABELS = "map(string, string)"


class Argument(StrEnum):
    """What stands in a word's parentheses: as it is, so that it can be checked when a policy is loaded."""

    SCHEDULE = "the name of a schedule"
    CALENDAR = "the name of a calendar"
    ZONE = "a time zone"
    DAYS = "a number of days"


_EXAMPLES = {
    Argument.SCHEDULE: '"orders-primary"',
    Argument.CALENDAR: '"office"',
    Argument.ZONE: '"Europe/Berlin"',
    Argument.DAYS: "7",
}


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a condition can read.

    ``read`` finds it in the inputs; its second argument is what stands in the parentheses (for a calendar the calendar
    itself), None where there are none. It answers None, or raises, if that is not known. ``one_of`` are all the texts
    that it can be.
    """

    name: str
    kind: Kind
    about: str
    example: str
    read: Callable[[Inputs, Any], object]
    argument: Argument | None = None
    one_of: tuple[str, ...] = ()

    @property
    def spelled(self) -> str:
        """As it is written, with an example of what stands in parentheses."""
        return self.name if self.argument is None else self.called(_EXAMPLES[self.argument])

    def called(self, argument: object) -> str:
        return f"{self.name}({argument})"


def _local(inputs: Inputs, zone: str) -> datetime:
    return inputs.now.astimezone(ZoneInfo(zone))


def _incident_known(inputs: Inputs, _: None) -> bool | None:
    return inputs.incident is not None and inputs.incident.known


def _of_incident(part: str, otherwise: object) -> Callable[[Inputs, None], object]:
    """A part of the incident, or what it is where there is no incident, or none that the provider knows."""

    def read(inputs: Inputs, _: None) -> object:
        known = _incident_known(inputs, None)
        return otherwise if known is False else getattr(inputs.incident, part) if known else None

    return read


def _grants(inputs: Inputs, days: int) -> int | None:
    counted = inputs.grants_by_day
    return None if counted is None or len(counted) < days else sum(counted[:days])


_ALL = (
    Word(
        "requester.id",
        Kind.TEXT,
        "The Slack id of whoever asks",
        'requester.id == "U01ALICE0"',
        lambda inputs, _: inputs.requester,
    ),
    Word(
        "requester.groups",
        Kind.TEXTS,
        "The groups of the policy that they are in",
        '"dba" in requester.groups',
        lambda inputs, _: list(inputs.groups),
    ),
    Word(
        "requester.zone",
        Kind.TEXT,
        "Their time zone, as their Slack profile says, which they can change",
        'requester.zone == "Europe/Berlin"',
        lambda inputs, _: inputs.zone,
    ),
    Word(
        "requester.on_call",
        Kind.YES_NO,
        "Whether they are on call now, by a schedule of the policy",
        'requester.on_call("orders-primary") && incident.open',
        lambda inputs, schedule: inputs.on_call.get(schedule),
        argument=Argument.SCHEDULE,
    ),
    Word(
        "requester.responder",
        Kind.YES_NO,
        "Whether they are named on the incident",
        "requester.responder && incident.open",
        _of_incident("responder", otherwise=False),
    ),
    Word(
        "access.name",
        Kind.TEXT,
        "What is asked for",
        'access.name.startsWith("orders-db/")',
        lambda inputs, _: inputs.access,
    ),
    Word(
        "access.risk",
        Kind.TEXT,
        "Its risk: low, medium, high or critical",
        'access.risk != "critical"',
        lambda inputs, _: inputs.risk,
        one_of=get_args(Risk),
    ),
    Word(
        "access.target",
        Kind.TEXT,
        "The target that it is on",
        'access.target == "orders-db"',
        lambda inputs, _: inputs.target,
    ),
    Word(
        "access.labels",
        Kind.LABELS,
        "Its labels in the policy; one that it does not have is not known",
        'access.labels["team"] == "orders"',
        lambda inputs, _: dict(inputs.labels),
    ),
    Word(
        "duration",
        Kind.DURATION,
        "For how long it is asked for",
        'duration <= duration("4h")',
        lambda inputs, _: inputs.duration,
    ),
    Word("reason", Kind.TEXT, "What they wrote", "size(reason) >= 20", lambda inputs, _: inputs.reason),
    Word(
        "incident.id",
        Kind.TEXT,
        "The incident that they named, empty if none",
        'incident.id.startsWith("INC-")',
        lambda inputs, _: inputs.incident.id if inputs.incident else "",
    ),
    Word(
        "incident.given",
        Kind.YES_NO,
        "Whether they named an incident",
        '!incident.given && access.risk == "low"',
        lambda inputs, _: inputs.incident is not None,
    ),
    Word(
        "incident.known",
        Kind.YES_NO,
        "Whether the provider knows that incident",
        "incident.known && !incident.open",
        _incident_known,
    ),
    Word(
        "incident.open",
        Kind.YES_NO,
        "Whether the provider says that it is open",
        "incident.open && incident.severity <= 2",
        _of_incident("open", otherwise=False),
    ),
    Word(
        "incident.severity",
        Kind.NUMBER,
        "1 (the worst) to 5; without an incident there is none, which is not known",
        "incident.open && incident.severity <= 2",
        _of_incident("severity", otherwise=None),
    ),
    Word(
        "incident.service",
        Kind.TEXT,
        "The service that it is about, as the provider calls it; empty without an incident",
        'incident.open && incident.service == "orders"',
        _of_incident("service", otherwise=""),
    ),
    Word(
        "now.hour",
        Kind.NUMBER,
        "The hour there, 0 to 23",
        'now.hour("Europe/Berlin") >= 22',
        lambda inputs, zone: _local(inputs, zone).hour,
        argument=Argument.ZONE,
    ),
    Word(
        "now.weekday",
        Kind.TEXT,
        "The day of the week there, monday to sunday",
        'now.weekday("Europe/Berlin") in ["saturday", "sunday"]',
        lambda inputs, zone: WEEKDAYS[_local(inputs, zone).weekday()],
        argument=Argument.ZONE,
        one_of=WEEKDAYS,
    ),
    Word(
        "now.business_hours",
        Kind.YES_NO,
        "Whether a calendar of the policy says that people are at work; never on a holiday",
        '!now.business_hours("office")',
        lambda inputs, calendar: calendar.business_hours(inputs.now),
        argument=Argument.CALENDAR,
    ),
    Word(
        "now.holiday",
        Kind.YES_NO,
        "Whether today is a public holiday, by a calendar of the policy",
        'now.holiday("office")',
        lambda inputs, calendar: calendar.holiday(inputs.now),
        argument=Argument.CALENDAR,
    ),
    Word(
        "history.grants",
        Kind.NUMBER,
        f"How often they were given this access in so many days of 24 hours up to now, 1 to {MOST_DAYS}",
        "history.grants(7) < 3",
        _grants,
        argument=Argument.DAYS,
    ),
    Word(
        "history.break_glass_open",
        Kind.YES_NO,
        "Whether a break-glass of theirs is not reviewed yet",
        "!history.break_glass_open",
        lambda inputs, _: inputs.break_glass_open,
    ),
)
WORDS = {word.name: word for word in _ALL}
