"""Who is meant by `U…`, `group:name`, `slack:S…`, `directory:group` and `oncall:schedule`, given what Slack, the
directory and the providers of schedules said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter

from jit.people.on_call import Shift
from jit.people.person import DIRECTORY, Groups

GROUP = "group:"
SLACK = "slack:"
ON_CALL = "oncall:"
_OUTSIDE = (SLACK, ON_CALL, DIRECTORY)
"""Whom these mean stands in no policy."""
MOST_MEANT = 2_000_000
"""People in all groups together, each as often as they are in one, in groups of groups too."""
_REMEMBERED = 10_000


class TooManyMeant(Exception):
    """Groups of groups hold more people than `MOST_MEANT`. ``group`` is the one that was too many."""

    def __init__(self, group: str) -> None:
        super().__init__(f"with this one all groups hold more than {MOST_MEANT:,} people, groups in them included")
        self.group = group


class StaleGroups(Exception):
    """Who is in a group of Slack or of the directory, or on call, could not be read lately, so it is not known. Try
    again soon.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join(str(self.__doc__).split()))


@dataclass(frozen=True, slots=True)
class Circles:
    """Every who-expression of a policy that means one person (``sure``), or may do so (``unsure``).

    Unsure are those that hang on a group of Slack or of the directory, or on a schedule, of which too little was heard
    lately. ``unbound`` are those by which somebody is on call, or in a group of the directory, whom nothing binds to a
    Slack id, and who may be this person.
    """

    sure: frozenset[str]
    unsure: frozenset[str]
    unbound: frozenset[str]

    def touch(self, who: Iterable[str]) -> bool:
        """Whether ``who`` means this person. Raises StaleGroups where only somebody outside could tell."""
        if not self.sure.isdisjoint(who):
            return True
        if not self.unsure.isdisjoint(who):
            raise StaleGroups
        return False

    def may_touch(self, who: Iterable[str]) -> bool:
        """The same where it has to be known that ``who`` does *not* mean this person. Raises StaleGroups."""
        if self.touch(who):
            return True
        if not self.unbound.isdisjoint(who):
            raise StaleGroups
        return False


