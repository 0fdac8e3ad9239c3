"""Who is meant by `U…`, `group:name` and `slack:S…`, given a snapshot of Slack's groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from jit.people import Groups

GROUP = "group:"
SLACK = "slack:"
_REMEMBERED = 10_000


class StaleGroups(Exception):
    """Slack's user groups could not be read lately, so who is in them is not known. Try again soon."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


@dataclass(frozen=True, slots=True)
class Circles:
    """Every who-expression of a policy that means one person (``sure``), or may do so (``unsure``).

    Unsure are those that hang on a Slack group while the snapshot is stale.
    """

    sure: frozenset[str]
    unsure: frozenset[str]

    def touch(self, who: Iterable[str]) -> bool:
        """Whether ``who`` means this person. Raises StaleGroups where only Slack could tell."""
        if not self.sure.isdisjoint(who):
            return True
        if not self.unsure.isdisjoint(who):
            raise StaleGroups
        return False


class Membership:
    """The groups of one policy, flattened once; what is found for a snapshot is remembered until the next.

    A snapshot is taken as unchanging: a new state is a new `Groups`.
    """

    def __init__(self, groups: Mapping[str, Iterable[str]], others: Iterable[str]) -> None:
        """``others`` are the who-expressions used outside ``groups``, which must be free of cycles."""
        self._leaves: dict[str, frozenset[str]] = {}
        for name in groups:
            self._flatten(name, groups)
        used = set(others).union(*self._leaves.values())
        self._slack = frozenset(who for who in used if who.startswith(SLACK))
        self._known: tuple[Groups | None, dict[tuple[str, bool], Circles]] = (None, {})

    def circles(self, person: str, snapshot: Groups, now: datetime) -> Circles:
        known_for, known = self._known
        if known_for is not snapshot or len(known) > _REMEMBERED:
            known = {}
            self._known = (snapshot, known)
        key = (person, snapshot.fresh(now))
        if key not in known:
            known[key] = self._find(person, snapshot, fresh=key[1])
        return known[key]

    def members(self, who: Iterable[str], snapshot: Groups, now: datetime) -> frozenset[str]:
        """Everybody meant by ``who``. Raises StaleGroups."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        slack = {leaf for leaf in leaves if leaf.startswith(SLACK)}
        if slack and not snapshot.fresh(now):
            raise StaleGroups
        return frozenset(leaves - slack).union(
            *(snapshot.members.get(leaf.removeprefix(SLACK), frozenset()) for leaf in slack)
        )

    def slack_groups(self, who: Iterable[str]) -> frozenset[str]:
        """The ids of the Slack groups that ``who`` hangs on."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        return frozenset(leaf.removeprefix(SLACK) for leaf in leaves if leaf.startswith(SLACK))

    def people(self, who: Iterable[str]) -> frozenset[str]:
        """Those of ``who`` that the policy itself names."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        return frozenset(leaf for leaf in leaves if not leaf.startswith(SLACK))

    def explicit(self, who: Iterable[str]) -> frozenset[str] | None:
        """Everybody meant by ``who`` if no Slack group is among them, else None."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        return None if any(leaf.startswith(SLACK) for leaf in leaves) else frozenset(leaves)

    def _leaves_of(self, who: str) -> frozenset[str]:
        if who.startswith(GROUP):
            return self._leaves.get(who.removeprefix(GROUP), frozenset())
        return frozenset({who})

    def _flatten(self, name: str, groups: Mapping[str, Iterable[str]]) -> frozenset[str]:
        if name not in self._leaves:
            leaves: set[str] = set()
            for who in groups.get(name, ()):
                inner = who.removeprefix(GROUP)
                leaves |= self._flatten(inner, groups) if who != inner else {who}
            self._leaves[name] = frozenset(leaves)
        return self._leaves[name]

    def _find(self, person: str, snapshot: Groups, *, fresh: bool) -> Circles:
        sure = {person}
        if fresh:
            sure |= {who for who in self._slack if person in snapshot.members.get(who.removeprefix(SLACK), ())}
        unsure = frozenset() if fresh else self._slack
        groups = {f"{GROUP}{name}": leaves for name, leaves in self._leaves.items()}
        sure_groups = {name for name, leaves in groups.items() if not leaves.isdisjoint(sure)}
        unsure_groups = {name for name, leaves in groups.items() if not leaves.isdisjoint(unsure)}
        return Circles(frozenset(sure | sure_groups), unsure | (unsure_groups - sure_groups))
