"""Providers of schedules and incidents as their public references say that they answer, and jit asking them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from jit.errors import Expected
from jit.people.binding import Bindings
from jit.people.incidents import finder
from jit.people.incidents.finder import IncidentFinder
from jit.people.incidents.settings import incidents_form
from jit.people.on_call import NOTHING_KNOWN, OnCallSnapshot
from jit.people.on_call.poller import OnCallPoller, Rules
from jit.people.on_call.settings import schedule_form
from jit.people.providers.asking import Asking
from jit.testing import ALICE, BOB, CAROL, T0, ManualClock
from tests.world.answering import AnsweringServer, Asked, Reply

TOKEN = "t0ken-that-nobody-may-read"
SCHEDULE = "orders-primary"
KINDS = ("pagerduty", "incident_io", "grafana_irm")
IDS = {
    "pagerduty": "PI7DH85",
    "incident_io": "01G0J1EXE7AXZ2C93K61WBPYEH",
    "grafana_irm": "SBM7DV7BKFUYU",
}
PEOPLE = {
    "pagerduty": {ALICE: "PT23IWX", BOB: "PXPGF42"},
    "incident_io": {ALICE: "01FCNDV6P870EA6S7TK1DSYDG0", BOB: "01FCNDV6P870EA6S7TK1DSYDG1"},
    "grafana_irm": {ALICE: "U4DNY931HHJS5", BOB: "U7S8H84ARFTGN"},
    "grafana_incident": {ALICE: "grafana-incident:user-1", BOB: "grafana-incident:user-2"},
}
EMAILS = {ALICE: "alice@example.com", BOB: "bob@example.com", CAROL: "carol@example.com"}
NOBODYS = {
    "pagerduty": "P00NOBODY",
    "incident_io": "01FCNDV6P870EA6S7TK1DSYDG9",
    "grafana_irm": "U00NOBODY",
    "grafana_incident": "grafana-incident:user-9",
}
ASKED_AT = {
    "pagerduty": "/oncalls",
    "incident_io": "/v2/schedule_entries",
    "grafana_irm": f"/api/v1/schedules/{IDS['grafana_irm']}/",
}
INCIDENT_AT = {
    "pagerduty": "/incidents/42",
    "incident_io": "/v2/incidents/42",
    "grafana_irm": "/api/plugins/grafana-irm-app/resources/api/v1/IncidentsService.GetIncident",
}


class Missing(Expected):
    """As what is raised for a secret that is not there."""


def secret(reference: str) -> SecretStr:
    if reference == "env:TOKEN":
        return SecretStr(TOKEN)
    raise Missing("it is not set")


def bindings(**more: Mapping[str, str]) -> Bindings:
    people: dict[str, dict[str, str]] = {}
    for kind, known in {**PEOPLE, **more}.items():
        for person, name in known.items():
            people.setdefault(person, {})[kind] = name
    return Bindings(people, EMAILS)


def schedule(kind: str, url: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "schedule": IDS[kind], "token": "env:TOKEN", "url": url, **more}


def incidents(kind: str, url: str, **more: Any) -> dict[str, Any]:
    where = {"grafana_irm": {"stack": url, "prefix": "INC-"}, "pagerduty": {"url": url, "prefix": "INC-"}}
    return {"kind": kind, "token": "env:TOKEN", **where.get(kind, {"url": url}), **more}


class Watching:
    """A poller, with the rules and the clock in the test's hand."""

    def __init__(
        self,
        asking: Asking,
        folder: Path,
        schedules: Mapping[str, Mapping[str, Any]],
        begin_with: OnCallSnapshot = NOTHING_KNOWN,
    ) -> None:
        self.clock = ManualClock()
        self.bindings = bindings()
        self.schedules = {name: schedule_form(given) for name, given in schedules.items()}
        self.kept: list[OnCallSnapshot] = []
        self.poller = OnCallPoller(
            lambda: Rules(self.schedules, self.bindings),
            secret,
            self.clock,
            folder=folder,
            asking=asking,
            keep=self.kept.append,
            press_within=20.0,
            begin_with=begin_with,
        )

    def who(self, name: str = SCHEDULE) -> Any:
        return self.poller.who(name, self.clock.now())


class Finding:
    """A finder, likewise."""

    def __init__(self, asking: Asking, folder: Path, given: Mapping[str, Any]) -> None:
        self.clock = ManualClock()
        self.bindings = bindings()
        self.form = incidents_form(given)
        self.finder = IncidentFinder(
            lambda: finder.Rules(self.form, self.bindings),
            secret,
            self.clock,
            folder=folder,
            asking=asking,
            press_within=20.0,
        )

    def find(self, incident: str = "INC-42") -> Any:
        return self.finder.find(incident)


@contextmanager
def asking() -> Iterator[Asking]:
    made = Asking()
    try:
        yield made
    finally:
        made.close()


def user(kind: str, id_: str, email: str) -> dict[str, Any]:
    if kind == "pagerduty":
        return {"id": id_, "type": "user_reference", "summary": "Somebody", "self": None, "email": email}
    return {"id": id_, "name": "Somebody", "role": "viewer", "email": email, "slack_user_id": "U0LIES000"}


