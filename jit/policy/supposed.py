"""What an incident is supposed to be like, as it is typed: `INC-42:open,sev1,orders`."""

import re
from dataclasses import replace

from jit.policy.conditions import IncidentInputs

EXAMPLE = "INC-42:open,sev1,orders"
STATES: dict[str, IncidentInputs] = {
    "open": IncidentInputs("", known=True, open=True),
    "closed": IncidentInputs("", known=True, open=False),
    "unknown": IncidentInputs("", known=False),
    "silent": IncidentInputs(""),
}
"""As its provider has it; or it knows none of that name, or does not answer."""
RESPONDER = "responder"
_SEVERITY = re.compile(r"sev([1-5])")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,74}")


def read_incident(text: str) -> IncidentInputs:
    """An incident by itself is open, and what is not said of it is not known. Raises ValueError, in words."""
    called, _, said = text.partition(":")
    words = [word.strip() for word in said.split(",")] if said else []
    states = [word for word in words if word in STATES]
    severities = [int(sev[1]) for word in words if (sev := _SEVERITY.fullmatch(word))]
    services = [each for each in words if each not in (*STATES, RESPONDER) and not _SEVERITY.fullmatch(each)]
    often = max(len(states), len(severities), len(services)) > 1
    if not called.strip() or often or not all(map(_SERVICE.fullmatch, services)):
        raise ValueError(f"is written like {EXAMPLE}: {', '.join(STATES)}; sev1 to sev5; one service; {RESPONDER}")
    found = replace(STATES[states[0] if states else "open"], id=called.strip())
    if not found.known and len(words) > 1:
        raise ValueError(f"of an incident that is {states[0]} nothing more is known")
    return replace(
        found,
        severity=severities[0] if severities else None,
        service=services[0] if services else None,
        responder=True if RESPONDER in words else None,
    )


def say_incident(incident: IncidentInputs) -> str:
    """`INC-42, open, severity 1, about orders`"""
    state = next(word for word, each in STATES.items() if (each.known, each.open) == (incident.known, incident.open))
    parts = [
        state,
        f"severity {incident.severity}" if incident.severity else "",
        f"about {incident.service}" if incident.service else "",
        "with them among its responders" if incident.responder else "",
    ]
    return ", ".join([incident.id, *filter(None, parts)])
