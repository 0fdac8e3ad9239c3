"""Checks each entry of the merged files against its form and says in words what does not fit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from jit.people.directory.settings import DirectoryForm
from jit.policy.conditions import Condition
from jit.policy.files import form
from jit.policy.files.document import NotText, Path
from jit.policy.files.merge import Merged, nearest
from jit.policy.model import OnDrift, OnExceed, OnLeave
from jit.policy.risk import Risk

if TYPE_CHECKING:
    from jit.people.providers.provider import IncidentsForm, ScheduleForm

T = TypeVar("T")
ONE_OF: dict[str | int, tuple[str, ...]] = {
    "risk": get_args(Risk),
    "on_leave": get_args(OnLeave),
    "on_drift": get_args(OnDrift),
    "on_exceed": get_args(OnExceed),
}
"""The words that a key takes."""
_STRICT = ConfigDict(strict=True)
_WHO = TypeAdapter(tuple[form.Who, ...], config=_STRICT)
_PEOPLE = TypeAdapter(tuple[Annotated[str, AfterValidator(form.person_id)], ...], config=_STRICT)
_STANDING = TypeAdapter(tuple[form.StandingForm, ...])
_RULES = TypeAdapter(tuple[form.RuleForm, ...])
_NAMES = TypeAdapter(dict[Annotated[str, AfterValidator(form.name)], form.Text], config=_STRICT)


@dataclass(slots=True)
class Forms:
    """The entries that have the right shape; the others are in the mistakes."""

    channels: form.ChannelsForm | None = None
    alerts: form.AlertsForm = field(default_factory=form.AlertsForm)
    security: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    lockdown: tuple[str, ...] = ()
    standing: tuple[form.StandingForm, ...] = ()
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    targets: dict[str, form.TargetForm] = field(default_factory=dict)
    access: dict[str, form.AccessForm] = field(default_factory=dict)
    schedules: dict[str, "ScheduleForm"] = field(default_factory=dict)
    incidents: "IncidentsForm | None" = None
    directory: DirectoryForm | None = None
    calendars: dict[str, form.CalendarForm] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    """Of all rules, by their texts."""


def well_shaped(who: object) -> bool:
    """Whether this is written as a person or a group."""
    try:
        _WHO.validate_python((who,))
    except ValidationError:
        return False
    return True


def rules_in(approve: object) -> tuple[form.RuleForm, ...]:
    """Of an access that has a mistake elsewhere; none where they have one."""
    try:
        return _RULES.validate_python(approve)
    except ValidationError:
        return ()


def fill_in(merged: Merged) -> Forms:
    """Adds what does not fit to the mistakes of ``merged``."""
    forms = Forms()
    if merged.sections["channels"] or merged.whole:
        forms.channels = _fit(merged, ("channels",), merged.sections["channels"], form.ChannelsForm.model_validate)
    alerts = _fit(merged, ("alerts",), merged.sections["alerts"], form.AlertsForm.model_validate)
    forms.alerts = alerts or forms.alerts
    forms.security = _fit(merged, ("security",), merged.lists["security"], _WHO.validate_python) or ()
    forms.shared = _fit(merged, ("shared",), merged.lists["shared"], _PEOPLE.validate_python) or ()
    forms.lockdown = _fit(merged, ("lockdown",), merged.lists["lockdown"], _WHO.validate_python) or ()
    forms.standing = _fit(merged, ("standing",), merged.lists["standing"], _STANDING.validate_python) or ()
    forms.groups = _each(merged, "groups", form.name, _WHO.validate_python)
    forms.people = _each(merged, "people", form.person_id, _NAMES.validate_python)
    forms.targets = _each(merged, "targets", form.name, form.TargetForm.model_validate)
    if merged.sections["schedules"]:
        from jit.people.on_call.settings import schedule_form  # noqa: PLC0415  brings an HTTP client

        forms.schedules = _each(merged, "schedules", form.name, schedule_form)
    if merged.sections["incidents"]:
        from jit.people.incidents.settings import incidents_form  # noqa: PLC0415  brings an HTTP client

        forms.incidents = _fit(merged, ("incidents",), merged.sections["incidents"], incidents_form)
    if merged.sections["directory"]:
        forms.directory = _fit(merged, ("directory",), merged.sections["directory"], DirectoryForm.model_validate)
    forms.calendars = _each(merged, "calendars", form.name, form.CalendarForm.model_validate)
    forms.access = _each(merged, "access", form.access_name, form.AccessForm.model_validate)
    return forms


def _each(merged: Merged, section: str, check_name: Callable[[str], str], check: Callable[[Any], T]) -> dict[str, T]:
    fitting: dict[str, T] = {}
    for name, content in merged.sections[section].items():
        path = (section, name)
        try:
            check_name(name)
        except ValueError as error:
            merged.blame(path, str(error))
        if (fits := _fit(merged, path, content, check)) is not None:
            fitting[name] = fits
    return fitting


def _fit(merged: Merged, path: Path, content: object, check: Callable[[Any], T]) -> T | None:
    try:
        return check(content)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            merged.blame((*path, *each["loc"]), say_problem(each), _suggest(each, path))
    return None


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list in [ ]",
    "model_type": "keys and values",
    "dict_type": "keys and values",
}
_PROBLEMS = {
    "extra_forbidden": "unknown key",
    "missing": "is missing",
    "greater_than_equal": "must be between 1 and 100",
    "less_than_equal": "must be between 1 and 100",
}
_QUOTES = "; put it in quotes if it is meant as text"


def say_problem(error: ErrorDetails) -> str:
    """What does not fit a form, in words."""
    kind = error["type"]
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}, not {_what(error['input'])}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        known = ONE_OF.get(error["loc"][-1])
        return f"must be one of {', '.join(known) if known else error['ctx']['expected']}"
    return _PROBLEMS.get(kind, error["msg"])


def _what(value: object) -> str:
    if isinstance(value, NotText):
        return value.what + _QUOTES
    seen = {
        bool: "true or false" + _QUOTES,
        int: "a number" + _QUOTES,
        str: "a single word or line",
        tuple: "a list",
        dict: "keys and values",
    }
    return seen.get(type(value), "nothing")


def _suggest(error: ErrorDetails, path: Path) -> str | None:
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        return nearest(error["input"], ONE_OF[error["loc"][-1]])
    if error["type"] != "extra_forbidden" or path[0] not in {"channels", "alerts", "directory", "access"}:
        return None
    *around, key = error["loc"]
    names = [part for part in around if isinstance(part, str)]
    by_section: dict[str | int, type[BaseModel]] = {
        "channels": form.ChannelsForm,
        "alerts": form.AlertsForm,
        "directory": DirectoryForm,
    }
    model = by_section.get(path[0], form.AccessForm)
    if names:
        model = form.AccessForm.NESTED[names[-1]]
    known = [info.alias or name for name, info in model.model_fields.items()]
    return nearest(str(key), known)
