"""Which rule of an access decides: the first whose condition holds.

What is not known opens nothing. A rule that decides by itself is passed over where its condition cannot be answered;
of rules by which people decide everyone is asked, those of the rule that may hold and those of the next that does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from jit.facts import Quorum
from jit.policy.conditions import Holds, Inputs, Unknown
from jit.policy.model import Access, Limits, Rule


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that was looked at: whether its condition holds, and why it does not decide; empty where it does."""

    rule: Rule
    verdict: Holds | Unknown
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """``rule`` decides; None where none does. ``looked_at`` are those up to it, in order."""

    rule: Rule | None
    looked_at: tuple[Passed, ...]


def choose(access: Access, inputs: Inputs) -> Choice:
    """The rule that decides a request of which the conditions read ``inputs``."""
    looked_at: list[Passed] = []
    perhaps: list[Rule] = []
    for rule in access.rules:
        verdict = rule.when.holds(inputs) if rule.when else Holds.YES
        why_not = _why_not(rule, verdict, inputs, perhaps)
        looked_at.append(Passed(rule, verdict, why_not))
        if not why_not:
            return Choice(_with_all(perhaps, rule), tuple(looked_at))
        if isinstance(verdict, Unknown) and rule.automatic is None:
            perhaps.append(rule)
    return Choice(_with_all(perhaps[:-1], perhaps[-1]) if perhaps else None, tuple(looked_at))


def _why_not(rule: Rule, verdict: Holds | Unknown, inputs: Inputs, perhaps: Sequence[Rule]) -> str:
    if isinstance(verdict, Unknown):
        return f"its condition cannot be answered: {verdict.why}"
    if verdict is Holds.NO:
        return "its condition does not hold"
    if rule.automatic is None:
        return ""
    if perhaps:
        return "a rule before it, by which people decide, may hold"
    return beyond(rule.automatic, inputs)


def beyond(limits: Limits, inputs: Inputs) -> str:
    """Which limit keeps a rule from deciding without people; empty if none does."""
    if limits.max_duration is not None and inputs.duration > limits.max_duration:
        return "it was asked for longer than it decides by itself"
    if limits.per_person is not None and inputs.automatic_for_person >= limits.per_person:
        return "it decided as often for this person within a day as it may"
    if limits.per_access is not None and inputs.automatic_for_access >= limits.per_access:
        return "it decided as often for this access within a day as it may"
    return ""


def _together(rules: Iterable[Rule]) -> tuple[Quorum, ...]:
    """Quorums that ask for all that each of the rules asks for. One serves several rules, but where a rule has the same
    people twice it does not serve for both.
    """
    together: list[Quorum] = []
    for rule in rules:
        free = list(range(len(together)))
        for quorum in rule.quorums:
            same = next((n for n in free if (together[n].who, together[n].stage) == (quorum.who, quorum.stage)), None)
            if same is None:
                together.append(quorum)
                continue
            free.remove(same)
            if together[same].count < quorum.count:
                together[same] = quorum
    return tuple(together)


def _with_all(others: Sequence[Rule], rule: Rule) -> Rule:
    """By which the people of all of them have to say yes; each quorum once."""
    if not others:
        return rule
    rules = (*others, rule)
    return replace(
        rule,
        quorums=_together(rules),
        different_people=any(each.different_people for each in rules),
        denials_needed=min(each.denials_needed for each in rules),
        escalation=rule.escalation if all(each.escalation == rule.escalation for each in rules) else None,
        name=" and ".join(dict.fromkeys(each.called for each in rules if each.called)),
    )
