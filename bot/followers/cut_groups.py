"""Groups of Slack, or of the directory, that lose at once most of those who hold access by them: over a slip, or by
somebody who means it.

Such a group is suspected, as one is that is emptied: it is told of, and ends nothing. It stays so until each of them is
back, or holds nothing any more. Who leaves by themselves loses what they hold.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from jit.ledger import Notes
from jit.people.person import Groups
from jit.policy import Access, Policy
from jit.requests.lifecycle import Request

LEAST = 3
"""People. More than half of those who hold access by the group have to be among them, too."""
LET = "let:"


class Way(NamedTuple):
    """How a group lets somebody: by their being in it, or, one that is denied, by their not being in it. ``group`` is
    as in `Groups.held`.
    """

    group: str
    inside: bool

    def is_open(self, person: str, groups: Groups, now: datetime) -> bool | None:
        """None where that is not known."""
        held = groups.held(self.group, now)
        return None if held is None else (person in held) is self.inside


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
        self, given: Collection[Request], left: Collection[str], policy: Policy, groups: Groups, now: datetime
    ) -> Mapping[str, frozenset[str]]:
        """The suspected groups by which somebody would lose what they hold, by request. ``left`` are those requests of
        ``given`` whose requester may not ask for them any more, by groups that are fresh.
        """
        self._learn(given, left, policy, groups, now)
        holders: dict[str, set[str]] = {}
        losers: dict[str, set[str]] = {}
        by: dict[str, set[str]] = {}
        for request in given:
            named = _ways(policy.accesses.get(request.access), policy)
            for way in self._let.get(request.id, frozenset()) & named:
                holders.setdefault(way.group, set()).add(request.requester)
                if request.id in left and way.is_open(request.requester, groups, now) is False:
                    losers.setdefault(way.group, set()).add(request.requester)
                    by.setdefault(request.id, set()).add(way.group)
        cut = {group for group, people in losers.items() if LEAST <= len(people) > len(holders[group]) / 2}
        not_known = {group for group in self._suspected if groups.held(group, now) is None}
        self._suspected = (self._suspected & (losers.keys() | not_known)) | cut
        return {each: frozenset(found) for each, ways in by.items() if (found := ways & self._suspected)}

    def _learn(
        self, given: Collection[Request], left: Collection[str], policy: Policy, groups: Groups, now: datetime
    ) -> None:
        """By which groups each is let now, of those who are; of a group that is not known, as it was."""
        changes: dict[str, str | None] = {}
        for request in given:
            ways = _ways(policy.accesses.get(request.access), policy)
            before = self._let.get(request.id, frozenset())
            found = {way: way.is_open(request.requester, groups, now) for way in ways}
            let = frozenset(way for way, is_open in found.items() if (way in before if is_open is None else is_open))
            if request.id not in left and before != let:
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
    asking = {Way(group, inside=True) for group in policy.told_groups(access.request)}
    return frozenset(asking | {Way(group, inside=False) for group in policy.told_groups(access.deny)})


def _write(ways: Iterable[Way]) -> str:
    """`+S0ENGIN01 -S0BARRED1`"""
    return " ".join(sorted(f"{'+' if way.inside else '-'}{way.group}" for way in ways))


def _read(kept: str) -> frozenset[Way]:
    return frozenset(Way(each[1:], inside=each[0] == "+") for each in kept.split())
