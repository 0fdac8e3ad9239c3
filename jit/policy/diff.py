"""What a change to the rules would have done: requests of the past, decided by the rules before and after it. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from jit.durations import say_duration
from jit.people.membership import StaleGroups
from jit.people.person import Groups
from jit.policy.changes import Effect, changes, in_lines
from jit.policy.choosing import choose
from jit.policy.conditions import IncidentInputs, Inputs
from jit.policy.emergency import emergency_rule
from jit.policy.model import Access, Rule
from jit.policy.policy import Policy

MOST_CHANGES = 200
MOST_PEOPLE = 5


class Kind(StrEnum):
    """What was asked for. Each is decided by rules of its own."""

    REQUEST = "request"
    BREAK_GLASS = "break-glass"
    CO_SIGNED = "break-glass, co-signed"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was asked, or an extension, of which ``given_at`` and ``ends_at`` say since and until when the
    access was held then. ``inputs`` are what conditions could read then. Where that was not recorded yet, they read no
    more than stands here.
    """

    id: str
    at: datetime
    requester: str
    access: str
    duration: timedelta
    reason: str
    incident: str | None
    inputs: Inputs | None = None
    kind: Kind = Kind.REQUEST
    given_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def called(self) -> str:
        """The access, and what was asked for of it where that was no ordinary request."""
        return self.access if self.kind is Kind.REQUEST else f"{self.access} ({self.kind})"


class _Way(IntEnum):
    """How hard it is to get; the lower the harder."""

    REFUSED = 0
    PEOPLE = 1
    ITSELF = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What rules make of a request, in words; ``people`` is how many approvals they want."""

    way: _Way
    says: str
    people: int = 0


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Requests for one access that would come out in the same other way. ``access`` is as `Asked.called` has it."""

    access: str
    before: Outcome
    after: Outcome
    requests: tuple[Asked, ...]

    @property
    def effect(self) -> Effect:
        was, now = (self.before.way, -self.before.people), (self.after.way, -self.after.people)
        if was == now:
            return Effect.OTHER
        return Effect.LOOSER if now > was else Effect.TIGHTER


def otherwise(before: Policy, after: Policy, asked: Iterable[Asked], groups: Groups) -> list[Otherwise]:
    """What would come out otherwise, the looser first. People are in those groups of Slack in which they are now."""
    found: dict[tuple[str, Outcome, Outcome], list[Asked]] = {}
    for each in asked:
        was, now = outcome(before, each, groups), outcome(after, each, groups)
        if was != now:
            found.setdefault((each.called, was, now), []).append(each)
    order = list(Effect)
    grouped = [Otherwise(*key, tuple(requests)) for key, requests in found.items()]
    return sorted(grouped, key=lambda each: (order.index(each.effect), each.access, each.after.says))


def outcome(policy: Policy, asked: Asked, groups: Groups) -> Outcome:
    """What the rules make of a request for it."""
    access = policy.accesses.get(asked.access)
    if access is None:
        return _refused("there is no such access")
    try:
        why = _not_to_be_asked(policy, access, asked, groups)
        return _refused(why) if why else _decided(policy, _rule(policy, access, asked, groups), asked, groups)
    except StaleGroups:
        return _refused("it is not known who is on call")


def _not_to_be_asked(policy: Policy, access: Access, asked: Asked, groups: Groups) -> str:
    """Raises StaleGroups."""
    emergency = asked.kind in {Kind.BREAK_GLASS, Kind.CO_SIGNED}
    if emergency and not policy.may_break_glass(access, asked.requester, groups, groups.as_of):
        return "may not break the glass" if access.break_glass else "nobody may break the glass"
    if not emergency and not policy.may_ask(access, asked.requester, groups, groups.as_of):
        return "may not ask"
    if policy.principal(asked.requester, access.target) is None:
        return "has no name there"
    if asked.kind is Kind.EXTENSION:
        return _not_to_be_extended(access, asked)
    if asked.duration > (longest := access.longest(emergency=emergency)):
        return f"longer than {say_duration(longest)}"
    return "" if access.accepts_incident(asked.incident or "") else "wants another incident"


def _not_to_be_extended(access: Access, asked: Asked) -> str:
    if access.extend is None:
        return "cannot be extended"
    if asked.duration > access.extend.each:
        return f"longer than {say_duration(access.extend.each)} more"
    if asked.given_at is None or asked.ends_at is None:
        return ""
    room = access.extend.room(asked.given_at, asked.ends_at)
    return f"longer than {say_duration(access.extend.ceiling)} in all" if asked.duration > room else ""


