"""The words of a policy, as values: what there is to ask for, and who decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from jit.facts import ActivityClass, Basis, Escalation, Quorum
from jit.policy.conditions import Condition
from jit.policy.incident_example import example_of
from jit.policy.incidents import accepts
from jit.policy.risk import Risk

LEAST_EXTENSION = timedelta(minutes=1)
"""Less is not worth anybody's decision."""
OnExceed = Literal["alert", "revoke"]
"""What becomes of access that is used for something else than it is for."""
OnLeave = Literal["end", "alert"]
"""What becomes of access whose holder may not ask for it any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a rule may decide without people; None is as much as comes.

    ``per_person`` and ``per_access`` count what it decided within the last 24 hours for this access, for one person
    and for all.
    """

    per_person: int | None = None
    per_access: int | None = None
    max_duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Who decides, where its condition holds. Either ``automatic``, by itself, or by its quorums.

    Every quorum must be complete. One person may count in several, once in each; with ``different_people`` in one
    alone. ``denials_needed`` people of them have to deny. ``name`` is what people are told it is called.
    """

    quorums: tuple[Quorum, ...]
    when: Condition | None = None
    automatic: Limits | None = None
    name: str = ""
    different_people: bool = False
    denials_needed: int = 1
    escalation: Escalation | None = None

    def escalated(self) -> "Rule":
        """The rule with those counting who are asked when nobody has decided in time. They fill one place each."""
        if self.escalation is None:
            return self
        quorums = tuple(quorum.or_of(self.escalation.to) for quorum in self.quorums)
        return replace(self, quorums=quorums, different_people=self.different_people or len(quorums) > 1)

    @property
    def approvals_needed(self) -> int:
        """Of people, each of whom may fill several places unless different people are wanted."""
        return sum(quorum.count for quorum in self.quorums)

    @property
    def called(self) -> str:
        """Its name, or what it depends on."""
        return self.name or (self.when.in_words if self.when else "")


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may let themselves in at once in an emergency, and who looks at that afterwards; both are who-expressions."""

    who: tuple[str, ...]
    max_duration: timedelta
    review_within: timedelta
    review_by: tuple[str, ...]
    in_lockdown: bool = False
    """Whether a lockdown of anything but the person lets it through."""


@dataclass(frozen=True, slots=True)
class Extend:
    """How much longer access may be held: ``each`` time at most so much, and ``ceiling`` in all, from its beginning to
    its end. ``rules`` decide.
    """

    each: timedelta
    ceiling: timedelta
    rules: tuple[Rule, ...]

    def room(self, given_at: datetime, ends_at: datetime) -> timedelta:
        """How much more may be asked for of what was given then and ends then; nothing left is zero or less."""
        return min(self.each, given_at + self.ceiling - ends_at)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What an access is for; None and nothing is as much as comes.

    ``objects`` and ``commands`` are patterns in which `*` stands for anything, ``classes`` those of
    `jit.facts.ActivityClass`. ``rows`` are in all, of one grant.
    """

    objects: tuple[str, ...] = ()
    classes: tuple[ActivityClass, ...] = ()
    rows: int | None = None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exceptional:
    """For how long at most access may be asked for as an exception, longer than it is given for otherwise. ``rules``
    decide, by which people do and nobody else is asked however late it is.
    """

    max_duration: timedelta
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that can be asked for.

    ``grants`` is exactly what is given. ``request`` and ``deny`` hold who-expressions: `U…`, `group:name`
    or `slack:S…`. ``pending_for`` is how long a request waits for an answer before it lapses. ``on_leave`` is for
    those who may not ask any more; who is deactivated in Slack loses it always.
    """

    name: str
    describe: str
    target: str
    grants: tuple[str, ...]
    max_duration: timedelta
    channel: str
    request: tuple[str, ...]
    rules: tuple[Rule, ...]
    deny: tuple[str, ...] = ()
    risk: Risk = "medium"
    pending_for: timedelta = timedelta(hours=8)
    incident: str | None = None
    on_leave: OnLeave = "end"
    labels: Mapping[str, str] = field(default_factory=dict)
    break_glass: BreakGlass | None = None
    incident_example: str | None = None
    """As the file gives it."""
    extend: Extend | None = None
    """None where nobody can have it longer."""
    purpose: Purpose | None = None
    """None where nothing is outside it."""
    on_exceed: OnExceed = "alert"
    owner: str = ""
    """Who answers for it, its own or its target's, as a who-expression; empty where nobody does."""
    exception: Exceptional | None = None
    """None where nobody can ask for it for longer than ``max_duration``."""

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """Of the access, of its extensions and of its exception."""
        more = (each.rules for each in (self.extend, self.exception) if each is not None)
        return (*self.rules, *(rule for rules in more for rule in rules))

    def decided_by(self, rules: tuple[Rule, ...]) -> "Access":
        """As if these were its rules."""
        return replace(self, rules=rules)

    def basis_of(self, duration: timedelta) -> Basis:
        """On what a request for so long stands, as these rules have it; an emergency says so itself."""
        return "exception" if self.exception is not None and duration > self.max_duration else "rule"

    def asked_for(self, duration: timedelta) -> "Access":
        """As a request for so long is decided."""
        if self.exception is None or self.basis_of(duration) == "rule":
            return self
        return self.decided_by(self.exception.rules)

    def extended(self, basis: Basis) -> Extend | None:
        """How what was given on this basis is extended; None where it is not. An exception is by its own rules, and to
        its own longest time.
        """
        if self.extend is None or basis != "exception":
            return self.extend
        own = self.exception
        return replace(self.extend, ceiling=own.max_duration, rules=own.rules) if own is not None else None

    @property
    def quorums(self) -> tuple[Quorum, ...]:
        """Of all rules, each once."""
        return tuple(dict.fromkeys(quorum for rule in self.rules for quorum in rule.quorums))

    @property
    def example_incident(self) -> str:
        """What an incident is written like here, for people; empty where nothing is known."""
        return self.incident_example or (example_of(self.incident) if self.incident else None) or ""

    def longest(self, *, emergency: bool) -> timedelta:
        """The most that it is given for; no time at all in an emergency, where nobody may break the glass."""
        if not emergency:
            return self.exception.max_duration if self.exception else self.max_duration
        return self.break_glass.max_duration if self.break_glass else timedelta(0)

    def accepts_incident(self, incident: str) -> bool:
        """Whether ``incident`` is written as this access wants it: matched whole, ASCII only."""
        return self.incident is None or accepts(self.incident, incident)


