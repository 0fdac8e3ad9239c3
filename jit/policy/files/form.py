"""The shape of a policy file: which keys there are and what may stand behind each."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Annotated, ClassVar, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jit.durations import BadDuration, parse_duration
from jit.facts import ActivityClass
from jit.people.membership import GROUP, ON_CALL, SLACK
from jit.people.person import DIRECTORY
from jit.policy.calendars import WEEKDAYS, Calendar
from jit.policy.files.document import NotText
from jit.policy.incidents import require_pattern
from jit.policy.model import OnDrift, OnExceed, OnLeave
from jit.policy.risk import Risk

T = TypeVar("T")

_PERSON = re.compile(r"[UW][A-Z0-9]{5,20}")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{5,20}")
_USER_GROUP = re.compile(r"S[A-Z0-9]{5,20}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ACCESS = re.compile(rf"{_WORD.pattern}(?:/{_WORD.pattern})*")
_ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_OURS = re.compile(r"env:(?:(?:SLACK|AWS)_.*|REDIS_URL|JIT_(?:LEDGER_URL|WORKER_KEY|SIGNING_KEY|WITNESSES|COPIES.*))")
"""Variables that hold other secrets of this product. `jit up` hands the workers what the targets name."""
_SECRET_FILE = re.compile(r"file:/\S+")
_SECRET_NAME = re.compile(r"dsn|passw|secret|token|credential|(?:^|_)key$")
_PASSWORD = re.compile(r"passw(?:or)?d\s*=", re.IGNORECASE)
_LONGEST_NAME = 75  # Slack's limit for the text of an option
_LONGEST_TEXT = 200
LEAST_EVERY = timedelta(minutes=1)
"""Between two comparisons of a target with the ledger."""
_ROOM_FOR_GRANTS = 20_000  # characters as Slack counts them; a card shows each, in 50 blocks with all else
_MOST_ROWS = 10**12
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _written_like(pattern: re.Pattern[str], problem: str) -> Callable[[str], str]:
    """A check that gives the text back, or raises ValueError with the problem."""

    def checked(text: str) -> str:
        if len(text) > _LONGEST_NAME or not pattern.fullmatch(text):
            raise ValueError(problem)
        return text

    return checked


person_id = _written_like(_PERSON, "must be a Slack member id like U01ALICE0; names can be edited")
channel_id = _written_like(_CHANNEL, "must be a Slack channel id like C0AUDIT01; names can be edited")
name = _written_like(_WORD, f"a name holds letters, digits, . _ and -, at most {_LONGEST_NAME} of them")
access_name = _written_like(
    _ACCESS, f"an access is called like orders-db/read, with at most {_LONGEST_NAME} characters"
)


def somebody(text: str) -> str:
    if text.startswith(ON_CALL):
        return ON_CALL + name(text.removeprefix(ON_CALL))
    if text.startswith(GROUP):
        return GROUP + name(text.removeprefix(GROUP))
    if text.startswith(DIRECTORY):
        return DIRECTORY + name(text.removeprefix(DIRECTORY))
    if text.startswith("ldap:"):
        raise ValueError("give the entry a name under directory: groups, and write directory:name here")
    if text.startswith(SLACK):
        if not _USER_GROUP.fullmatch(text.removeprefix(SLACK)):
            raise ValueError("must be a Slack user group id like slack:S0ENGIN01")
        return text
    if not _PERSON.fullmatch(text):
        raise ValueError(
            "must be a member id like U01ALICE0, group:name, slack:S0ENGIN01, directory:group or oncall:schedule"
        )
    return text


def line_of_text(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST_TEXT:
        raise ValueError(f"must be 1 to {_LONGEST_TEXT} characters")
    if any(unicodedata.category(character) in _INVISIBLE for character in text):
        raise ValueError("must be one line without invisible characters")
    return text


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise BadDuration
    return parse_duration(value)


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    """Checked after the items, so that a list of bad ones is not called empty as well."""
    if not items:
        raise ValueError("must not be empty")
    return items


def _all_different(items: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(items)) < len(items):
        raise ValueError("names the same thing twice")
    return items


def _fit_on_a_card(items: tuple[str, ...]) -> tuple[str, ...]:
    """For Slack &, < and > are longer than they look."""
    if sum(len(html.escape(item, quote=False)) for item in items) > _ROOM_FOR_GRANTS:
        raise ValueError("is too long to stand on one card; split it into several accesses")
    return items


def secret_problem(key: str, value: str) -> str | None:
    """Why a target's setting is not written in a safe way; never repeats ``value``."""
    if _OURS.fullmatch(value):
        return "names a setting of jit's own, which no target needs; give the target's secret a variable of its own"
    if value.startswith(("env:", "file:")):
        if _ENVIRONMENT.fullmatch(value) or _SECRET_FILE.fullmatch(value):
            return None
        return "name the secret as env:NAME or file:/path"
    if not _SECRET_NAME.search(key.lower()):
        return "holds a password; name it as env:NAME or file:/path instead" if _has_password(value) else None
    if key == "dsn" and ("://" in value or "=" in value) and not _has_password(value):
        return None
    return "a secret is named, never written down: use env:NAME or file:/path"


