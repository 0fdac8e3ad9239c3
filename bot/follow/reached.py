"""Whom the who-expressions of the rules come down to, for messages that are to reach them."""

from collections.abc import Iterable, Iterator, Mapping

from jit.policy import Policy

GROUP, SLACK = "group:", "slack:"


def named_in(who: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The people and Slack groups that who-expressions of the rules come down to. ``groups`` has no cycles."""
    for each in who:
        if each.startswith(GROUP):
            yield from named_in(groups.get(each.removeprefix(GROUP), ()), groups)
        else:
            yield each


def security_of(policy: Policy, members: Mapping[str, frozenset[str]]) -> list[str]:
    """The people of security, once each; ``members`` of Slack's groups, as far as they are known."""
    people: dict[str, None] = {}
    for who in named_in(policy.security, policy.groups):
        in_group = sorted(members.get(who.removeprefix(SLACK), ())) if who.startswith(SLACK) else [who]
        people |= dict.fromkeys(in_group)
    return list(people)
