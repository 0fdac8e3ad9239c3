"""PagerDuty's REST API, version 2: `GET /oncalls`, `GET /schedules/{id}` and `GET /incidents/{id}`.

A token needs to read only. Kept to by what its reference says:
- An on-call without `start` or `end` is a permanent one.
- One person is on call for a schedule at a time. Levels of an escalation may each have theirs.
- Without `earliest` one person is told once for each escalation policy.
- An incident is found by its id, and by its number too.
- A busy PagerDuty says in `ratelimit-reset` for how many seconds.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from jit.people.answers import Because
from jit.people.binding import Named
from jit.people.providers.http import MOST_PAGES, NotAnswered, Part
from jit.people.providers.provider import (
    ByToken,
    Found,
    IncidentsForm,
    IncidentSource,
    ScheduleForm,
    ScheduleSource,
    Tools,
    number_in,
)
from jit.people.providers.written import Address, Prefix, written_like

US = "https://api.pagerduty.com"
_PAGE = 100
_ID = r"[A-Z0-9]{4,20}"
_INCIDENT = re.compile(r"(?=.*[A-Z])[A-Z0-9]{4,20}")
_schedule_id = written_like(_ID, "must be the id of a schedule of PagerDuty, like PI7DH85")


class Schedule(ByToken, ScheduleForm):
    """``level`` is that of the escalation, where only those on it are meant; any is, where it is not said."""

    schedule: Annotated[str, AfterValidator(_schedule_id)]
    level: Annotated[int, Field(ge=1, le=20)] | None = None
    url: Address = US

    @property
    def account(self) -> str:
        return f"{self.url} {self.token}"

    def open(self, tools: Tools) -> ScheduleSource:
        return _OnCalls(self, tools)


class Incidents(ByToken, IncidentsForm):
    """``prefix`` is what people write before an incident's number, beside `#`; the number alone is understood, too."""

    prefix: Prefix | None = None
    url: Address = US

    @property
    def account(self) -> str:
        return f"{self.url} {self.token}"

    def is_service_id(self, text: str) -> bool:
        return re.fullmatch(_ID, text) is not None

    def open(self, tools: Tools) -> IncidentSource:
        return _Incidents(self, tools)


class _Reference(Part):
    id: str
    type: str = ""
    summary: str | None = None
    email: str | None = None

    @property
    def is_person(self) -> bool:
        return self.type in ("user", "user_reference")

    @property
    def named(self) -> Named:
        return Named(self.id, self.email or "")


class _OnCall(Part):
    user: _Reference
    schedule: _Reference | None
    escalation_level: int
    start: AwareDatetime | None
    end: AwareDatetime | None

    def holds(self, at: datetime) -> bool:
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


class _Page(Part):
    oncalls: list[_OnCall]
    more: bool


class _OneSchedule(Part):
    schedule: _Reference


@dataclass(frozen=True, slots=True)
class _OnCalls:
    form: Schedule
    tools: Tools

    async def on_call(self, at: datetime) -> Collection[Named]:
        """Raises NotAnswered."""
        headers = _headers(self.form.token, self.tools)
        found = [each for each in await self._pages(at, headers) if each.holds(at)]
        if any(each.schedule is None or each.schedule.id != self.form.schedule for each in found):
            raise NotAnswered(Because.UNREADABLE)
        if not found:  # an unknown schedule has nobody on call either
            place = f"{self.form.url}/schedules/{self.form.schedule}"
            (await self.tools.http.get(place, headers)).read(_OneSchedule)
        levels: dict[int, set[str]] = {}
        meant = [each for each in found if self.form.level in (None, each.escalation_level)]
        for each in meant:
            levels.setdefault(each.escalation_level, set()).add(each.user.id)
        if any(len(people) > 1 for people in levels.values()):
            raise NotAnswered(Because.SEVERAL)
        return {each.user.named for each in meant}

    async def _pages(self, at: datetime, headers: Mapping[str, str]) -> list[_OnCall]:
        """Raises NotAnswered."""
        found: list[_OnCall] = []
        for _ in range(MOST_PAGES):
            query: list[tuple[str, str | int]] = [
                ("schedule_ids[]", self.form.schedule),
                ("earliest", "true"),
                ("since", at.isoformat()),
                ("until", (at + timedelta(seconds=1)).isoformat()),
                ("limit", _PAGE),
                ("offset", len(found)),
            ]
            if self.form.by_email:
                query.append(("include[]", "users"))
            page = (await self.tools.http.get(f"{self.form.url}/oncalls", headers, query)).read(_Page)
            found += page.oncalls
            if not page.more:
                return found
            if not page.oncalls:
                raise NotAnswered(Because.UNREADABLE)
        raise NotAnswered(Because.TOO_LONG)


class _Assignment(Part):
    assignee: _Reference


class _Acknowledgement(Part):
    acknowledger: _Reference


class _Responder(Part):
    state: str
    user: _Reference


class _Incident(Part):
    id: str
    incident_number: int
    status: str
    service: _Reference
    priority: _Reference | None = None
    assignments: tuple[_Assignment, ...] = ()
    acknowledgements: tuple[_Acknowledgement, ...] = ()
    incidents_responders: tuple[_Responder, ...] = ()


class _OneIncident(Part):
    incident: _Incident


@dataclass(frozen=True, slots=True)
class _Incidents:
    form: Incidents
    tools: Tools

    async def find(self, incident: str) -> Found | None:
        """Raises NotAnswered."""
        number = number_in(incident, self.form.prefix or "")
        if number is None and _INCIDENT.fullmatch(incident) is None:
            return None
        place = f"{self.form.url}/incidents/{number or incident}"
        query = [("include[]", "assignees"), ("include[]", "acknowledgers")] if self.form.by_email else []
        try:
            answer = await self.tools.http.get(place, _headers(self.form.token, self.tools), query)
        except NotAnswered as not_answered:
            if not_answered.because is Because.NOT_THERE:
                return None
            raise
        found = answer.read(_OneIncident).incident
        if found.status not in ("triggered", "acknowledged", "resolved"):
            raise NotAnswered(Because.UNREADABLE)
        if (found.incident_number if number is not None else found.id) != (number or incident):
            raise NotAnswered(Because.UNREADABLE)
        return Found(
            open=found.status != "resolved",
            severity=self.form.severity_of(found.priority.summary if found.priority else None),
            service=self.form.service_of([found.service.id]),
            responders=_responders(found),
        )


def _responders(incident: _Incident) -> Collection[Named]:
    """Those it is assigned to, who acknowledged it, or who joined when they were asked to."""
    people = [each.assignee for each in incident.assignments]
    people += [each.acknowledger for each in incident.acknowledgements]
    people += [each.user for each in incident.incidents_responders if each.state == "joined"]
    by_id = {person.id: person.named for person in people if person.is_person and not person.email}
    by_id |= {person.id: person.named for person in people if person.is_person and person.email}
    return set(by_id.values())


def _headers(token: str, tools: Tools) -> dict[str, str]:
    """Raises NotAnswered."""
    return {
        "Authorization": f"Token token={tools.reveal(token)}",
        "Accept": "application/vnd.pagerduty+json;version=2",
    }