def _has_password(value: str) -> bool:
    try:
        written = urlsplit(value).password is not None
    except ValueError:
        return True
    return written or _PASSWORD.search(value) is not None


def _condition_text(text: str) -> str:
    if not text.strip():
        raise ValueError("must be a condition, or left out")
    return text


def _class_name(text: str) -> str:
    if text not in list(ActivityClass):
        raise ValueError(f"must be one of {', '.join(ActivityClass)}")
    return text


def _some_rows(number: int) -> int:
    if not 1 <= number <= _MOST_ROWS:
        raise ValueError(f"must be between 1 and {_MOST_ROWS:,}")
    return number


Who = Annotated[str, AfterValidator(somebody)]
ClassName = Annotated[str, AfterValidator(_class_name)]
SomeWho = Annotated[tuple[Who, ...], AfterValidator(_not_empty), AfterValidator(_all_different)]
Text = Annotated[str, AfterValidator(line_of_text)]
Channel = Annotated[str, AfterValidator(channel_id)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


class ChannelsForm(Form):
    audit: Channel
    alerts: Channel | None = None


class AlertsForm(Form):
    """``notify`` are mentioned in each alert."""

    notify: SomeWho = ()


class QuorumForm(Form):
    who: Annotated[SomeWho, Field(alias="from")]
    count: Annotated[int, Field(ge=1, le=100)] = 1


class LimitsForm(Form):
    """``per_person`` and ``per_access`` are counted over 24 hours."""

    per_person: Annotated[int, Field(ge=1, le=100)] | None = None
    per_access: Annotated[int, Field(ge=1, le=100)] | None = None
    max_duration: Duration | None = None


Quorums = Annotated[tuple[QuorumForm, ...], AfterValidator(_not_empty)]


class StageForm(Form):
    all_of: Quorums


class EscalateForm(Form):
    """``to`` are asked, too, when nobody has decided ``after`` that time."""

    after: Duration
    to: SomeWho


class RuleForm(Form):
    """Decided by one of ``automatic``, ``all_of`` and ``stages``; the first rule whose ``when`` holds decides."""

    name: Text | None = None
    when: Annotated[str, AfterValidator(_condition_text)] | None = None
    automatic: bool | None = None
    limits: LimitsForm | None = None
    all_of: Quorums | None = None
    stages: Annotated[tuple[StageForm, ...], AfterValidator(_not_empty)] | None = None
    different_people: bool | None = None
    denials_needed: Annotated[int, Field(ge=1, le=100)] = 1
    escalate: EscalateForm | None = None

    @model_validator(mode="after")
    def _decides_in_one_way(self) -> "RuleForm":
        if self.automatic is False:
            raise ValueError("automatic is true, or left out")
        ways = [name for name in ("automatic", "all_of", "stages") if getattr(self, name) is not None]
        if len(ways) != 1:
            has = " and ".join(ways) or "none of them"
            raise ValueError(f"a rule has one of automatic: true, all_of and stages; this one has {has}")
        about_people = self.different_people is not None or self.denials_needed != 1 or self.escalate
        if self.automatic and about_people:
            raise ValueError(
                "different_people, denials_needed and escalate are about people, and this rule decides without them"
            )
        if self.limits and not self.automatic:
            raise ValueError("limits are for a rule that is automatic")
        return self

    @property
    def quorums(self) -> Iterator[tuple[tuple[str | int, ...], int, QuorumForm]]:
        """Each with where it stands in the rule, and its stage."""
        stages: list[tuple[tuple[str | int, ...], Quorums]] = [(("all_of",), self.all_of or ())]
        if self.stages:
            stages = [(("stages", at, "all_of"), stage.all_of) for at, stage in enumerate(self.stages)]
        for number, (within, quorums) in enumerate(stages, 1):
            yield from (((*within, at), number, quorum) for at, quorum in enumerate(quorums))


class BreakGlassForm(Form):
    """A break-glass without a review is none: ``review_within`` and ``review_by`` are always said."""

    who: SomeWho
    max_duration: Duration
    review_within: Duration
    review_by: SomeWho
    in_lockdown: bool = False


class ExtendForm(Form):
    """``each`` extension adds so much at most, and ``ceiling`` is the most in all, from beginning to end. Decided as
    the access is, unless ``approve`` stands here too.
    """

    each: Duration
    ceiling: Duration
    approve: Annotated[tuple[RuleForm, ...], AfterValidator(_not_empty)] | None = None

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "ExtendForm":
        if self.each > self.ceiling:
            raise ValueError("each is longer than the ceiling, which is the most in all")
        return self


class PurposeForm(Form):
    """What an access is for, by what the logs of its target tell: at least one of these."""

    objects: Annotated[tuple[Text, ...], AfterValidator(_not_empty), AfterValidator(_all_different)] | None = None
    classes: Annotated[tuple[ClassName, ...], AfterValidator(_not_empty), AfterValidator(_all_different)] | None = None
    rows: Annotated[int, AfterValidator(_some_rows)] | None = None
    commands: Annotated[tuple[Text, ...], AfterValidator(_not_empty), AfterValidator(_all_different)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "PurposeForm":
        if not self.model_fields_set:
            raise ValueError("says of nothing what the access is for: it has objects, classes, rows or commands")
        return self


class ExceptionForm(Form):
    """Asked for longer than ``max_duration`` of the access, and no longer than its own; ``approve`` decides."""

    max_duration: Duration
    approve: Annotated[tuple[RuleForm, ...], AfterValidator(_not_empty)]


class AccessForm(Form):
    """``target`` is the part of the access's name before the first slash unless said; ``owner`` is the target's."""

    describe: Text
    owner: Who | None = None
    target: str | None = None
    risk: Risk = "medium"
    grants: Annotated[
        tuple[Text, ...],
        AfterValidator(_not_empty),
        AfterValidator(_all_different),
        AfterValidator(_fit_on_a_card),
    ]
    max_duration: Duration
    pending_for: Duration = timedelta(hours=8)
    incident: Annotated[str, AfterValidator(require_pattern)] | None = None
    incident_example: Text | None = None
    channel: Channel
    request: SomeWho
    deny: tuple[Who, ...] = ()
    on_leave: OnLeave = "end"
    labels: dict[Annotated[str, AfterValidator(name)], Text] = Field(default_factory=dict)
    approve: Annotated[tuple[RuleForm, ...], AfterValidator(_not_empty)]
    break_glass: BreakGlassForm | None = None
    extend: ExtendForm | None = None
    purpose: Annotated[PurposeForm | None, Field(alias="for")] = None
    on_exceed: OnExceed | None = None
    exception: ExceptionForm | None = None
    escalate: EscalateForm | None = None

    @model_validator(mode="after")
    def _exceeds_something(self) -> "AccessForm":
        if self.on_exceed and self.purpose is None:
            raise ValueError("on_exceed says what becomes of what is outside `for`, which this access does not have")
        return self

    @property
    def all_rules(self) -> Iterator[tuple[tuple[str | int, ...], RuleForm]]:
        """Of the access, of its extensions and of its exception, each with where it stands."""
        yield from ((("approve", at), rule) for at, rule in enumerate(self.approve))
        if self.extend and self.extend.approve:
            yield from ((("extend", "approve", at), rule) for at, rule in enumerate(self.extend.approve))
        if self.exception:
            yield from ((("exception", "approve", at), rule) for at, rule in enumerate(self.exception.approve))

    NESTED: ClassVar[dict[str, type[Form]]] = {
        "approve": RuleForm,
        "stages": StageForm,
        "all_of": QuorumForm,
        "limits": LimitsForm,
        "break_glass": BreakGlassForm,
        "extend": ExtendForm,
        "for": PurposeForm,
        "exception": ExceptionForm,
        "escalate": EscalateForm,
    }


class CalendarForm(Form):
    """``hours`` like `09:00-17:30`, and ``days`` like `[monday, friday]`, in the time of ``zone``."""

    zone: str
    days: tuple[str, ...] = WEEKDAYS[:5]
    hours: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")] = "09:00-17:00"
    country: str | None = None
    subdivision: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "CalendarForm":
        self.calendar()
        return self

    def calendar(self) -> Calendar:
        """Raises ValueError."""
        begin, end = (time.fromisoformat(each.replace("24:00", "00:00")) for each in self.hours.split("-"))
        return Calendar(self.zone, self.days, begin, end, self.country, self.subdivision)


class ReconcileForm(Form):
    """``every`` so often it is compared with the ledger."""

    every: Duration
    on_drift: OnDrift = "alert"

    @model_validator(mode="after")
    def _is_no_polling(self) -> "ReconcileForm":
        if self.every < LEAST_EVERY:
            raise ValueError("every is a minute at least")
        return self


class TargetForm(BaseModel):
    """Every key beside ``kind``, ``owner`` and ``reconcile`` is a setting that the target understands."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Text]

    kind: Annotated[str, AfterValidator(name)]
    owner: Who | None = None
    reconcile: ReconcileForm | None = None


def _answered_for(text: str) -> str:
    """As `jit reconcile --propose` leaves it, nobody does."""
    if not text.strip():
        raise ValueError("is still to be filled in: standing access has an owner and a reason")
    return line_of_text(text)


def _day(value: object) -> date:
    text = value.bare if isinstance(value, NotText) else value
    try:
        if isinstance(text, str):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("must be a day like 2027-01-31")


class StandingForm(Form):
    """Access that no grant of ours gives, and that is accepted until the day of its ``review``."""

    target: str
    principal: Text
    permission: Text
    how: Text = "member"
    owner: Annotated[str, AfterValidator(_answered_for)]
    reason: Annotated[str, AfterValidator(_answered_for)]
    review: Annotated[date, BeforeValidator(_day)]
