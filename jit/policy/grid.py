"""Requests that there could be for an access, as far as the conditions of its rules can tell them apart.

1. What the conditions compare their words with is read out of them (`comparisons.py`).
2. Of each thing that is independent of the others (who asks, for how long, when, the incident, …) there are *cases*: at
   least one on either side of every comparison, and none that there cannot be.
3. Every combination of cases is a request to try the conditions on.

Only what is known is tried: a provider that is down is no case.
"""

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jit.policy.calendars import Calendar, known_zones
from jit.policy.comparisons import Compared, compared_in
from jit.policy.conditions import Condition
from jit.policy.expression import Use
from jit.policy.files.form import person_id
from jit.policy.incident_example import example_of
from jit.policy.incidents import LONGEST_INCIDENT
from jit.policy.inputs import IncidentInputs, Inputs
from jit.policy.model import Access, Rule
from jit.policy.policy import Policy

if TYPE_CHECKING:
    from jit.people.providers.provider import ProviderForm

LONGEST_REASON = 2000
"""Characters, as the form takes them."""
SEVERITIES = range(1, 6)
_MOST_OF_ONE = 2_000
"""Cases of one thing. Of more, not all are tried."""
_MOST_GROUPS = 8
"""Of which it is tried whether somebody is in each, or not."""
_STRIDE = 15_485_863
"""A prime, so that steps of it do not come back to where they were."""
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_WEEKS = (date(2026, 1, 5), date(2026, 3, 16), date(2026, 7, 6), date(2026, 10, 26))
"""Mondays: winter, summer, and weeks in which some countries have daylight saving and others not yet, or no longer."""
_YEARS = range(2026, 2038)
"""In so many a holiday comes to lie on every day of the week."""
_NOBODY = "U0NOBODY00"
Case = Mapping[str, Any]
"""Fields of `Inputs`."""
Kept = Mapping[str, Sequence[int]]
"""Cases by thing, where not all are wanted."""


@dataclass(frozen=True, slots=True)
class Grid:
    """``cases`` by thing. ``partial`` are things of which not every case is among them."""

    begin: Inputs
    cases: Mapping[str, Sequence[Case]]
    partial: frozenset[str]

    def things_of(self, condition: Condition | None) -> tuple[str, ...]:
        """On which a condition depends."""
        if condition is None:
            return ()
        return tuple(dict.fromkeys(thing for use in condition.uses if (thing := _thing(use)) in self.cases))

    def numbers(self, thing: str, kept: Kept) -> Sequence[int]:
        return kept.get(thing, range(len(self.cases[thing])))

    def size(self, things: Iterable[str], kept: Kept) -> int:
        return math.prod(len(self.numbers(thing, kept)) for thing in things)

    def points(self, things: Sequence[str], kept: Kept, most: int) -> Iterator[tuple[int, ...]]:
        """One case of each, by its number, of those that are ``kept``. Where there are more than ``most``, so many of
        them from all over.
        """
        numbers = [self.numbers(thing, kept) for thing in things]
        size = self.size(things, kept)
        if size <= most:
            yield from itertools.product(*numbers)
            return
        for number in range(most):
            rest, point = number * _STRIDE % size, []
            for each in numbers:
                rest, case = divmod(rest, len(each))
                point.append(each[case])
            yield tuple(point)

    def inputs(self, things: Sequence[str], point: Sequence[int]) -> Inputs:
        fields: dict[str, Any] = {}
        on_call: dict[str, bool] = {}
        for thing, number in zip(things, point, strict=True):
            case = self.cases[thing][number]
            on_call |= case.get("on_call", {})
            fields |= case
        return replace(self.begin, **(fields | {"on_call": on_call}))


def _thing(use: Use) -> str:
    """What a word is a part of; empty for what is the same in every request."""
    family, _, part = use.word.name.partition(".")
    if part == "on_call":
        return use.spelled
    if use.word.name in {"requester.id", "requester.groups"}:
        return "who"
    if family == "requester":
        return "incident" if part == "responder" else "zone"
    if family == "history":
        return part
    return "" if family == "access" else family


