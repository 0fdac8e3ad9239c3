"""A request is made and decided."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from jit.durations import say_duration
from jit.facts.ends import LEFT, LOCKED
from jit.facts.fact import Digest, FreeText, Moment, Personal, Room, Said, Who
from jit.facts.life import Checked, Life
from jit.facts.ocsf import CREATE, OTHER, UPDATE, Class, Event, Severity
from jit.facts.sentence import Access, Loud, Name, Part, Person, Several, Text, Time, Told, names, quote

BEGIN_WITHIN = timedelta(minutes=15)
"""An approval whose grant has not begun by then lapses."""
LAPSED = {
    "unanswered": "unanswered",
    "not_begun": f"no worker could begin it within {say_duration(BEGIN_WITHIN)}; nothing was given",
    "no_longer_approved": "the approvals no longer count",
    "rules_changed": "the rules for this access changed",
    **LEFT,
    "lockdown": LOCKED,
}
"""Why a request lapsed, in words."""
Basis = Literal["rule", "exception", "emergency"]
"""On what a request stands: a rule of the catalogue, an exception past its bounds, or a break-glass."""


class Quorum(BaseModel):
    """A quorum: ``count`` different people of ``who``, which are expressions of the policy, must approve.

    ``label`` names them for people: `dba`, `dba or sre`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    who: tuple[str, ...]
    count: int
    stage: int = 1
    """Its people are asked once every quorum of an earlier stage is complete."""

    def or_of(self, who: tuple[str, ...]) -> "Quorum":
        """The same, for which these count as well."""
        more = tuple(each for each in who if each not in self.who)
        return self.model_copy(
            update={"who": self.who + more, "label": " or ".join([self.label, *map(label_of, more)])}
        )

    @property
    def audience(self) -> Several:
        """The people of the quorum as others call them: `@dba`, `@dba or Carol`."""
        return Several(tuple(map(_called, self.who)), between=" or ")


def label_of(expression: str) -> str:
    """What a who-expression is called in text: `dba`, `on call for orders-primary`."""
    kind, _, rest = expression.rpartition(":")
    return f"on call for {rest}" if kind == "oncall" else rest


class Escalation(BaseModel):
    """Who is asked, too, when nobody has decided ``after`` a time: ``to`` are expressions of the policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: timedelta
    to: tuple[str, ...]

    @property
    def audience(self) -> Several:
        """As `Quorum.audience`."""
        return Several(tuple(map(_called, self.to)), between=" or ")


def _called(expression: str) -> Part:
    kind, _, rest = expression.rpartition(":")
    match kind:
        case "group" | "directory":
            return Name(f"@{rest}", 80)
        case "slack":
            return "@", Person(rest)
        case "oncall":
            return Name(f"on call for {rest}", 80)
        case _:
            return Person(expression)


class Counted(BaseModel):
    """One approval that a decision counted, and the quorum it was counted for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approval: UUID
    approver: Who
    quorum: str


class Requested(Life):
    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, CREATE)

    kind: Literal["requested"] = "requested"
    duration: timedelta
    channel: str
    risk: str
    needs: tuple[Quorum, ...]
    """Of the rule that decides; empty where a rule decides without people."""
    pending_until: Moment
    rule: Annotated[str, Said()] = ""
    """What the policy calls the rule that decides; empty for one without a name."""
    different_people: bool = False
    """One person's approval counts for one quorum alone."""
    denials_needed: int = 1
    inputs: Annotated[str, Personal()] | None = None
    """What the conditions of the rules could read when it was asked, as JSON (`jit.policy.conditions.Inputs`), from
    which the choice of the rule can be repeated. None before there were conditions.
    """
    basis: Annotated[Basis, Said()] = "rule"
    rested_on: Annotated[str, Personal(), Said()] = ""
    """What an emergency rested on, in words: `INC-42 not checked: the provider did not answer in time`."""
    skipped: tuple[Quorum, ...] = ()
    """Those who would have decided, where it is an emergency."""
    review_by: tuple[str, ...] = ()
    """Who-expressions of those who review the emergency afterwards."""
    review_within: timedelta | None = None
    escalation: Escalation | None = None
    start_at: Moment | None = None
    """When it is to begin, at the earliest; None for at once."""
    together: tuple[str, ...] = ()
    """Ids of all requests that were asked in one go, this one among them; empty for one that was asked alone. It ties
    what is shown and no decision (`jit.requests.together`).
    """
    in_lockdown: bool = False
    """Whether the rules let this emergency through lockdowns, but those of the person."""

    def event(self) -> Event:
        return self.ocsf._replace(severity=Severity.MEDIUM) if self.basis == "emergency" else self.ocsf

    def told(self) -> Told:
        needs: Part = ("needs ", Several(tuple((f"{need.count} of ", need.audience) for need in self.needs), 3))
        begins: Part = (" from ", Time(self.start_at, self.at)) if self.start_at else ""
        about = (Access(self.access), " by ", Person(self.requester), " for ", self.duration, begins)
        by_rule: Part = ("by rule: ", Name(self.rule, 200)) if self.rule else ""
        emergency = self.basis == "emergency"
        what: Part = (Loud("BREAK-GLASS"), " requested") if emergency else "requested"
        on: Part = Text(self.rested_on) if emergency else "an exception" if self.basis == "exception" else ""
        rests_on: Part = "" if emergency else by_rule
        beside = tuple(Name(each, 20) for each in self.together if each != self.request_id)
        together: Part = ("together with ", Several(beside)) if beside else ""
        return Told(what, about, (needs if self.needs else "", rests_on, on, together, quote(self.why)))


