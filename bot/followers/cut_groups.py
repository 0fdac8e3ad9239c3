"""Slack groups that lose at once most of those who hold access by them: over a slip, or by somebody who means it.

Such a group is suspected, as one is that is emptied: it is told of, and ends nothing. It stays so until each of them is
back, or holds nothing any more. Who leaves by themselves loses what they hold.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from jit.ledger import Notes
from jit.people.person import Groups
from jit.policy import Access, Policy
from jit.requests.lifecycle import Request

LEAST = 3
"""People. More than half of those who hold access by the group have to be among them, too."""
LET = "let:"


class Way(NamedTuple):
    """How a group lets somebody: by their being in it, or, one that is denied, by their not being in it."""

    group: str
    inside: bool

    def is_open(self, person: str, groups: Groups) -> bool:
        return (person in groups.members.get(self.group, ())) is self.inside


class CutGroups:
    """``notes`` keep by which groups each access is let, for whoever begins while a group is cut."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._let: dict[str, frozenset[Way]] = {}
        self._suspected: set[str] = set()

    def begin(self, suspected: Iterable[str]) -> None:
        """``suspected`` are groups that were told of."""
        self._suspected = set(suspected)
        self._let = {key.removeprefix(LET): _read(kept) for key, kept in self._notes.all(LET).items()}

    def look(
        self, given: Collection[Request], left: Collection[str], policy: Policy, groups: Groups
    ) -> Mapping[str, frozenset[str]]:
        """The suspected groups by which somebody would lose what they hold, by request. ``left`` are those requests of
        ``given`` whose requester may not ask for them any more, by groups that are fresh.
        """
        self._learn(given, left, policy, groups)
        holders: dict[str, set[str]] = {}
        losers: dict[str, set[str]] = {}
        by: dict[str, set[str]] = {}
        for request in given:
            named = _ways(policy.accesses.get(request.access), policy)
            for way in self._let.get(request.id, frozenset()) & named:
                holders.setdefault(way.group, set()).add(request.requester)
                if request.id in left and not way.is_open(request.requester, groups):
                    losers.setdefault(way.group, set()).add(request.requester)
                    by.setdefault(request.id, set()).add(way.group)
        cut = {group for group, people in losers.items() if LEAST <= len(people) > len(holders[group]) / 2}
        self._suspected = (self._suspected & losers.keys()) | cut
        return {each: frozenset(found) for each, ways in by.items() if (found := ways & self._suspected)}

    def _learn(self, given: Collection[Request], left: Collection[str], policy: Policy, groups: Groups) -> None:
        """By which groups each is let now, of those who are."""
        changes: dict[str, str | None] = {}
        for request in given:
            ways = _ways(policy.accesses.get(request.access), policy)
            let = frozenset(way for way in ways if way.is_open(request.requester, groups))
            if request.id not in left and self._let.get(request.id, frozenset()) != let:
                self._let[request.id] = let
                changes[LET + request.id] = _write(let)
        over = self._let.keys() - {request.id for request in given}
        for request_id in over:
            del self._let[request_id]
        if changes or over:
            self._notes.put({**changes, **{LET + request_id: None for request_id in over}})


def _ways(access: Access | None, policy: Policy) -> frozenset[Way]:
    if access is None:
        return frozenset()
    asking = {Way(group, inside=True) for group in policy.slack_groups(access.request)}
    return frozenset(asking | {Way(group, inside=False) for group in policy.slack_groups(access.deny)})


def _write(ways: Iterable[Way]) -> str:
    """`+S0ENGIN01 -S0BARRED1`"""
    return " ".join(sorted(f"{'+' if way.inside else '-'}{way.group}" for way in ways))


def _read(kept: str) -> frozenset[Way]:
    return frozenset(Way(each[1:], inside=each[0] == "+") for each in kept.split())
