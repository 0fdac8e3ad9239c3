"""Providers of schedules and incidents, one file for each kind. ``KINDS`` says which there are."""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "grafana_irm": "jit.people.providers.grafana_irm",
    "icalendar": "jit.people.providers.icalendar",
    "incident_io": "jit.people.providers.incident_io",
    "pagerduty": "jit.people.providers.pagerduty",
}
"""The module of each kind that ships. One of another distribution is an entry point of the group `jit.providers`."""
