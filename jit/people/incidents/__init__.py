"""An incident of the company's, as a provider said it, and when."""

from jit.people.incidents.incident import Incident, NoSuchIncident, NotKnown
from jit.people.incidents.snapshot import NOTHING_KNOWN, IncidentSnapshot

__all__ = ["NOTHING_KNOWN", "Incident", "IncidentSnapshot", "NoSuchIncident", "NotKnown"]