def grid_of(policy: Policy, access: Access, rules: Sequence[Rule], shortest: timedelta, longest: timedelta) -> Grid:
    """Of requests for between ``shortest`` and ``longest``, as ``rules`` read them. Of an extension it is the time that
    is added.
    """
    conditions = [rule.when for rule in rules if rule.when is not None]
    uses = list(dict.fromkeys(use for condition in conditions for use in condition.uses))
    compared = compared_in(dict.fromkeys(condition.text for condition in conditions))
    made = _Cases(policy, access, uses, compared)
    limits = [rule.automatic.max_duration for rule in rules if rule.automatic and rule.automatic.max_duration]
    cases: dict[str, list[Case]] = {}
    if limits or any(use.word.name == "duration" for use in uses):
        cases["duration"] = made.durations(shortest, longest, limits)
    by_thing: dict[str, Callable[[], list[Case]]] = {
        "who": made.who,
        "zone": made.zones,
        "incident": made.incidents,
        "reason": made.reasons,
        "now": made.moments,
        "grants": made.grants,
        "break_glass_open": lambda: [{"break_glass_open": each} for each in (False, True)],
    }
    for use in uses:
        thing = _thing(use)
        if use.word.name == "requester.on_call":
            cases[thing] = made.on_call(str(use.key))
        elif thing in by_thing and thing not in cases:
            cases[thing] = by_thing[thing]()
    partial = {_thing(use) for use in uses if use.word.name in compared.loose}
    partial |= {thing for thing, found in cases.items() if len(found) > _MOST_OF_ONE}
    begin = Inputs(
        requester=_NOBODY,
        groups=(),
        access=access.name,
        target=access.target,
        risk=access.risk,
        labels=dict(access.labels),
        duration=longest,
        reason="",
        now=datetime(2026, 1, 5, 12, tzinfo=UTC),
    )
    return Grid(begin, {thing: found[:_MOST_OF_ONE] for thing, found in cases.items()}, frozenset(partial))