OnDrift = Literal["alert", "remove"]
"""What becomes of access in a target that nobody granted."""


@dataclass(frozen=True, slots=True)
class Reconcile:
    """How often a target is compared with the ledger by itself."""

    every: timedelta
    on_drift: OnDrift = "alert"


@dataclass(frozen=True, slots=True)
class StandingAccess:
    """Access in a target that no grant of ours gives, and that somebody answers for until the day of its ``review``.

    ``permission`` and ``how`` are as the target lists them (`jit.ports.Right`).
    """

    target: str
    principal: str
    permission: str
    how: str
    owner: str
    reason: str
    review: date

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.target, self.principal, self.permission, self.how


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """A system access is given to.

    Secrets in ``settings`` are named (`env:NAME`, `file:/path`), not resolved. With another ``reconcile`` it is the
    same target.
    """

    name: str
    kind: str
    settings: Mapping[str, str] = field(default_factory=dict)
    reconcile: Reconcile | None = field(default=None, compare=False)

    @property
    def variables(self) -> frozenset[str]:
        """The environment's, in which its secrets are looked for."""
        return frozenset(value.removeprefix("env:") for value in self.settings.values() if value.startswith("env:"))


@dataclass(frozen=True, slots=True)
class Channels:
    """Slack channel ids."""

    audit: str
    alerts: str


class QuorumCount(NamedTuple):
    """The people whose approvals count for one quorum, sorted by id."""

    quorum: Quorum
    counted: tuple[str, ...]


class Missing(NamedTuple):
    """How many more approvals a quorum needs."""

    quorum: Quorum
    needed: int


@dataclass(frozen=True, slots=True)
class QuorumStatus:
    """How far a rule is met, quorum by quorum in the order of the file."""

    parts: tuple[QuorumCount, ...]

    @property
    def missing(self) -> tuple[Missing, ...]:
        return tuple(
            Missing(quorum, quorum.count - len(counted))
            for quorum, counted in self.parts
            if len(counted) < quorum.count
        )

    @property
    def complete(self) -> bool:
        """A rule without a quorum is never met: silence forbids."""
        return bool(self.parts) and not self.missing

    @property
    def stage(self) -> int:
        """The earliest that is not complete, whose people are asked now; the last one where all are."""
        return min(
            (missing.quorum.stage for missing in self.missing), default=max((q.stage for q, _ in self.parts), default=1)
        )
