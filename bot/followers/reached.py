"""Whom the who-expressions of the rules come down to, for messages that are to reach them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from bot.views.text import Names, day_and_time, named
from bot.views.words import audience
from jit.facts import Quorum
from jit.people.away import Absence
from jit.people.on_call import Shift
from jit.people.person import Groups
from jit.policy import Policy

GROUP, SLACK, ON_CALL = "group:", "slack:", "oncall:"
FEW = 5
"""As many people are mentioned one by one; more are meant by their group."""
MOST_MENTIONED = 50


def named_in(who: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The people and Slack groups that who-expressions of the rules come down to, in their order, each group once:
    of groups in groups there may be more ways through them than anybody could go.
    """
    seen: set[str] = set()
    asked = list(who)[::-1]
    while asked:
        each = asked.pop()
        if not each.startswith(GROUP):
            yield each
        elif each not in seen:
            seen.add(each)
            asked += groups.get(each.removeprefix(GROUP), ())[::-1]


def mentions_of(who: Iterable[str], policy: Policy | None, but: Iterable[str] = (), most: int = FEW) -> str:
    """Those whom who-expressions come down to, as mentions: Slack groups, and people if they are few. Empty where they
    are many, or nobody.
    """
    left_out = set(but)
    named = list(dict.fromkeys(named_in(who, policy.groups if policy else {})))
    groups = [each for each in named if each.startswith(SLACK)]
    people = [each for each in named if each not in groups and each not in left_out]
    if len(groups) > most or len(people) > most or not named:
        return ""
    mentioned = [f"<!subteam^{group.removeprefix(SLACK)}>" for group in groups]
    return ", ".join([*mentioned, *(f"<@{person}>" for person in people)])


def mentioned(policy: Policy | None, names: Names, need: Quorum, but: Iterable[str]) -> str:
    """Those who may decide, as mentions where they are few; else what they are called."""
    return mentions_of(need.who, policy, but=but) or audience(need, names)


def stood_in(people: Iterable[str], who: Iterable[str], absences: Mapping[str, Absence]) -> list[Absence]:
    """Those of ``people``, whom the who-expressions ``who`` mean, who are away, with another of them standing in."""
    meant, expressions = set(people), list(who)
    covered = [each for each in absences.values() if each.covers(expressions, meant)]
    return sorted((each for each in covered if each.substitute not in absences), key=lambda each: each.person)


def said_away(absences: Iterable[Absence], names: Names, *, mention: bool) -> str:
    """`Bob is away until Dec 1, Carol stands in`; empty where nobody is."""
    said = (
        f"{named(each.person, names)} is away until {day_and_time(each.until)}: "
        f"{f'<@{each.substitute}>' if mention else named(each.substitute, names)} stands in"
        for each in list(absences)[:FEW]
    )
    return " · ".join(said)


def security_of(policy: Policy, members: Mapping[str, frozenset[str]]) -> list[str]:
    """The people of security, once each; ``members`` of Slack's groups, as far as they are known."""
    return people_of(policy.security, policy, members)


def people_of(who: Iterable[str], policy: Policy, members: Mapping[str, frozenset[str]]) -> list[str]:
    """The people whom who-expressions mean, once each."""
    people: dict[str, None] = {}
    for each in named_in(who, policy.groups):
        in_group = sorted(members.get(each.removeprefix(SLACK), ())) if each.startswith(SLACK) else [each]
        people |= dict.fromkeys(in_group)
    return list(people)


def mentions(who: Iterable[str], policy: Policy, groups: Groups, now: datetime, but: Collection[str] = ()) -> list[str]:
    """Everybody whom ``who`` comes down to, once each: Slack groups as such, people by themselves, unless they are
    ``but`` or stand in one of these; for what must not be overlooked by anybody.
    """
    whole: dict[str, None] = {}
    people: dict[str, None] = {}
    for each in named_in(who, policy.groups):
        if each.startswith(SLACK):
            whole[each.removeprefix(SLACK)] = None
        elif each.startswith(ON_CALL):
            shift = groups.in_emergency().on_call.who(each.removeprefix(ON_CALL), now)
            people |= dict.fromkeys(sorted(shift.people) if isinstance(shift, Shift) else ())
        else:
            people[each] = None
    told = {*but, *(person for group in whole for person in groups.members.get(group, ()))}
    alone = [f"<@{person}>" for person in people if person not in told]
    return [*(f"<!subteam^{group}>" for group in whole), *alone][:MOST_MENTIONED]
