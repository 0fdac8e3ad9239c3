"""Grafana Cloud IRM: the API of OnCall for schedules, and the one of Incident, which is called by POST.

Kept to by what their references say:
- `on_call_now` has the ids of users, whose e-mails stand at `GET /api/v1/users/{id}/`.
- A service account's token needs the stack's address beside it, an API key of OnCall does not.
- People have other ids in Incident than in OnCall: in `people:` the first stand under `grafana_incident`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

from jit.people.answers import Because
from jit.people.binding import Named
from jit.people.providers.http import NotAnswered, Part
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

MOST_ON_CALL = 10
"""People of one schedule whose e-mails are asked for."""
_GET_INCIDENT = "/api/plugins/grafana-irm-app/resources/api/v1/IncidentsService.GetIncident"
_ID = r"[A-Z0-9]{4,30}"
_schedule_id = written_like(_ID, "must be the id of a schedule of Grafana OnCall, like SBM7DV7BKFUYU")
_label = written_like(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}", "must be the key of a label, like service")


class Schedule(ByToken, ScheduleForm):
    """``url`` is that of the API, as OnCall's settings show it; ``stack`` that of Grafana, for a service account."""

    schedule: Annotated[str, AfterValidator(_schedule_id)]
    url: Address
    stack: Address | None = None

    @property
    def account(self) -> str:
        return f"{self.url} {self.token}"

    def open(self, tools: Tools) -> ScheduleSource:
        return _Schedules(self, tools)


class Incidents(ByToken, IncidentsForm):
    """``label`` is the key of the label that says which service an incident is about; ``prefix`` what people write
    before an incident's number, beside `#`.
    """

    stack: Address
    label: Annotated[str, AfterValidator(_label)] = "service"
    prefix: Prefix | None = None

    @property
    def people_as(self) -> str:
        return "grafana_incident"

    @property
    def account(self) -> str:
        return f"{self.stack} {self.token}"

    def open(self, tools: Tools) -> IncidentSource:
        return _Incidents(self, tools)


class _OneSchedule(Part):
    id: str
    on_call_now: list[str]


class _OneUser(Part):
    id: str
    email: str


@dataclass(frozen=True, slots=True)
class _Schedules:
    form: Schedule
    tools: Tools

    async def on_call(self, at: datetime) -> Collection[Named]:  # noqa: ARG002  it knows of now alone
        """Raises NotAnswered."""
        headers = {"Authorization": self.tools.reveal(self.form.token)}
        if self.form.stack is not None:
            headers["X-Grafana-URL"] = self.form.stack
        place = f"{self.form.url}/api/v1/schedules/{self.form.schedule}/"
        found = (await self.tools.http.get(place, headers)).read(_OneSchedule)
        if found.id != self.form.schedule or not all(re.fullmatch(_ID, user) for user in found.on_call_now):
            raise NotAnswered(Because.UNREADABLE)
        users = set(found.on_call_now)
        if not self.form.by_email:
            return {Named(user) for user in users}
        if len(users) > MOST_ON_CALL:
            raise NotAnswered(Because.TOO_LONG)
        return {await self._with_email(user, headers) for user in users}

    async def _with_email(self, user: str, headers: dict[str, str]) -> Named:
        """Raises NotAnswered."""
        told = (await self.tools.http.get(f"{self.form.url}/api/v1/users/{user}/", headers)).read(_OneUser)
        if told.id != user:
            raise NotAnswered(Because.UNREADABLE)
        return Named(user, told.email)


class _Label(Part):
    key: str
    label: str


class _Person(Part):
    userID: str  # noqa: N815  Grafana's word


class _Assignment(Part):
    user: _Person


class _Membership(Part):
    assignments: list[_Assignment] | None = None


class _Incident(Part):
    incidentID: str  # noqa: N815  as above
    status: str
    severity: str = ""
    isDrill: bool = False  # noqa: N815  as above
    labels: list[_Label] | None = None
    incidentMembership: _Membership | None = None  # noqa: N815  as above


class _OneIncident(Part):
    incident: _Incident


@dataclass(frozen=True, slots=True)
class _Incidents:
    form: Incidents
    tools: Tools

    async def find(self, incident: str) -> Found | None:
        """Raises NotAnswered."""
        number = number_in(incident, self.form.prefix or "")
        if number is None:
            return None
        headers = {"Authorization": f"Bearer {self.tools.reveal(self.form.token)}"}
        try:
            answer = await self.tools.http.post(
                f"{self.form.stack}{_GET_INCIDENT}", headers, {"incidentID": str(number)}
            )
        except NotAnswered as not_answered:
            if not_answered.because is Because.NOT_THERE:
                return None
            raise
        found = answer.read(_OneIncident).incident
        if found.incidentID != str(number) or found.status not in ("active", "resolved"):
            raise NotAnswered(Because.UNREADABLE)
        members = (found.incidentMembership.assignments if found.incidentMembership else None) or []
        return Found(
            open=found.status == "active" and not found.isDrill,
            severity=self.form.severity_of(found.severity),
            service=self.form.service_of([each.label for each in found.labels or [] if each.key == self.form.label]),
            responders={Named(each.user.userID) for each in members if each.user.userID},
        )
