"""Whom the who-expressions of the rules come down to, for messages that are to reach them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from bot.views.text import Names, day_and_time, named
from bot.views.words import audience, word
from jit.facts import Quorum, label_of
from jit.people import directory, on_call
from jit.people.away import Absence
from jit.people.directory import Members
from jit.people.on_call import Shift
from jit.people.person import Groups
from jit.policy import Policy

GROUP, SLACK, ON_CALL, DIRECTORY = "group:", "slack:", "oncall:", "directory:"
FEW = 5
"""As many people are mentioned one by one; more are meant by their group."""
MOST_MENTIONED = 50


def named_in(who: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The people and groups from elsewhere that who-expressions of the rules come down to, in their order, each group
    once: of groups in groups there may be more ways through them than anybody could go.
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


def mentions_of(
    who: Iterable[str],
    policy: Policy | None,
    groups: Groups,
    now: datetime,
    *,
    but: Iterable[str] = (),
    most: int = FEW,
) -> str:
    """Those whom who-expressions come down to, as mentions: Slack groups, and people if they are few, those on call
    now and those in groups of the directory among them. A schedule, or such a group, of which that is not known stands
    there by its name. Empty where they are many, or nobody.
    """
    left_out = set(but)
    named = _with_people(named_in(who, policy.groups if policy else {}), groups, now)
    whole = [each for each in named if each.startswith(SLACK)]
    not_known = [each for each in named if each.startswith((ON_CALL, DIRECTORY))]
    people = [each for each in named if ":" not in each and each not in left_out]
    if len(whole) > most or len(people) > most or not (whole or people):
        return ""
    mentioned = [f"<!subteam^{group.removeprefix(SLACK)}>" for group in whole]
    mentioned += [f"<@{person}>" for person in people]
    by_name = [word(label_of(each), 80) for each in not_known]
    return ", ".join([*mentioned, *by_name])


def mentioned(
    need: Quorum, policy: Policy | None, groups: Groups, now: datetime, *, but: Collection[str], names: Names
) -> str:
    """Those who may decide, as mentions where they are few; else what they are called."""
    return mentions_of(need.who, policy, groups, now, but=but) or audience(need, names)


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


def security_of(policy: Policy, groups: Groups, now: datetime) -> list[str]:
    """The people of security, once each, as far as they are known."""
    return people_of(policy.security, policy, groups, now)


def people_of(who: Iterable[str], policy: Policy, groups: Groups, now: datetime) -> list[str]:
    """The people whom who-expressions mean, once each, as far as they are known: members of groups of Slack and of the
    directory, and those on call now.
    """
    people: dict[str, None] = {}
    for each in _with_people(named_in(who, policy.groups), groups, now):
        if each.startswith(SLACK):
            people |= dict.fromkeys(sorted(groups.members.get(each.removeprefix(SLACK), ())))
        elif ":" not in each:
            people[each] = None
    return list(people)


def _with_people(named: Iterable[str], groups: Groups, now: datetime) -> list[str]:
    """The same, once each, with people in place of their schedule, or group of the directory, where that is known."""
    found: dict[str, None] = {}
    for each in named:
        told: Shift | Members | on_call.NotKnown | directory.NotKnown | None = None
        if each.startswith(ON_CALL):
            told = groups.on_call.who(each.removeprefix(ON_CALL), now)
        elif each.startswith(DIRECTORY):
            told = groups.directory.who(each.removeprefix(DIRECTORY), now)
        found |= dict.fromkeys(sorted(told.people) if isinstance(told, Shift | Members) else [each])
    return list(found)


def mentions(who: Iterable[str], policy: Policy, groups: Groups, now: datetime, but: Collection[str] = ()) -> list[str]:
    """Everybody whom ``who`` comes down to, once each: Slack groups as such, people by themselves, unless they are
    ``but`` or stand in one of these; for what must not be overlooked by anybody.
    """
    whole: dict[str, None] = {}
    people: dict[str, None] = {}
    for each in _with_people(named_in(who, policy.groups), groups.in_emergency(), now):
        if each.startswith(SLACK):
            whole[each.removeprefix(SLACK)] = None
        elif each.startswith(DIRECTORY):  # as far as it is known, however old
            people |= dict.fromkeys(sorted(groups.directory.people(each.removeprefix(DIRECTORY))))
        else:
            people[each] = None
    told = {*but, *(person for group in whole for person in groups.members.get(group, ()))}
    alone = [f"<@{person}>" for person in people if person not in told]
    return [*(f"<!subteam^{group}>" for group in whole), *alone][:MOST_MENTIONED]