class Membership:
    """The groups of one policy, flattened once; what is found for a snapshot is remembered until the next.

    A snapshot is taken as unchanging: a new state is a new `Groups`.
    """

    def __init__(self, groups: Mapping[str, Iterable[str]], others: Iterable[str]) -> None:
        """``others`` are the who-expressions used outside ``groups``, which must be free of cycles.

        Raises TooManyMeant.
        """
        self._leaves = _flattened(groups)
        used = set(others).union(*self._leaves.values())
        self._outside = frozenset(who for who in used if who.startswith(_OUTSIDE))
        self._each_by_age = frozenset(who for who in used if who.startswith((ON_CALL, DIRECTORY)))
        self._known: tuple[Groups | None, dict[tuple[str, bool, frozenset[str]], Circles]] = (None, {})

    def circles(self, person: str, snapshot: Groups, now: datetime) -> Circles:
        known_for, known = self._known
        if known_for is not snapshot or len(known) > _REMEMBERED:
            known = {}
            self._known = (snapshot, known)
        unknown = frozenset(who for who in self._each_by_age if _people_of(who, snapshot, now) is None)
        key = (person, snapshot.fresh(now), unknown)
        if key not in known:
            known[key] = self._find(person, snapshot, now)
        return known[key]

    def groups_of(self, person: str, snapshot: Groups, now: datetime) -> tuple[str, ...]:
        """The names of the policy's groups that this person is in, sorted. Raises StaleGroups."""
        circles = self.circles(person, snapshot, now)
        if any(who.startswith(GROUP) for who in circles.unsure):
            raise StaleGroups
        return tuple(sorted(who.removeprefix(GROUP) for who in circles.sure if who.startswith(GROUP)))

    def members(self, who: Iterable[str], snapshot: Groups, now: datetime) -> frozenset[str]:
        """Everybody meant by ``who``. Raises StaleGroups."""
        meant: set[str] = set()
        for leaf in {leaf for each in who for leaf in self._leaves_of(each)}:
            people = _people_of(leaf, snapshot, now)
            if people is None:
                raise StaleGroups
            meant |= people
        return frozenset(meant)

    def slack_groups(self, who: Iterable[str]) -> frozenset[str]:
        """The ids of the Slack groups that ``who`` hangs on."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        return frozenset(leaf.removeprefix(SLACK) for leaf in leaves if leaf.startswith(SLACK))

    def directory_groups(self, who: Iterable[str]) -> frozenset[str]:
        """The names of the directory's groups that ``who`` hangs on."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        return frozenset(leaf.removeprefix(DIRECTORY) for leaf in leaves if leaf.startswith(DIRECTORY))

    def by(self, who: str, person: str, snapshot: Groups, now: datetime) -> str:
        """By what ``who`` means this person, whom it means: their own id, or what is outside the policy."""
        sure = self.circles(person, snapshot, now).sure
        leaves = self._leaves_of(who)
        return person if person in leaves else min(leaves & sure, default=who)

    def only_told(self, who: Iterable[str]) -> bool:
        """Whether somebody outside has to say who is meant, at least in part."""
        return any(leaf.startswith(_OUTSIDE) for each in who for leaf in self._leaves_of(each))

    def schedules(self, who: Iterable[str]) -> frozenset[str]:
        """The names of the schedules that ``who`` hangs on."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        return frozenset(leaf.removeprefix(ON_CALL) for leaf in leaves if leaf.startswith(ON_CALL))

    def people(self, who: Iterable[str]) -> frozenset[str]:
        """The people of ``who`` that the policy itself names."""
        leaves = {leaf for each in who for leaf in self._leaves_of(each)}
        return frozenset(leaf for leaf in leaves if not leaf.startswith(_OUTSIDE))

    def has(self, who: Sequence[str], count: int, but: Iterable[str] = ()) -> bool:
        """Whether ``who`` may mean so many people who are not among ``but``; what is outside the policy may hold
        anybody. Quick where thousands of accesses name a group of thousands.
        """
        out = [self._leaves_of(each) for each in but]
        found: set[str] = set()
        for leaves in map(self._leaves_of, who):
            if not out and len(leaves) >= count:
                return True
            found |= leaves.difference(*out)
            if len(found) >= count:
                return True
        return self.only_told(who)

    def _leaves_of(self, who: str) -> frozenset[str]:
        if who.startswith(GROUP):
            return self._leaves.get(who.removeprefix(GROUP), frozenset())
        return frozenset({who})

    def _find(self, person: str, snapshot: Groups, now: datetime) -> Circles:
        told = {who: _people_of(who, snapshot, now) for who in self._outside}
        sure = {person, *(who for who, people in told.items() if people is not None and person in people)}
        unsure = frozenset(who for who, people in told.items() if people is None)
        unbound = frozenset(who for who in self._each_by_age if _may_hide(who, person, snapshot, now)) - sure
        groups = {f"{GROUP}{name}": leaves for name, leaves in self._leaves.items()}
        sure_groups = {name for name, leaves in groups.items() if not leaves.isdisjoint(sure)}
        unsure_groups = {name for name, leaves in groups.items() if not leaves.isdisjoint(unsure)}
        unbound_groups = {name for name, leaves in groups.items() if not leaves.isdisjoint(unbound)}
        return Circles(
            frozenset(sure | sure_groups),
            unsure | (unsure_groups - sure_groups),
            unbound | (unbound_groups - sure_groups),
        )


def _people_of(leaf: str, snapshot: Groups, now: datetime) -> frozenset[str] | None:
    """Who is meant by what is no group of the policy; None where that is not known freshly enough."""
    if leaf.startswith((SLACK, DIRECTORY)):
        return snapshot.held(leaf.removeprefix(SLACK), now)
    if leaf.startswith(ON_CALL):
        shift = snapshot.on_call.who(leaf.removeprefix(ON_CALL), now)
        return shift.people if isinstance(shift, Shift) else None
    return frozenset({leaf})


def _may_hide(leaf: str, person: str, snapshot: Groups, now: datetime) -> bool:
    """Whether somebody is meant whom nothing binds to a Slack id, and who may be this person."""
    if leaf.startswith(DIRECTORY):
        return snapshot.directory.may_hide(leaf.removeprefix(DIRECTORY), person, now)
    shift = snapshot.on_call.who(leaf.removeprefix(ON_CALL), now)
    return isinstance(shift, Shift) and bool(shift.unbound)


def _flattened(groups: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Each group with all that is in it in the end; the innermost first, however deep they lie. Raises TooManyMeant."""
    inner = {name: [each.removeprefix(GROUP) for each in who if each.startswith(GROUP)] for name, who in groups.items()}
    flat: dict[str, frozenset[str]] = {}
    room = MOST_MEANT
    for name in TopologicalSorter(inner).static_order():
        leaves: set[str] = set()
        for who in groups.get(name, ()):
            leaves |= flat[who.removeprefix(GROUP)] if who.startswith(GROUP) else {who}
            if len(leaves) > room:
                raise TooManyMeant(name)
        flat[name] = frozenset(leaves)
        room -= len(leaves)
    return flat
