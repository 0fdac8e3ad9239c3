"""Everything that can be recorded: one model for each kind of fact.

A fact is immutable and stands for itself: it repeats who, what and why of its request, so that one line of the
ledger can be read without the others. Fields that tell something about a person are marked `Personal`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, get_args
from uuid import UUID, uuid4

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

BEGIN_WITHIN = timedelta(minutes=15)
"""An approval whose grant has not begun by then lapses."""
NO_POLICY = "none"
"""What a process that reads no rules names as their version."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field that tells something about a person, in `Annotated`.

    One that ``names`` a person is about that one. Any other is about the requester, and where a fact has none about
    whoever acted.
    """

    names: bool = False

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """So that the schema of a model says it, too."""
        return handler(core) | {"personal": True}


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as wrong:
        raise ValueError("a moment before the first year or after the last") from wrong


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Who = Annotated[str, Personal(names=True), Field(max_length=200)]
"""A Slack id, `cli:user@host`, or `process@host`."""
Principal = Annotated[str, Personal(), Field(max_length=200)]
"""Somebody's name in a target."""
Words = Annotated[str, Personal()]
"""What a target or one of our processes said; it may name a person."""
Incident = Annotated[str, Personal()]
SignedEnd = Annotated[str, Personal()]
"""An order to end an access as a worker signed it (`workers.end_orders.signed`); it names whose access that is."""
Digest = Annotated[str, Personal()]
"""A hash over what a card showed. Who may guess that can see from the hash that they guessed right."""
FreeText = Annotated[str, Personal(), Field(max_length=2000)]


class Source(StrEnum):
    """Where a fact came in."""

    SLACK = "slack"
    CLI = "cli"
    WORKER = "worker"
    TIMEKEEPER = "timekeeper"
    BOT = "bot"
    SIGNER = "signer"


class EndCause(StrEnum):
    """Why access was taken away."""

    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    RECOVERED = "recovered"
    """A grant that could not be finished was taken back."""
    LATE = "late"
    """Something was found in the target after its end."""
    DEACTIVATED = "deactivated"
    """Whoever asked for it has no account in Slack any more."""
    LEFT_RULES = "left_rules"
    """Whoever asked for it may not ask for it any more."""


class Refusal(StrEnum):
    """Why an attempt was refused."""

    UNKNOWN_REQUEST = "unknown_request"
    NOT_ALLOWED_TO_ASK = "not_allowed_to_ask"
    NOT_ALLOWED_TO_DECIDE = "not_allowed_to_decide"
    NOT_ALLOWED_TO_END = "not_allowed_to_end"
    NOT_YOURS = "not_yours"
    OWN_REQUEST = "own_request"
    ALREADY_APPROVED = "already_approved"
    ALREADY_OPEN = "already_open"
    NOT_POSSIBLE_NOW = "not_possible_now"
    LAPSED = "lapsed"
    CARD_CHANGED = "card_changed"
    RULES_CHANGED = "rules_changed"
    NOBODY_COULD_APPROVE = "nobody_could_approve"
    NO_PRINCIPAL = "no_principal"
    BAD_INPUT = "bad_input"
    WRONG_WORKSPACE = "wrong_workspace"
    BAD_STANDING = "bad_standing"
    CANNOT_LOOK_UP = "cannot_look_up"
    STALE_GROUPS = "stale_groups"
    POLICY_BROKEN = "policy_broken"
    QUORUM_GONE = "quorum_gone"
    MALFORMED = "malformed"
    BUSY = "busy"
    TOO_MANY = "too_many"
    """One person used up their share: what comes after it within a while is recorded once, by this."""
    BAD_TICKET = "bad_ticket"


class AlertName(StrEnum):
    """What somebody has to look at."""

    END_LATE = "end_late"
    END_AT_RISK = "end_at_risk"
    """What is active in a target could not be ended if that were due now."""
    END_NOT_BEGUN = "end_not_begun"
    """Nobody takes away what is due: no timekeeper and no worker says anything."""
    NOT_BEGUN = "not_begun"
    """Nobody gives what was approved."""
    POLICY_BROKEN = "policy_broken"
    GRANT_LATE = "grant_late"
    LEFT_BEHIND = "left_behind"
    GRANT_FAILED = "grant_failed"
    REQUESTER_LEFT = "requester_left"
    """Somebody may not ask any more for what they hold, or that cannot be told, and it goes on."""
    TARGET_UNUSABLE = "target_unusable"
    """Nothing can be given or ended in a target until its set-up is mended."""
    FOREIGN_SLACK = "foreign_slack"
    FOREIGN_GRANT = "foreign_grant"
    """A target holds something in our name that the ledger knows nothing of."""
    RECORD_BROKEN = "record_broken"
    """Entries do not say any more what was recorded, or are not where they were."""
    SPOOL_REFUSED = "spool_refused"
    """Something was put into the spool that has no business there."""
    SPOOL_BROKEN = "spool_broken"
    """Facts that waited in a spool are gone, or were changed."""
    SPOOL_FULL = "spool_full"
    """A host has no room for facts that have to wait."""
    AUDIT_CHANGED = "audit_changed"
    """Somebody deleted or edited what the audit channel showed."""
    NOT_SHOWN = "not_shown"
    """The chat refuses for good what people were to see."""
    HEAD_MISSING = "head_missing"
    """The record goes on and nobody signs it."""
    HEAD_REFUSED = "head_refused"
    """The signer or a witness will not sign: the record is not what it was."""


