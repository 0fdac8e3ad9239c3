"""What stands in a policy's `schedules:`."""

from jit.people.providers.kinds import form_of
from jit.people.providers.provider import ScheduleForm


def schedule_form(given: object) -> ScheduleForm:
    """One schedule, as it stands in the policy. Speaks to nobody, and looks for no secret.

    Raises ValidationError, which repeats no value.
    """
    return form_of(given, "Schedule", ScheduleForm)  # type: ignore[type-abstract]