def entry(kind: str, id_: str, start: datetime, end: datetime, email: str = "", **more: Any) -> Any:
    """One shift, as the provider tells it."""
    if kind == "pagerduty":
        return {
            "user": user(kind, id_, email),
            "schedule": {"id": IDS[kind], "type": "schedule_reference", "summary": "Orders"},
            "escalation_policy": {"id": "PT20YPA", "type": "escalation_policy_reference", "summary": "Orders"},
            "escalation_level": 1,
            "start": start.isoformat(),
            "end": end.isoformat(),
            **more,
        }
    if kind == "incident_io":
        told = {"start_at": start.isoformat(), "end_at": end.isoformat(), "user": user(kind, id_, email)}
        return {"entry_id": "E1", "fingerprint": "F1", **told, **more}
    return id_


def now(kind: str, *ids: str) -> list[Any]:
    """Each on a level of the escalation of their own, where there are levels."""
    levels = {id_: {"escalation_level": level} for level, id_ in enumerate(dict.fromkeys(ids), 1)}
    shift = T0 - timedelta(hours=1), T0 + timedelta(hours=8)
    return [entry(kind, id_, *shift, **(levels[id_] if kind == "pagerduty" else {})) for id_ in ids]


def page(kind: str, entries: list[Any], **more: Any) -> dict[str, Any]:
    """One whole answer to who is on call."""
    if kind == "pagerduty":
        return {"oncalls": entries, "limit": 100, "offset": 0, "more": False, "total": None, **more}
    if kind == "incident_io":
        return {"schedule_entries": {"final": entries, "overrides": [], "scheduled": []}, **more}
    return {"id": IDS[kind], "name": "Orders", "type": "calendar", "on_call_now": entries, "slack": None, **more}


def puts_on_call(server: AnsweringServer, kind: str, *ids: str) -> None:
    server.answers[ASKED_AT[kind]] = Reply(page(kind, now(kind, *ids)))
    server.answers[f"/schedules/{IDS['pagerduty']}"] = Reply({"schedule": {"id": IDS["pagerduty"], "name": "Orders"}})
    server.answers[f"/v2/schedules/{IDS['incident_io']}"] = Reply({"schedule": {"id": IDS["incident_io"]}})


def incident(kind: str, *, state: str = "open", responder: str | None = None, **more: Any) -> dict[str, Any]:
    """INC-42, severity 2, of the service `PIJ90N7` or what stands for it."""
    who = responder or PEOPLE["grafana_incident" if kind == "grafana_irm" else kind][ALICE]
    if kind == "pagerduty":
        told = {
            "id": "PT4KHLK",
            "type": "incident",
            "incident_number": 42,
            "title": "words of somebody's",
            "status": "acknowledged" if state == "open" else "resolved",
            "service": {"id": "PIJ90N7", "type": "service_reference", "summary": "Orders"},
            "assignments": [{"at": "2026-11-21T13:00:00Z", "assignee": user(kind, who, "")}],
            "acknowledgements": [
                {"at": "2026-11-21T13:01:00Z", "acknowledger": {"id": "PIJ90N7", "type": "service_reference"}}
            ],
            "priority": {"id": "P53ZZH5", "type": "priority_reference", "summary": "P2"},
            "incidents_responders": [{"state": "pending", "user": user(kind, PEOPLE[kind][BOB], "")}],
        }
    elif kind == "incident_io":
        told = {
            "id": "01FDAG4SAP5TYPT98WGR2N7W91",
            "reference": "INC-42",
            "name": "words of somebody's",
            "mode": "standard",
            "visibility": "public",
            "incident_status": {
                "id": "S1",
                "name": "Fixing",
                "rank": 1,
                "category": "live" if state == "open" else "closed",
            },
            "severity": {"id": "V1", "name": "Major", "rank": 2},
            "incident_role_assignments": [
                {"role": {"id": "R1", "role_type": "lead"}, "assignee": user(kind, who, "")},
                {"role": {"id": "R2", "role_type": "custom"}},
            ],
            "custom_field_entries": [
                {
                    "custom_field": {"id": IDS[kind]},
                    "values": [{"value_catalog_entry": {"id": "PIJ90N7", "name": "Orders"}}],
                }
            ],
        }
    else:
        told = {
            "incidentID": "42",
            "title": "words of somebody's",
            "status": "active" if state == "open" else "resolved",
            "severity": "Major",
            "isDrill": False,
            "labels": [{"key": "service", "label": "PIJ90N7"}, {"key": "tags", "label": "urgent"}],
            "incidentMembership": {"assignments": [{"roleID": 1, "user": {"userID": who, "name": "Somebody"}}]},
        }
    return {"incident": {**told, **more}}


def said_nothing(server: AnsweringServer) -> list[Asked]:
    """The questions to which no token was needed."""
    return [asked for asked in server.asked if TOKEN not in asked.headers.get("Authorization", "")]
