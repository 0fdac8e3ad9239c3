"""What stands in a policy's `incidents:`."""

from jit.people.providers.kinds import form_of
from jit.people.providers.provider import IncidentsForm


def incidents_form(given: object) -> IncidentsForm:
    """Where incidents are found, as it stands in the policy. Speaks to nobody, and looks for no secret.

    Raises ValidationError, which repeats no value.
    """
    return form_of(given, "Incidents", IncidentsForm)  # type: ignore[type-abstract]
