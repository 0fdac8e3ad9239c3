"""A policy's answer in words."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from jit.durations import say_duration
from jit.facts import Quorum
from jit.people.membership import StaleGroups
from jit.people.person import Groups
from jit.policy.model import Access, Rule
from jit.policy.policy import Policy


def explain(policy: Policy, access: Access, person: str, groups: Groups, now: datetime) -> str:
    """Ids and who-expressions stand as in the files; with a stale snapshot it says what is not known."""
    what = f"{', '.join(access.grants)} on {access.target}, risk {access.risk}"
    lines = [
        _asking(policy, access, person, groups, now),
        f"Gives: {what}, for {say_duration(access.max_duration)} at most.",
    ]
    if access.incident:
        lines.append(f"Wants an incident like {access.incident}.")
    lines += _deciding_rules(policy, access.rules, person, groups, now)
    lines.append(f"Lapses if unanswered for {say_duration(access.pending_for)}.")
    if (extend := access.extend) is not None:
        same = extend.rules == access.rules
        times = f"by {say_duration(extend.each)} at a time, to {say_duration(extend.ceiling)} in all"
        lines.append(f"Can be extended {times}, {'decided in the same way.' if same else 'where this decides:'}")
        lines += [] if same else _deciding_rules(policy, extend.rules, person, groups, now)
    return "\n".join(lines)


def _deciding_rules(policy: Policy, rules: Sequence[Rule], person: str, groups: Groups, now: datetime) -> Iterator[str]:
    for number, rule in enumerate(rules, 1):
        if len(rules) > 1 or rule.called:
            yield _rule(number, rule)
        yield from (_deciding(policy, quorum, person, groups, now) for quorum in rule.quorums)


def _asking(policy: Policy, access: Access, person: str, groups: Groups, now: datetime) -> str:
    def through(who: Iterable[str]) -> str | None:
        return next((each for each in who if policy.includes((each,), person, groups, now)), None)

    try:
        if denied := through(access.deny):
            return f"{person} may not ask for {access.name}: denied to {denied}."
        if allowed := through(sorted(access.request, key=lambda each: each != person)):
            return f"{person} may ask for {access.name}: allowed to {allowed}."
    except StaleGroups as stale:
        return f"Whether {person} may ask for {access.name} is not known. {stale}"
    return f"{person} may not ask for {access.name}: only {' or '.join(access.request)} may."


def _rule(number: int, rule: Rule) -> str:
    named = f" ({rule.name})" if rule.name else ""
    when = f", when {rule.when.text}" if rule.when else ""
    itself = ", decides by itself" if rule.automatic is not None else ""
    return f"Rule {number}{named}{when}{itself}:"


def _deciding(policy: Policy, quorum: Quorum, person: str, groups: Groups, now: datetime) -> str:
    need = f"Needs {quorum.count} of {quorum.label}"
    try:
        people = sorted(policy.members(quorum.who, groups, now) - {person})
    except StaleGroups as stale:
        return f"{need}. {stale}"
    if len(people) < quorum.count:
        return f"{need}, and only {len(people)} beside the requester could: nobody can approve this."
    return f"{need}: {', '.join(people)}."
