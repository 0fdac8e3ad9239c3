"""A policy's answer in words: who may ask, what is given, and each rule, whether it decides and why not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jit.durations import say_duration
from jit.facts import Quorum, label_of
from jit.people.directory import Members
from jit.people.membership import StaleGroups
from jit.people.on_call import Shift
from jit.people.person import Groups
from jit.policy.choosing import choose
from jit.policy.conditions import IncidentInputs, Inputs, Unknown
from jit.policy.model import Access, Rule
from jit.policy.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """What a request is supposed to be like. ``on_call`` are schedules that the person is on call for, whatever is
    known; ``zone`` is theirs.
    """

    now: datetime
    duration: timedelta | None = None
    incident: IncidentInputs | None = None
    on_call: frozenset[str] = frozenset()
    zone: str | None = None
    reason: str = ""
    grants_by_day: tuple[int, ...] | None = None


def supposed_inputs(policy: Policy, access: Access, person: str, groups: Groups, supposed: Supposed) -> Inputs:
    """What the conditions of this access would read. Groups that hang on Slack are left out while that is stale."""
    schedules = {name for rule in access.rules if rule.when for name in rule.when.schedules} | supposed.on_call
    shifts = {name: groups.on_call.who(name, supposed.now) for name in schedules}
    heard = {name: shift.includes(person) if isinstance(shift, Shift) else None for name, shift in shifts.items()}
    try:
        own = policy.groups_of(person, groups, supposed.now)
    except StaleGroups:
        own = ()
    return Inputs(
        requester=person,
        groups=own,
        zone=supposed.zone,
        on_call=heard | dict.fromkeys(supposed.on_call, True),
        access=access.name,
        risk=access.risk,
        target=access.target,
        labels=dict(access.labels),
        duration=access.max_duration if supposed.duration is None else supposed.duration,
        reason=supposed.reason,
        incident=supposed.incident,
        now=supposed.now,
        grants_by_day=supposed.grants_by_day,
    )


def explain(policy: Policy, access: Access, person: str, groups: Groups, supposed: Supposed) -> str:
    """Ids and who-expressions stand as in the files; with a stale snapshot it says what is not known."""
    groups = _on_call_as_supposed(groups, person, supposed)
    what = f"{', '.join(access.grants)} on {access.target}, risk {access.risk}"
    lines = [
        _asking(policy, access, person, groups, supposed.now),
        f"Gives: {what}, for {say_duration(access.max_duration)} at most.",
        f"Owner: {label_of(access.owner)}." if access.owner else "Nobody is named as its owner.",
    ]
    if supposed.duration is not None and supposed.duration > access.longest(emergency=False):
        lines.append(f"{say_duration(supposed.duration)} is longer than that: it cannot be asked for.")
    if access.incident:
        lines.append(f"Wants an incident like {access.incident}.")
    lines += _by_duration(policy, access, person, groups, supposed)
    lines += _break_glass(policy, access, person, groups, supposed.now)
    lines.append(f"Lapses if unanswered for {say_duration(access.pending_for)}.")
    if (extend := access.extend) is not None:
        same = extend.rules == access.rules
        times = f"by {say_duration(extend.each)} at a time, to {say_duration(extend.ceiling)} in all"
        lines.append(f"Can be extended {times}, {'decided in the same way.' if same else 'where this decides:'}")
        lines += [] if same else _rules(policy, access.decided_by(extend.rules), person, groups, supposed)
    return "\n".join(lines)


def _by_duration(policy: Policy, access: Access, person: str, groups: Groups, supposed: Supposed) -> Iterator[str]:
    """The rules, and those of an exception, or these alone where it is supposed to be one."""
    own = access.exception
    if own is None:
        yield from _rules(policy, access, person, groups, supposed)
        return
    longest = say_duration(own.max_duration)
    if supposed.duration is not None and access.basis_of(supposed.duration) == "exception":
        yield f"{say_duration(supposed.duration)} is an exception ({longest} at most), which this decides:"
    else:
        yield from _rules(policy, access, person, groups, supposed)
        yield f"For longer, {longest} at most, it can be asked for as an exception, which this decides:"
        supposed = replace(supposed, duration=own.max_duration)
    yield from _rules(policy, access.decided_by(own.rules), person, groups, supposed)


def _asking(policy: Policy, access: Access, person: str, groups: Groups, now: datetime) -> str:
    def through(who: Iterable[str]) -> str | None:
        return next((each for each in who if policy.includes((each,), person, groups, now)), None)

    def told_by(who: str) -> str:
        return _told_by(policy.by(who, person, groups, now), groups, now)

    try:
        if person in groups.directory.disabled:
            return f"{person} may not ask for {access.name}: the directory says that their account is disabled."
        if denied := through(access.deny):
            return f"{person} may not ask for {access.name}: denied to {denied}.{told_by(denied)}"
        if allowed := through(sorted(access.request, key=lambda each: each != person)):
            return f"{person} may ask for {access.name}: allowed to {allowed}.{told_by(allowed)}"
    except StaleGroups as stale:
        return f"Whether {person} may ask for {access.name} is not known. {stale}"
    return f"{person} may not ask for {access.name}: only {' or '.join(access.request)} may."


def _told_by(leaf: str, groups: Groups, now: datetime) -> str:
    """Where a membership comes from that the policy files do not say themselves, and how old that is."""
    kind, _, name = leaf.rpartition(":")
    if kind == "slack":
        read = groups.as_of
    elif kind == "oncall":
        read = groups.on_call.who(name, now).as_of
    elif kind == "directory" and isinstance(answer := groups.directory.who(name, now), Members):
        leaf, read = f"{leaf} ({answer.entry})", answer.as_of
    else:
        return ""
    return f" That comes from {leaf}, read {say_duration(max(now - read, timedelta(0)))} ago."


def _break_glass(policy: Policy, access: Access, person: str, groups: Groups, now: datetime) -> Iterator[str]:
    """Who may, for how long, and who reviews it; nothing where nobody may."""
    glass = access.break_glass
    if glass is None:
        return
    terms = (
        f"{say_duration(glass.max_duration)} at most, with an incident; "
        f"{' or '.join(glass.review_by)} reviews it within {say_duration(glass.review_within)}"
    )
    listed = f"listed: {', '.join(glass.who)}"
    try:
        if policy.may_break_glass(access, person, groups, now):
            yield f"Break-glass: {person} may, at once, for {terms} ({listed})."
            return
        denied = policy.includes(access.deny, person, groups, now)
    except StaleGroups as stale:
        yield f"Break-glass: whether {person} may is not known. {stale} Those who may: for {terms} ({listed})."
        return
    why = f"denied to {' or '.join(access.deny)}" if denied else listed
    yield f"Break-glass: {person} may not ({why}). Those who may: for {terms}."


def _on_call_as_supposed(groups: Groups, person: str, supposed: Supposed) -> Groups:
    """The same groups, in which the person is on call for what is supposed."""
    told = groups.on_call
    for schedule in supposed.on_call:
        told = told.with_answer(Shift(schedule, frozenset({person}), supposed.now, "supposed", 0.0))
    return replace(groups, on_call=told)


def _rules(policy: Policy, access: Access, person: str, groups: Groups, supposed: Supposed) -> Iterator[str]:
    if len(access.rules) == 1 and not access.rules[0].called and access.rules[0].automatic is None:
        yield from _deciding(policy, access.rules[0], person, groups, supposed.now)
        return
    inputs = supposed_inputs(policy, access, person, groups, supposed)
    choice = choose(access, inputs)
    for number, rule in enumerate(access.rules, 1):
        looked = choice.looked_at[number - 1] if number <= len(choice.looked_at) else None
        if looked is None:
            said = f"does not decide, as one before it does; {_verdict(rule, inputs)}"
        elif looked.why_not:
            said = f"does not decide: {looked.why_not}"
        else:
            said = "decides by itself" if rule.automatic is not None else "decides"
        named = f" ({rule.name})" if rule.name else ""
        when = f" when {rule.when.in_words}" if rule.when else ""
        yield f"Rule {number}{named}{when}: {said}."
    if choice.rule is None:
        yield "No rule holds: it cannot be asked for now."
    else:
        yield from _deciding(policy, choice.rule, person, groups, supposed.now)


def _verdict(rule: Rule, inputs: Inputs) -> str:
    if rule.when is None:
        return "it would, for whatever is asked"
    verdict = rule.when.holds(inputs)
    if isinstance(verdict, Unknown):
        return f"its condition cannot be answered: {verdict.why}"
    return "its condition holds, too" if verdict else "its condition does not hold"


def _deciding(policy: Policy, rule: Rule, person: str, groups: Groups, now: datetime) -> Iterator[str]:
    yield from (_quorum(policy, quorum, person, groups, now) for quorum in rule.quorums)
    if rule.different_people and len(rule.quorums) > 1:
        yield "Different people for each."
    if rule.denials_needed > 1:
        yield f"{rule.denials_needed} of them have to deny."
    if rule.escalation:
        others = " or ".join(label_of(each) for each in rule.escalation.to)
        yield f"Undecided for {say_duration(rule.escalation.after)}: {others} are asked, too."


def _quorum(policy: Policy, quorum: Quorum, person: str, groups: Groups, now: datetime) -> str:
    then = "Then needs" if quorum.stage > 1 else "Needs"
    need = f"{then} {quorum.count} of {quorum.label}"
    try:
        people = sorted(policy.members(quorum.who, groups, now) - {person})
    except StaleGroups as stale:
        return f"{need}. {stale}"
    if len(people) < quorum.count:
        return f"{need}, and only {len(people)} beside the requester could: nobody can approve this."
    return f"{need}: {', '.join(people)}."