@dataclass(frozen=True, slots=True)
class _Cases:
    policy: Policy
    access: Access
    uses: Sequence[Use]
    compared: Compared
    _names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", frozenset(use.word.name for use in self.uses))

    def durations(self, shortest: timedelta, longest: timedelta, limits: Iterable[timedelta]) -> list[Case]:
        edges = {shortest, longest}
        for each in (*self.compared.lengths("duration"), *limits):
            edges |= {each - _SECOND, each, each + _SECOND}
        return [{"duration": each} for each in sorted(edges) if shortest <= each <= longest]

    def who(self) -> list[Case]:
        """Those whom the policy names, and somebody whom it does not where whoever is told of may ask."""
        policy, access = self.policy, self.access
        outside = policy.only_told(access.request)
        ids = {*self.compared.texts("requester.id"), *_with_parts(self.compared, "requester.id", 11, "0")}
        groups = self.compared.texts("requester.groups")
        if "requester.groups" in self.compared.loose:
            groups = list(dict.fromkeys((*groups, *policy.groups)))[:_MOST_GROUPS]
        members = {name: policy.named((f"group:{name}",)) for name in groups}
        told = {name for name in groups if policy.only_told((f"group:{name}",))}
        named = policy.named(access.request)
        could: set[str] = set(named) | ({*ids, _NOBODY}.union(*members.values()) if outside else set())
        denied = policy.named(access.deny) | policy.shared
        could = {person for person in could if is_person(person) and person not in denied}
        found: dict[tuple[object, ...], Case] = {}
        for person in sorted(could) or [_NOBODY]:
            sure = frozenset(name for name in groups if person in members[name])
            for more in _subsets(sorted(told - sure)):
                within = tuple(sorted(sure | more))
                # of those whom no condition tells apart one is enough
                known = person if person in ids or "requester.id" in self.compared.loose else ""
                found.setdefault((known, within), {"requester": person, "groups": within})
        return list(found.values())

    def zones(self) -> list[Case]:
        texts, known = self.compared.texts("requester.zone"), known_zones()
        parts = [text for _, text in self.compared.parts["requester.zone"]]
        alike = [next((zone for zone in sorted(known) if part in zone), "") for part in parts]
        other = next(zone for zone in ("Etc/UTC", "Etc/GMT", "UTC", *sorted(known)) if zone not in texts)
        return [{"zone": zone} for zone in dict.fromkeys((*texts, *alike, other)) if zone in known]

    def on_call(self, schedule: str) -> list[Case]:
        form = self.policy.schedules.get(schedule)
        possible = form is None or is_bound(self.policy, self.access, form)
        return [{"on_call": {schedule: each}} for each in ((False, True) if possible else (False,))]

    def incidents(self) -> list[Case]:
        form = self.policy.incidents
        ids = self._incident_ids()
        none: list[IncidentInputs | None] = [] if self.access.incident else [None]
        if form is None:
            return [{"incident": each} for each in (*none, *map(IncidentInputs, ids))]
        responder = is_bound(self.policy, self.access, form)
        read: Callable[[str], bool] = self._names.__contains__
        known = [
            IncidentInputs(id_, known=True, open=is_open, severity=severity, service=service, responder=named)
            for id_ in ids
            for is_open in ((True, False) if read("incident.open") else (True,))
            for severity in (SEVERITIES if read("incident.severity") else (3,))
            for service in (self._services(form.may_be_service) if read("incident.service") else ("",))
            for named in ((True, False) if read("requester.responder") and responder else (False,))
        ]
        return [{"incident": each} for each in (*none, *(IncidentInputs(each, known=False) for each in ids), *known)]

    def _incident_ids(self) -> list[str]:
        if "incident.id" not in self._names:
            return ["INC-1"]
        made = {*self.compared.texts("incident.id"), *_with_parts(self.compared, "incident.id", 1, "1"), "INC-1"}
        made |= {self.access.example_incident, "OTHER-2"}
        fits = [
            each for each in sorted(made) if 0 < len(each) <= LONGEST_INCIDENT and self.access.accepts_incident(each)
        ]
        return fits or ["INC-1"]

    def _services(self, possible: Callable[[str], bool]) -> list[str]:
        texts = self.compared.texts("incident.service")
        made = _with_parts(self.compared, "incident.service", 1, "1")
        form = self.policy.incidents
        words = sorted(form.services)[:20] if form else []
        return [*dict.fromkeys(each for each in (*texts, *made, *words[:2], "") if not each or possible(each)), "~"]

    def reasons(self) -> list[Case]:
        sizes = {1, LONGEST_REASON}
        for size in self.compared.sizes["reason"]:
            sizes |= {size - 1, size, size + 1}
        sizes = {size for size in sizes if 1 <= size <= LONGEST_REASON}
        made = {*self.compared.texts("reason"), *_with_parts(self.compared, "reason", 1, " ")}
        longer = {text.ljust(size) for text in made for size in sizes if size > len(text)}
        texts = sorted({*made, *longer, *("x" * size for size in sizes)})
        return [{"reason": text} for text in texts if text.strip() and len(text) <= LONGEST_REASON]

    def grants(self) -> list[Case]:
        """By day, so that each number can be reached within the days that it is counted over."""
        edges = {0, 1}
        for number in self.compared.numbers("history.grants"):
            edges |= {number - 1, number, number + 1}
        counts = sorted(each for each in edges if each >= 0)
        days = sorted(use.key for use in self.uses if isinstance(use.key, int))
        found: list[Case] = []
        for totals in itertools.combinations_with_replacement(counts, len(days)):
            by_day = [0] * max(days)
            for place, (day, total) in enumerate(zip(days, totals, strict=True)):
                by_day[day - 1] += total - (totals[place - 1] if place else 0)
            found.append({"grants_by_day": tuple(by_day)})
        return found

    def moments(self) -> list[Case]:
        uses = tuple(use for use in self.uses if use.word.name.startswith("now."))
        hours = list(range(24)) if "now.hour" in self.compared.loose else self.compared.numbers("now.hour")
        found: dict[tuple[object, ...], Case] = {}
        for moment, *values in _read_moments(uses):
            found.setdefault(tuple(_told_apart(value, hours) for value in values), {"now": moment})
        return list(found.values())


