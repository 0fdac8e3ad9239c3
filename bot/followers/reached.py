"""Whom the who-expressions of the rules come down to, for messages that are to reach them."""

from collections.abc import Iterable, Iterator, Mapping

from jit.policy import Policy

GROUP, SLACK = "group:", "slack:"


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


def security_of(policy: Policy, members: Mapping[str, frozenset[str]]) -> list[str]:
    """The people of security, once each; ``members`` of Slack's groups, as far as they are known."""
    people: dict[str, None] = {}
    for who in named_in(policy.security, policy.groups):
        in_group = sorted(members.get(who.removeprefix(SLACK), ())) if who.startswith(SLACK) else [who]
        people |= dict.fromkeys(in_group)
    return list(people)
