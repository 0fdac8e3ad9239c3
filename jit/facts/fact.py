"""What every kind of fact has, the kinds there are, and how their fields are marked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args
from uuid import UUID, uuid4

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from jit.facts.ocsf import Event
from jit.facts.sentence import Told


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field that tells something about a person, in `Annotated`.

    One that ``names`` a person is about that one. Any other is about the requester, and where a fact has none about
    whoever acted.
    """

    names: bool = False

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The field's JSON schema, which says that it is personal."""
        return handler(core) | {"personal": True}


@dataclass(frozen=True, slots=True)
class Said:
    """Marks a field that says something in words, in `Annotated`: they are looked for, and stand in a table."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as wrong:
        raise ValueError("a moment before the first year or after the last") from wrong


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Who = Annotated[str, Personal(names=True), Field(max_length=200)]
"""A Slack id, `cli:user@host`, or `process@host`."""
Principal = Annotated[str, Personal(), Said(), Field(max_length=200)]
"""Somebody's name in a target."""
Words = Annotated[str, Personal(), Said()]
"""What a target or one of our processes said; it may name a person."""
Incident = Annotated[str, Personal(), Said()]
HowToConnect = Annotated[str, Personal(), Field(max_length=500)]
"""What the requester does to use it. It names them as the target does, and where the target is."""
SignedEnd = Annotated[str, Personal()]
"""An order to end an access as a worker signed it (`workers.end_orders.signed`); it names whose access that is."""
Digest = Annotated[str, Personal()]
"""A hash over what a card showed. Who may guess that can see from the hash that they guessed right."""
FreeText = Annotated[str, Personal(), Said(), Field(max_length=2000)]
"""What a person typed."""


class Source(StrEnum):
    """The surface or process through which a fact came in."""

    SLACK = "slack"
    CLI = "cli"
    WORKER = "worker"
    TIMEKEEPER = "timekeeper"
    BOT = "bot"
    SIGNER = "signer"
    COLLECTOR = "collector"


class Room(StrEnum):
    """Whose processes record it. Each room has a login of its own to the ledger (`jit.ledger.guard.roles`)."""

    BOT = "bot"
    WORKERS = "hands"
    """Workers and timekeepers."""
    SIGNER = "signer"
    AUDITOR = "auditor"
    """Security at a terminal."""
    PRIVACY = "privacy"
    COLLECTOR = "collector"
    """What reads the logs of targets, where they are written."""


class Fact(BaseModel):
    """What every fact has. ``at`` is when it happened; when it was recorded stands in its ledger entry.

    A class with a ``kind`` is a kind of fact, and says all there is to say about it: its fields, who may record it, how
    it is told and what OCSF calls it. Entries are kept for ever: fields stay, and a new one has a default.

    Some names mean the same in every kind. ``request_id`` puts a fact into the history and the evidence of that
    request, ``requester`` says whose key closes what is personal (`Personal`), and ``access``, ``target``,
    ``permissions`` and ``principal`` have columns and places of their own in exports. Numbers are whole ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID = Field(default_factory=uuid4)
    at: Moment
    actor: Who
    source: Source
    spooled: bool = False
    """Written to the spool first, as the ledger could not be reached."""

    recorded_by: ClassVar[tuple[Room, ...]]
    ocsf: ClassVar[Event]
    waits: ClassVar[bool] = False
    """Whether it may be recorded later, out of a spool: it decides nothing."""

    if TYPE_CHECKING:  # each kind says it behind the fields above, where it stands in the bytes of an entry

        @property
        def kind(self) -> str: ...

    def told(self) -> Told:
        """The fact in words, without names and times of day, which whoever shows it adds.

        Fields stand in it as `Text` (`jit.facts.sentence.quote`), `Name` or `Person`: a bare str is shown as it is.
        """
        raise NotImplementedError

    def event(self) -> Event:
        """What OCSF calls it; what is said in it may make it more severe."""
        return self.ocsf

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if kind := cls.model_fields.get("kind"):
            if lacking := ", ".join(cls._lacking()):
                raise TypeError(f"{cls.__name__} is no kind of fact yet: it lacks {lacking}")
            if taken := MODELS.get(kind.default):
                raise TypeError(f"{cls.__name__} needs a kind of its own: {kind.default} is {taken.__name__}")
            MODELS[kind.default] = cls

    @classmethod
    def _lacking(cls) -> Iterator[str]:
        if cls.told is Fact.told:
            yield "told()"
        if not getattr(cls, "recorded_by", ()):
            yield "recorded_by"
        if not hasattr(cls, "ocsf"):
            yield "ocsf"
            return
        for name in cls.ocsf.needs:
            if name not in cls.model_fields:
                yield f"a field {name}, for its event in OCSF"


MODELS: dict[str, type[Fact]] = {}
"""The kinds of fact, by name."""


def read_fact(data: bytes | str) -> Fact:
    """A fact from its JSON. Raises pydantic.ValidationError."""
    return _reader(tuple(MODELS.values())).validate_json(data)


@cache
def _reader(models: tuple[type[Fact], ...]) -> TypeAdapter[Fact]:
    one_of_them: Any = Annotated[reduce(or_, models), Field(discriminator="kind")]
    return TypeAdapter(one_of_them)


def write_fact(fact: Fact) -> bytes:
    """The JSON of a fact, UTF-8."""
    return fact.model_dump_json().encode()


def personal(info: FieldInfo) -> Personal | None:
    """The mark of a personal field, whether or not the field may be None."""
    return next((mark for mark in _marks(info) if isinstance(mark, Personal)), None)


def _marks(info: FieldInfo) -> Iterator[Any]:
    yield from info.metadata
    for part in get_args(info.annotation):
        yield from getattr(part, "__metadata__", ())


def personal_fields(model: type[BaseModel]) -> Iterator[str]:
    """The names of the fields of ``model`` that are marked as personal."""
    return (name for name, info in model.model_fields.items() if personal(info))


@cache
def said_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of the fields of ``model`` that say something in words."""
    return tuple(name for name, info in model.model_fields.items() if Said() in _marks(info))


def model_of(kind: object) -> type[Fact] | None:
    """The model of a kind, by its name; None if there is no such kind."""
    return MODELS.get(kind) if isinstance(kind, str) else None