def is_person(text: str) -> bool:
    """Whether this is written as a Slack id is."""
    try:
        person_id(text)
    except ValueError:
        return False
    return True


def is_bound(policy: Policy, access: Access, provider: "ProviderForm") -> bool:
    """Whether a provider may mean somebody who may ask for the access."""
    if provider.by_email:
        return True
    bound = {person for person, names in policy.people.items() if provider.people_as in names}
    if not policy.only_told(access.request):
        bound &= policy.named(access.request)
    return bool(bound - policy.named(access.deny))


def _subsets(names: Sequence[str]) -> Iterator[frozenset[str]]:
    for count in range(len(names) + 1):
        yield from map(frozenset, itertools.combinations(names, count))


def _with_parts(compared: Compared, word: str, least: int, filler: str) -> list[str]:
    """Texts that hold what is looked for: each alone, and all together."""
    parts: dict[str, list[str]] = {"startsWith": [], "contains": [], "matches": [], "endsWith": []}
    for method, text in sorted(compared.parts[word]):
        made = example_of(text.removeprefix("^").removesuffix("$")) if method == "matches" else text
        parts[method] += [made] if made else []
    middle = [*parts["contains"], *parts["matches"]]
    starts, ends = parts["startsWith"] or [""], parts["endsWith"] or [""]
    whole = {*itertools.chain(*parts.values()), *parts["matches"]}
    for start, end in itertools.product(starts[:5], ends[:5]):
        whole |= {start + each + end for each in ("", *middle, " ".join(middle))}
        whole.add((start + "".join(middle)).ljust(least - len(end), filler) + end)
    return sorted(each for each in whole if each)


def _told_apart(value: object, hours: Sequence[int]) -> object:
    """The same for all hours that lie between the same of ``hours``, with which they are compared."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return bisect_left(hours, value), bisect_right(hours, value)


@lru_cache(maxsize=200)
def _read_moments(uses: tuple[Use, ...]) -> tuple[tuple[object, ...], ...]:
    """Moments, each with what the words say then; of those alike the first."""
    calendars = [use.calendar for use in uses if use.calendar is not None]
    found: dict[tuple[object, ...], datetime] = {}
    for moment in _moments(calendars):
        try:
            values = tuple(use.word.read(_At(moment), use.calendar or use.key) for use in uses)  # type: ignore[arg-type]
        except LookupError:
            continue
        found.setdefault(values, moment)
    return tuple((moment, *values) for values, moment in found.items())


@dataclass(frozen=True, slots=True)
class _At:
    now: datetime


def _moments(calendars: Sequence[Calendar]) -> Iterator[datetime]:
    """Every quarter of an hour of some weeks, and of holidays on each day of the week; when work begins and ends."""
    days = [monday + timedelta(days=number) for monday in _WEEKS for number in range(7)]
    for day in (*days, *_holidays(calendars)):
        midnight = datetime.combine(day, time(), UTC)
        yield from (midnight + timedelta(minutes=15 * number) for number in range(-48, 144))  # in every zone
        for calendar in calendars:
            for edge in (calendar.begin, calendar.end):
                at = datetime.combine(day, edge, ZoneInfo(calendar.zone))
                yield from ((at + offset).astimezone(UTC) for offset in (-_MINUTE, timedelta(0)))


def _holidays(calendars: Collection[Calendar]) -> list[date]:
    """One for each day of the week and each of the calendars that have it."""
    found: dict[tuple[int, tuple[bool, ...]], date] = {}
    with_holidays = [calendar for calendar in calendars if calendar.country]
    if not with_holidays:
        return []
    for number in range((date(_YEARS.stop, 1, 1) - date(_YEARS.start, 1, 1)).days):
        day = date(_YEARS.start, 1, 1) + timedelta(days=number)
        kept = tuple(_is_holiday(calendar, day) for calendar in with_holidays)
        if any(kept):
            found.setdefault((day.weekday(), kept), day)
    return list(found.values())


def _is_holiday(calendar: Calendar, day: date) -> bool:
    try:
        return calendar.holiday(datetime.combine(day, time(12), ZoneInfo(calendar.zone)))
    except LookupError:
        return False