class Escalated(Life):
    """Nobody had decided in time: those whom the policy names for that are asked as well, and count from here on."""

    recorded_by = (Room.WORKERS,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["escalated"] = "escalated"
    escalation: Escalation

    def told(self) -> Told:
        about = (Access(self.access), " for ", Person(self.requester))
        late: Part = ("nobody had decided for ", self.escalation.after)
        return Told("escalated", about, (("asked as well: ", self.escalation.audience), late))


class Approval(Life):
    """One person's yes; it decides nothing by itself."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["approval"] = "approval"
    approver: Who
    digest: Digest
    """The digest of what the card showed when the button was pressed."""
    quorums: tuple[str, ...]
    """The quorums that this person counts for."""
    groups_as_of: Moment | None
    proof: str | None = None
    """The approver's own proof, once there is a way to give one."""

    def told(self) -> Told:
        about = ("of ", Access(self.access), " for ", Person(self.requester), " by ", Person(self.actor))
        as_of: Part = ("groups as of ", Time(self.groups_as_of, self.at)) if self.groups_as_of else ""
        return Told("approval", about, (("counts for ", names(self.quorums)),), (as_of,))


class Narrowed(Life):
    """Somebody who may decide gives less than was asked: ``duration`` and ``permissions`` are what is left. What was
    said to more counts no longer.
    """

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["narrowed"] = "narrowed"
    digest: Digest
    """The digest of what the card showed when it was narrowed."""
    duration: timedelta
    asked_duration: timedelta
    asked_permissions: tuple[str, ...]
    reason: FreeText | None = None

    def told(self) -> Told:
        about = (Access(self.access), " for ", Person(self.requester), " by ", Person(self.actor))
        shorter = self.duration != self.asked_duration
        time: Part = (self.duration, " of ", self.asked_duration, " asked") if shorter else ""
        fewer = self.permissions != self.asked_permissions
        what: Part = (_few(self.permissions), " of ", _few(self.asked_permissions), " asked") if fewer else ""
        return Told("narrowed", about, (time, what, quote(self.reason or "")))


def _few(permissions: tuple[str, ...]) -> Several:
    return Several(tuple(Text(name, 60) for name in permissions))


class Denial(Life):
    """One person's no where more than one are needed; it takes back their yes, and decides nothing by itself."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, UPDATE)

    kind: Literal["denial"] = "denial"
    approver: Who
    digest: Digest
    reason: FreeText

    def told(self) -> Told:
        about = ("of ", Access(self.access), " for ", Person(self.requester), " by ", Person(self.actor))
        return Told("denial", about, (quote(self.reason),))


class Approved(Life):
    """The decision: every quorum is met by approvals that all counted at this moment, or a rule decides alone."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, (10, "Activate"))

    kind: Literal["approved"] = "approved"
    digest: Digest
    counted: tuple[Counted, ...]
    """Empty where a rule decided alone."""
    begin_by: Moment
    by_rule: Annotated[str, Personal(), Said()] = ""
    """The rule that decided without people, and what it rested on: `on call for orders-primary, INC-42 open`. Beside
    people it is a break-glass, which they co-signed.
    """

    def told(self) -> Told:
        by = tuple((Person(each.approver), " (", Name(each.quorum, 80), ")") for each in self.counted)
        people: Part = ("by ", Several(by))
        rule: Part = ("by rule: ", Text(self.by_rule, 200), (", co-signed ", people) if by else "")
        who = rule if self.by_rule else people
        return Told("approved", (Access(self.access), " for ", Person(self.requester)), (who,))


class Denied(Life):
    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, (OTHER, "Deny"))
    closes = True

    kind: Literal["denied"] = "denied"
    approver: Who
    digest: Digest
    reason: FreeText

    def told(self) -> Told:
        about = (Access(self.access), " to ", Person(self.requester), " by ", Person(self.actor))
        return Told("denied", about, (quote(self.reason),))


class Withdrawn(Life):
    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, (OTHER, "Withdraw"))
    closes = True

    kind: Literal["withdrawn"] = "withdrawn"

    def told(self) -> Told:
        return Told("withdrawn", (Access(self.access), " by ", Person(self.requester)))


class Lapsed(Checked):
    recorded_by = (Room.BOT, Room.WORKERS)
    ocsf = Event(Class.ENTITY, (OTHER, "Lapse"))
    closes = True

    kind: Literal["lapsed"] = "lapsed"
    because: Annotated[
        Literal[
            "unanswered", "not_begun", "no_longer_approved", "rules_changed", "left_rules", "deactivated", "lockdown"
        ],
        Said(),
    ]
    lockdown: str | None = None
    """By which it was closed."""

    def told(self) -> Told:
        return Told(
            "lapsed",
            (Access(self.access), " for ", Person(self.requester)),
            ((LAPSED[self.because], (": ", Name(self.lockdown)) if self.lockdown else ""), self.other_rules),
        )
