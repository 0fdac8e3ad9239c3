"""What every kind of provider is made of. A module of `KINDS` has a class called ``Schedule`` for who is on call, one
called ``Incidents`` for incidents, or both: each the form of what stands in the policy, which opens a source.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from jit.errors import Expected
from jit.people.answers import Because
from jit.people.binding import Named
from jit.people.providers.http import Http, NotAnswered
from jit.people.providers.written import Severities, secret_name, words_for_ids

_SEVERITY = re.compile(r"(?:sev(?:erity)?|p|s)?[ -]?([1-5])\b.*", re.IGNORECASE)
_BY_WORD = {"critical": 1, "major": 2, "minor": 3}


@dataclass(frozen=True, slots=True)
class Tools:
    """What a source is given. ``secret`` turns `env:NAME` or `file:/path` into what it holds, and raises `Expected` or
    ValueError; ``folder`` is that of the policy files.
    """

    http: Http
    secret: Callable[[str], SecretStr]
    folder: Path

    def reveal(self, reference: str) -> str:
        """Raises NotAnswered."""
        try:
            return self.secret(reference).get_secret_value()
        except (Expected, ValueError):
            raise NotAnswered(Because.NO_CREDENTIAL) from None


class ScheduleSource(Protocol):
    """Who is on call, asked now."""

    async def on_call(self, at: datetime) -> Collection[Named]:
        """Everybody on call at ``at``, which is about now. Raises NotAnswered."""


@dataclass(frozen=True, slots=True)
class Found:
    """An incident as a provider tells it: `jit.people.incidents.Incident`, before those in it are bound."""

    open: bool
    severity: int = 0
    service: str = ""
    responders: Collection[Named] = field(default_factory=tuple)


class IncidentSource(Protocol):
    """Incidents, asked now."""

    async def find(self, incident: str) -> Found | None:
        """None where the provider knows none of this name, or it cannot be one of theirs. Raises NotAnswered."""


class ProviderForm(BaseModel, ABC):
    """What stands in the policy about a provider. Secrets are named there, and never written down."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
    loosely: ClassVar[bool] = False
    """Whether letter case and blanks make no difference to the names of people."""

    kind: str
    by_email: bool = False

    @property
    def people_as(self) -> str:
        """The key in the policy's `people:` under which somebody's name with this provider stands."""
        return self.kind

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that it names."""
        return ()

    @property
    def variables(self) -> frozenset[str]:
        """The environment's, in which its secrets are looked for."""
        return frozenset(name.removeprefix("env:") for name in self.secrets if name.startswith("env:"))

    @property
    @abstractmethod
    def account(self) -> str:
        """What is slow, or busy, for all that share it."""


class ScheduleForm(ProviderForm):
    """A schedule of the policy."""

    @abstractmethod
    def open(self, tools: Tools) -> ScheduleSource:
        """Speaks to nobody yet."""

    @property
    def is_here(self) -> bool:
        """Whether it is a file beside the policies, for which nobody has to be asked."""
        return False

    @property
    def within(self) -> timedelta:
        """How long the poller, which nobody waits for, lets it take."""
        return timedelta(seconds=10)


class IncidentsForm(ProviderForm):
    """Where the policy finds incidents. ``services`` gives words to what the provider calls by an id; ``severities``
    says what the company's names for them mean.
    """

    services: Annotated[dict[str, str], AfterValidator(words_for_ids)] = Field(default_factory=dict)
    severities: Severities = Field(default_factory=dict)

    @abstractmethod
    def open(self, tools: Tools) -> IncidentSource:
        """Speaks to nobody yet."""

    def service_of(self, ids: Collection[str]) -> str:
        """The policy's word for the one service among ``ids``, else its id; empty where there is not exactly one."""
        if len(set(ids)) != 1:
            return ""
        (service,) = set(ids)
        return next((word for word, id_ in self.services.items() if id_ == service), service)

    def may_be_service(self, text: str) -> bool:
        """Whether `service_of` may be this: a word of the policy, or an id that the policy gives no word to."""
        return text in self.services or (text not in self.services.values() and self.is_service_id(text))

    def is_service_id(self, text: str) -> bool:
        """Whether the provider may call a service so: anything, unless it is known better."""
        return bool(text)

    def severity_of(self, name: str | None) -> int:
        """1 (worst) to 5 for `P1`, `SEV-2`, `Major` and what the policy says; 0 for whatever else."""
        if name is None:
            return 0
        if name in self.severities:
            return self.severities[name]
        if (number := _SEVERITY.fullmatch(name.strip())) is not None:
            return int(number[1])
        return _BY_WORD.get(name.strip().casefold(), 0)


class ByToken(BaseModel):
    """A provider that lets in by a token."""

    token: Annotated[str, AfterValidator(secret_name)]

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,)


def number_in(incident: str, prefix: str) -> int | None:
    """The number of `#42`, `42`, or `INC-42` where the policy says that numbers are written so."""
    text = incident.strip().casefold()
    for before in (prefix.casefold(), "#"):
        if before and text.startswith(before):
            text = text.removeprefix(before)
            break
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 and not text.startswith("0") else None
