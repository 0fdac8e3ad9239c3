"""incident.io's API, version 2: `GET /v2/schedule_entries`, `GET /v2/schedules/{id}` and `GET /v2/incidents/{id}`.

A key needs to read schedules and incidents. Kept to by what its reference says:
- `final` has who is on call after overrides. The next page is asked for with `after` as the window's start.
- An incident is found by its id, or by the number in its reference (`INC-123`).
- Severities have names of the company's own.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

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
)
from jit.people.providers.written import Address, written_like

HOME = "https://api.incident.io"
_ULID = r"[0-9A-HJKMNP-TV-Z]{26}"
_REFERENCE = re.compile(r"[A-Za-z]{1,10}-([1-9][0-9]{0,11})")
_OPEN = frozenset({"live", "active"})
_CLOSED = frozenset(
    {"triage", "declined", "merged", "canceled", "paused", "learning", "post-incident", "closed"}
)  # one in triage may turn out to be none
_ulid = written_like(_ULID, "must be an id of incident.io: 26 letters and digits")


class Schedule(ByToken, ScheduleForm):
    """A schedule of incident.io."""

    schedule: Annotated[str, AfterValidator(_ulid)]
    url: Address = HOME

    @property
    def account(self) -> str:
        return f"{self.url} {self.token}"

    def open(self, tools: Tools) -> ScheduleSource:
        return _Entries(self, tools)


class Incidents(ByToken, IncidentsForm):
    """``service_field`` is the id of the custom field that says which service an incident is about."""

    service_field: Annotated[str, AfterValidator(_ulid)] | None = None
    url: Address = HOME

    @property
    def account(self) -> str:
        return f"{self.url} {self.token}"

    def is_service_id(self, text: str) -> bool:
        return re.fullmatch(_ULID, text) is not None

    def open(self, tools: Tools) -> IncidentSource:
        return _Incidents(self, tools)


class _User(Part):
    id: str
    email: str | None = None

    @property
    def named(self) -> Named:
        return Named(self.id, self.email or "")


class _Entry(Part):
    start_at: AwareDatetime
    end_at: AwareDatetime
    user: _User | None = None


class _EntriesBySource(Part):
    final: list[_Entry]


class _After(Part):
    after: str | None = None


class _Page(Part):
    schedule_entries: _EntriesBySource
    pagination_meta: _After | None = None


class _HasId(Part):
    id: str


class _OneSchedule(Part):
    schedule: _HasId


@dataclass(frozen=True, slots=True)
class _Entries:
    form: Schedule
    tools: Tools

    async def on_call(self, at: datetime) -> Collection[Named]:
        """Raises NotAnswered."""
        headers = _headers(self.form.token, self.tools)
        entries = await self._pages(at, headers)
        found = {each.user.named for each in entries if each.user is not None and each.start_at <= at < each.end_at}
        if not found:  # so that one which is not there is told from one with nobody on it
            (await self.tools.http.get(f"{self.form.url}/v2/schedules/{self.form.schedule}", headers)).read(
                _OneSchedule
            )
        return found

    async def _pages(self, at: datetime, headers: dict[str, str]) -> list[_Entry]:
        """Raises NotAnswered."""
        found: list[_Entry] = []
        start, end = at.isoformat(), (at + timedelta(minutes=1)).isoformat()
        for _ in range(MOST_PAGES):
            query = [
                ("schedule_id", self.form.schedule),
                ("entry_window_start", start),
                ("entry_window_end", end),
            ]
            page = (await self.tools.http.get(f"{self.form.url}/v2/schedule_entries", headers, query)).read(_Page)
            found += page.schedule_entries.final
            if page.pagination_meta is None or not page.pagination_meta.after:
                return found
            start = page.pagination_meta.after
        raise NotAnswered(Because.TOO_LONG)


class _Status(Part):
    category: str


class _Severity(Part):
    name: str


class _Assignment(Part):
    assignee: _User | None = None


class _Value(Part):
    value_catalog_entry: _HasId | None = None
    value_option: _HasId | None = None

    @property
    def id(self) -> str | None:
        told = self.value_catalog_entry or self.value_option
        return told.id if told else None


class _Field(Part):
    custom_field: _HasId
    values: list[_Value]


class _Incident(Part):
    id: str
    reference: str
    mode: str
    incident_status: _Status
    severity: _Severity | None = None
    incident_role_assignments: tuple[_Assignment, ...] = ()
    custom_field_entries: tuple[_Field, ...] = ()


class _OneIncident(Part):
    incident: _Incident


@dataclass(frozen=True, slots=True)
class _Incidents:
    form: Incidents
    tools: Tools

    async def find(self, incident: str) -> Found | None:
        """Raises NotAnswered."""
        reference = _REFERENCE.fullmatch(incident)
        if reference is None and re.fullmatch(_ULID, incident) is None:
            return None
        place = f"{self.form.url}/v2/incidents/{reference[1] if reference else incident}"
        try:
            answer = await self.tools.http.get(place, _headers(self.form.token, self.tools))
        except NotAnswered as not_answered:
            if not_answered.because is Because.NOT_THERE:
                return None
            raise
        found = answer.read(_OneIncident).incident
        if reference and found.reference.casefold() != incident.casefold():
            return None  # the number is right, and what stands before it is not
        if not reference and found.id != incident:
            raise NotAnswered(Because.UNREADABLE)
        if found.incident_status.category not in _OPEN | _CLOSED:
            raise NotAnswered(Because.UNREADABLE)
        return Found(
            open=found.incident_status.category in _OPEN and found.mode == "standard",
            severity=self.form.severity_of(found.severity.name if found.severity else None),
            service=self.form.service_of(_services(found, self.form.service_field)),
            responders={each.assignee.named for each in found.incident_role_assignments if each.assignee},
        )


def _services(incident: _Incident, field: str | None) -> list[str]:
    entries = [each for each in incident.custom_field_entries if each.custom_field.id == field]
    return [value.id for entry in entries for value in entry.values if value.id]


def _headers(token: str, tools: Tools) -> dict[str, str]:
    """Raises NotAnswered."""
    return {"Authorization": f"Bearer {tools.reveal(token)}"}
