"""Whom the who-expressions of the rules come down to, for messages that are to reach them."""

from collections.abc import Iterable, Iterator, Mapping

from bot.views.text import Names
from bot.views.words import audience
from jit.facts import Quorum
from jit.policy import Policy

GROUP, SLACK = "group:", "slack:"
FEW = 5
"""As many people are named on a card; more are meant by their group."""


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


def mentioned(policy: Policy | None, requester: str, names: Names, need: Quorum) -> str:
    """Those who may decide, as mentions: Slack groups, and people named in the rules if they are few."""
    people = list(dict.fromkeys(named_in(need.who, policy.groups if policy else {})))
    groups = [who for who in people if who.startswith(SLACK)]
    few = [who for who in people if who not in groups and who != requester]
    if len(groups) > FEW or len(few) > FEW or not people:
        return audience(need, names)
    mentions = [f"<!subteam^{group.removeprefix(SLACK)}>" for group in groups]
    return ", ".join([*mentions, *(f"<@{person}>" for person in few)])


def security_of(policy: Policy, members: Mapping[str, frozenset[str]]) -> list[str]:
    """The people of security, once each; ``members`` of Slack's groups, as far as they are known."""
    people: dict[str, None] = {}
    for who in named_in(policy.security, policy.groups):
        in_group = sorted(members.get(who.removeprefix(SLACK), ())) if who.startswith(SLACK) else [who]
        people |= dict.fromkeys(in_group)
    return list(people)