def _rule(policy: Policy, access: Access, asked: Asked, groups: Groups) -> Rule | None:
    """Raises StaleGroups."""
    if asked.kind in {Kind.BREAK_GLASS, Kind.CO_SIGNED}:
        return emergency_rule(access, co_signed=asked.kind is Kind.CO_SIGNED)
    if asked.kind is Kind.EXTENSION and access.extend is not None:
        access = access.decided_by(access.extend.rules)
    elif asked.kind is Kind.REQUEST:
        access = access.asked_for(asked.duration)
    return choose(access, _read(policy, access, asked, groups)).rule


def _decided(policy: Policy, rule: Rule | None, asked: Asked, groups: Groups) -> Outcome:
    """Raises StaleGroups."""
    if rule is None:
        return _refused("no rule holds")
    if not policy.decidable(rule, asked.requester, groups, groups.as_of):
        return _refused("nobody could approve")
    if rule.automatic is not None:
        return Outcome(_Way.ITSELF, f"at once, by rule: {rule.called}" if rule.called else "at once, by rule")
    needs = " and ".join(f"{quorum.count} of {quorum.label}" for quorum in rule.quorums)
    different = ", different people" if rule.different_people and len(rule.quorums) > 1 else ""
    basis = policy.accesses[asked.access].basis_of(asked.duration) if asked.kind is Kind.REQUEST else "rule"
    exception = ", as an exception" if basis == "exception" else ""
    return Outcome(_Way.PEOPLE, f"{needs}{different}{exception}", rule.approvals_needed)


def _read(policy: Policy, access: Access, asked: Asked, groups: Groups) -> Inputs:
    """What the conditions would read: as it was then, but for what these rules themselves say. Raises StaleGroups."""
    own = policy.groups_of(asked.requester, groups, groups.as_of)
    if asked.inputs is None:
        return Inputs(
            requester=asked.requester,
            groups=own,
            access=access.name,
            target=access.target,
            risk=access.risk,
            labels=dict(access.labels),
            duration=asked.duration,
            reason=asked.reason,
            now=asked.at,
            incident=IncidentInputs(asked.incident) if asked.incident else None,
        )
    return replace(asked.inputs, groups=own, risk=access.risk, target=access.target, labels=dict(access.labels))


def _refused(why: str) -> Outcome:
    return Outcome(_Way.REFUSED, f"refused: {why}")


def as_text(
    before: Policy,
    after: Policy,
    looked_at: int,
    found: list[Otherwise],
    names: Callable[[str], str],
    *,
    why_none: str = "",
) -> str:
    """For a terminal. ``looked_at`` is the number of requests that were decided anew, and ``why_none`` why there were
    none to be.
    """
    lines = [f"  {line}" for line in in_lines(changes(before, after), MOST_CHANGES)]
    said = [f"{before.version[:12]} -> {after.version[:12]}", *(lines or ["  The rules say the same."])]
    said += [_summary(looked_at, found), *([f"Nothing was decided anew: {why_none}"] if why_none else [])]
    said += [
        f"  {each.effect.value}: {each.access}, {_count(each)} of {_people(each, names)}: "
        f"{each.before.says} -> {each.after.says}"
        for each in found
    ]
    return "\n".join(said)


def as_markdown(
    before: Policy,
    after: Policy,
    looked_at: int,
    found: list[Otherwise],
    names: Callable[[str], str],
    *,
    why_none: str = "",
) -> str:
    """For a pull request. The rest as `as_text` has it."""
    lines = [f"- {_cell(line)}" for line in in_lines(changes(before, after), MOST_CHANGES)]
    said = [f"### Rules {before.version[:12]} to {after.version[:12]}", "", *(lines or ["The rules say the same."]), ""]
    said += [_summary(looked_at, found), ""]
    said += [f"Nothing was decided anew: {_cell(why_none)}", ""] if why_none else []
    if found:
        said += ["| | access | requests | of | before | after |", "|---|---|---:|---|---|---|"]
        said += [
            f"| {each.effect.value} | {_cell(each.access)} | {len(each.requests)} | {_cell(_people(each, names))} "
            f"| {_cell(each.before.says)} | {_cell(each.after.says)} |"
            for each in found
        ]
    return "\n".join(said).rstrip()


def _summary(looked_at: int, found: list[Otherwise]) -> str:
    others = sum(len(each.requests) for each in found)
    return f"Of {looked_at:,} requests decided anew, {others:,} come out otherwise."


def _count(each: Otherwise) -> str:
    return f"{len(each.requests)} request{'' if len(each.requests) == 1 else 's'}"


def _people(each: Otherwise, names: Callable[[str], str]) -> str:
    people = list(dict.fromkeys(request.requester for request in each.requests))
    more = f" and {len(people) - MOST_PEOPLE} more" if len(people) > MOST_PEOPLE else ""
    return ", ".join(names(person) for person in people[:MOST_PEOPLE]) + more


def _cell(text: str) -> str:
    """Nothing in it is Markdown or HTML."""
    for sign in "\\`*_{}[]<>|~#":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