class Fact(BaseModel):
    """What every fact has. ``at`` is when it happened; when it was recorded stands in its ledger entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID = Field(default_factory=uuid4)
    at: Moment
    actor: Who
    source: Source
    spooled: bool = False
    """Written to the spool first, as the ledger could not be reached."""


class AboutRequest(Protocol):
    """What a fact repeats of its request; `jit.requests.lifecycle.Request` has it."""

    @property
    def id(self) -> str: ...
    @property
    def requester(self) -> str: ...
    @property
    def access(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def permissions(self) -> tuple[str, ...]: ...
    @property
    def principal(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def incident(self) -> str | None: ...
    @property
    def policy_version(self) -> str: ...


class LifeFact(Fact):
    """A step in the life of one request."""

    request_id: str
    requester: Who
    access: str
    target: str
    permissions: tuple[str, ...]
    principal: Principal
    """The requester's name in the target."""
    why: FreeText
    incident: Incident | None
    policy_version: str
    """Of the policy in force when this was decided."""

    @classmethod
    def about(cls, request: AboutRequest, **rest: Any) -> Self:
        """This step of ``request``; ``rest`` is what the step adds, and may say another policy_version."""
        common: dict[str, Any] = {
            "request_id": request.id,
            "requester": request.requester,
            "access": request.access,
            "target": request.target,
            "permissions": request.permissions,
            "principal": request.principal,
            "why": request.why,
            "incident": request.incident,
            "policy_version": request.policy_version,
        }
        return cls(**(common | rest))


class Need(BaseModel):
    """One quorum as it stood when asked: ``count`` people out of ``who`` (expressions of the policy)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    who: tuple[str, ...]
    count: int


class Counted(BaseModel):
    """One approval that a decision counted, and the quorum it was counted for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approval: UUID
    approver: Who
    quorum: str


class Requested(LifeFact):
    kind: Literal["requested"] = "requested"
    duration: timedelta
    channel: str
    risk: str
    needs: tuple[Need, ...]
    pending_until: Moment


class Approval(LifeFact):
    """One person's yes; it decides nothing by itself."""

    kind: Literal["approval"] = "approval"
    approver: Who
    digest: Digest
    """Of what the card showed when the button was pressed."""
    quorums: tuple[str, ...]
    """Those this person counts for."""
    groups_as_of: Moment | None
    proof: str | None = None
    """The approver's own proof, once there is a way to give one."""


class Approved(LifeFact):
    """The decision: every quorum is met by approvals that all counted at this moment."""

    kind: Literal["approved"] = "approved"
    digest: Digest
    counted: tuple[Counted, ...]
    begin_by: Moment


class Denied(LifeFact):
    kind: Literal["denied"] = "denied"
    approver: Who
    digest: Digest
    reason: FreeText


class Withdrawn(LifeFact):
    kind: Literal["withdrawn"] = "withdrawn"


class Lapsed(LifeFact):
    kind: Literal["lapsed"] = "lapsed"
    because: Literal["unanswered", "not_begun", "no_longer_approved", "rules_changed", "left_rules", "deactivated"]


class GrantIntent(LifeFact):
    """About to be given. Fixes the end."""

    kind: Literal["grant.intent"] = "grant.intent"
    ends_at: Moment
    held_before: tuple[str, ...]
    end_order: SignedEnd | None = None
    """Names this fact and its end: what stands beside it here explains no other end. None before there were such."""


class Granted(LifeFact):
    """Given, and read back from the target."""

    kind: Literal["granted"] = "granted"
    ends_at: Moment
    read_back: tuple[str, ...]


class GrantFailed(LifeFact):
    """Not given: the target said so, and reading back found nothing; or it cannot be opened, and nothing was tried."""

    kind: Literal["grant.failed"] = "grant.failed"
    reason: Words


class Released(LifeFact):
    kind: Literal["released"] = "released"


class Revoked(LifeFact):
    """Somebody ordered the end."""

    kind: Literal["revoked"] = "revoked"
    reason: FreeText


class RequesterLeft(LifeFact):
    """Whoever asked may hold this no longer: nobody's order, but what Slack and the rules say."""

    kind: Literal["requester.left"] = "requester.left"
    because: Literal["deactivated", "left_rules"]


class RevokeIntent(LifeFact):
    """About to be taken away."""

    kind: Literal["revoke.intent"] = "revoke.intent"
    cause: EndCause


