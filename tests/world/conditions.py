"""What conditions are asked with: somebody on call, an incident that is open, a Friday morning."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jit.policy.calendars import Calendar
from jit.policy.conditions import IncidentInputs, Inputs

SCHEDULES = ("orders-primary", "sre-primary")
CALENDARS = {"office": Calendar("Europe/Berlin", country="DE", subdivision="BE")}
INCIDENT = IncidentInputs("INC-42", known=True, open=True, severity=2, service="orders", responder=True)
INPUTS = Inputs(
    requester="U01ALICE0",
    groups=("dba", "engineering"),
    zone="Europe/Berlin",
    access="orders-db/read",
    target="orders-db",
    risk="medium",
    labels={"team": "orders"},
    duration=timedelta(hours=1),
    reason="Orders are not written any more",
    now=datetime(2026, 11, 27, 9, tzinfo=UTC),
    incident=INCIDENT,
    on_call={"orders-primary": True, "sre-primary": False},
    grants_by_day=(1,) + (0,) * 89,
    break_glass_open=False,
)
NO_INCIDENT = replace(INPUTS, incident=None)