class RevokeFailed(LifeFact):
    kind: Literal["revoke.failed"] = "revoke.failed"
    reason: Words
    attempts: int


class Ended(LifeFact):
    """Taken away, and read back from the target: nothing is left of the grant."""

    kind: Literal["ended"] = "ended"
    cause: EndCause
    existed: bool
    """Whether the target still held anything."""
    sessions: int
    """Live sessions that were cut."""
    left_behind: Annotated[tuple[str, ...], Personal()]


class Refused(Fact):
    """An attempt that was not let through. Holds nothing that was typed."""

    kind: Literal["refused"] = "refused"
    attempted: str
    reason: Refusal
    request_id: str | None = None
    requester: Who | None = None
    access: str | None = None
    target: str | None = None
    permissions: tuple[str, ...] = ()
    policy_version: str | None = None


class Alert(Fact):
    """Somebody has to look at this."""

    kind: Literal["alert"] = "alert"
    name: AlertName
    says: Words
    request_id: str | None = None
    requester: Who | None = None
    access: str | None = None
    target: str | None = None
    principal: Principal | None = None


class Started(Fact):
    """A process began its work."""

    kind: Literal["started"] = "started"
    process: str
    version: str
    policy_version: str
    warnings: tuple[str, ...] = ()


class KeyChanged(Fact):
    """The record is signed with this key from here on. Keys are written as C2SP signed-note verifier keys."""

    kind: Literal["key.changed"] = "key.changed"
    key: str
    before: str | None = None
    """None for the first."""


class RecordRead(Fact):
    """Somebody read the record itself."""

    kind: Literal["record.read"] = "record.read"
    how: Literal["search", "tail", "export", "prove", "mirror_check"]
    asked: FreeText
    """As typed: the filters, the request, the format."""
    after: int
    """The index behind which it was read."""


class PersonErased(Fact):
    """The key of one person's fields was deleted: what they say is nobody's any more."""

    kind: Literal["person.erased"] = "person.erased"
    key: str
    """The id of the key; the entries that it closed name it."""
    legal_basis: str
    """It stays for ever, so it names nobody."""


class SpoolTaken(Fact):
    """What waited in a host's spool was taken in, all of it: lines ``first`` to ``last`` of its chain."""

    kind: Literal["spool.taken"] = "spool.taken"
    host: str
    first: int
    last: int
    head: str
    """The hash of the last line."""


class PolicyChanged(Fact):
    """A process began to decide by other rules."""

    kind: Literal["policy.changed"] = "policy.changed"
    policy_version: str
    before: str


Life = (
    Requested
    | Approval
    | Approved
    | Denied
    | Withdrawn
    | Lapsed
    | GrantIntent
    | Granted
    | GrantFailed
    | Released
    | Revoked
    | RequesterLeft
    | RevokeIntent
    | RevokeFailed
    | Ended
)
Closes = Denied | Withdrawn | Lapsed | GrantFailed | Ended
"""Nothing more is expected to happen after it."""
TakesAway = RevokeIntent | RevokeFailed | Ended
"""The truth about an end, which finds its place in the record in every state."""
OrdersEnd = Released | Revoked | RequesterLeft
"""After it the access is to be taken away, without waiting for its time."""
AnyFact = Life | Refused | Alert | Started | PolicyChanged | KeyChanged | RecordRead | PersonErased | SpoolTaken

_adapter: TypeAdapter[AnyFact] = TypeAdapter(Annotated[AnyFact, Field(discriminator="kind")])


MODELS: Mapping[object, type[Fact]] = {model.model_fields["kind"].default: model for model in get_args(AnyFact)}


def _names(models: Any) -> tuple[str, ...]:
    return tuple(model.model_fields["kind"].default for model in get_args(models))


class Kinds:
    """The names of kinds, by the role they play."""

    life: ClassVar[tuple[str, ...]] = _names(Life)
    closing: ClassVar[tuple[str, ...]] = _names(Closes)


def read_fact(data: bytes | str) -> AnyFact:
    """A fact from its JSON. Raises pydantic.ValidationError."""
    return _adapter.validate_json(data)


def write_fact(fact: AnyFact) -> bytes:
    """The JSON of a fact, UTF-8."""
    return fact.model_dump_json().encode()


def personal(info: FieldInfo) -> Personal | None:
    """How a field is marked, whether or not it may be None."""
    marks: Iterable[Any] = (*info.metadata, *(mark for part in get_args(info.annotation) for mark in _marks(part)))
    return next((mark for mark in marks if isinstance(mark, Personal)), None)


def _marks(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__metadata__", ())


def personal_fields(model: type[BaseModel]) -> Iterator[str]:
    """The names of the fields of ``model`` that are marked as personal."""
    for name, info in model.model_fields.items():
        if personal(info):
            yield name


def model_of(kind: object) -> type[Fact] | None:
    """The model of a kind, by its name; None if there is no such kind."""
    return MODELS.get(kind)
