"""The rules of an access, tried on a grid of requests: whether each can ever decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from jit.policy.conditions import Holds, Unknown
from jit.policy.grid import Grid
from jit.policy.inputs import Inputs
from jit.policy.model import Rule

MOST_TRIED = 20_000
"""Requests on which one condition is tried, and combinations of all."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one rule. ``met`` is whether its condition ever held, ``within`` whether it did so within the limits
    of a rule that decides by itself, ``reached`` whether no rule before it decided then. ``behind`` are those before it
    that did. ``sure`` is whether all was tried that a condition could tell apart; ``why`` is what kept its condition
    from an answer, every time.
    """

    met: bool = True
    within: bool = True
    reached: bool = True
    behind: tuple[int, ...] = ()
    sure: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """``rules`` in order. ``passed_through`` is whether some request was met by none of them."""

    rules: tuple[Tried, ...]
    passed_through: bool


@dataclass(slots=True)
class Effort:
    """What is left to be spent: so many requests are tried on conditions, of all accesses together."""

    left: int = 1_000_000


def try_rules(rules: Sequence[Rule], grid: Grid, effort: Effort) -> Trial:
    """In two steps: each condition alone, on what it reads; then all together, by what came of that.

    No rule is said to be unreached that decides by people whatever was asked, behind none but rules that decide by
    themselves: it is there for when their conditions cannot be answered.
    """
    tables = [_Table(rule, grid, effort) for rule in rules]
    alone = [table.tried() for table in tables]
    things = tuple(dict.fromkeys(thing for table in tables for thing in table.things))
    whole = grid.size(things) <= MOST_TRIED
    waiting = {number for number, tried in enumerate(alone) if tried.within}
    behind: dict[int, set[int]] = {number: set() for number in waiting}
    passed_through = False
    for point in grid.points(things, MOST_TRIED):
        if not waiting and passed_through:
            break
        at = dict(zip(things, point, strict=True))
        decided: int | None = None
        for number, table in enumerate(tables):
            if not table.holds(at):
                continue
            if decided is None:
                waiting.discard(number)
            elif number in waiting:
                behind[number].add(decided)
            if decided is None and table.surely_decides:
                decided = number
        passed_through = passed_through or decided is None
    found = [
        _with_reach(tried, tables, number, reached=number not in waiting, behind=behind.get(number, set()), whole=whole)
        for number, tried in enumerate(alone)
    ]
    if effort.left <= 0:
        return Trial(tuple(Tried() for _ in rules), passed_through=False)
    return Trial(tuple(found), passed_through)


def _with_reach(
    tried: Tried, tables: "Sequence[_Table]", number: int, *, reached: bool, behind: set[int], whole: bool
) -> Tried:
    if reached or not tried.within or (tables[number].is_last_resort and _by_themselves(tables[:number])):
        return tried
    sure = whole and all(table.whole for table in (*(tables[each] for each in behind), tables[number]))
    return Tried(reached=False, behind=tuple(sorted(behind)), sure=sure)


def _by_themselves(before: "Sequence[_Table]") -> bool:
    """And it may not be known whether they do."""
    return all(table.rule.automatic for table in before) and any(
        table.rule.when and table.rule.when.hangs_on_others for table in before
    )


@dataclass(slots=True)
class _Table:
    """What came of one rule's condition, for each request that it can tell from others. ``whole`` is whether these are
    all.
    """

    rule: Rule
    grid: Grid
    effort: Effort
    things: tuple[str, ...] = field(init=False)
    whole: bool = field(init=False)
    _known: dict[tuple[int, ...], bool] = field(default_factory=dict)
    _whys: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.things = self.grid.things_of(self.rule.when)
        if self._longest is not None and "duration" not in self.things:
            self.things += ("duration",)
        self.whole = self.grid.size(self.things) <= MOST_TRIED and self.grid.partial.isdisjoint(self.things)

    @property
    def _longest(self) -> timedelta | None:
        return self.rule.automatic.max_duration if self.rule.automatic else None

    @property
    def surely_decides(self) -> bool:
        """Wherever it holds: nothing is counted that may be used up."""
        limits = self.rule.automatic
        return limits is None or (limits.per_person is None and limits.per_access is None)

    @property
    def is_last_resort(self) -> bool:
        return self.rule.automatic is None and self.rule.when is None

    def tried(self) -> Tried:
        met = False
        for point in self.grid.points(self.things, MOST_TRIED):
            inputs = self.grid.inputs(self.things, point)
            if self._condition_holds(inputs):
                met = True
                if self._within(inputs):
                    return Tried()
        why = next(iter(self._whys)) if len(self._whys) == 1 else ""
        return Tried(met=met, within=False, sure=self.whole, why=why)

    def holds(self, at: dict[str, int]) -> bool:
        """Whether it decides there, if no rule before it does."""
        point = tuple(at[thing] for thing in self.things)
        if point not in self._known:
            inputs = self.grid.inputs(self.things, point)
            self._known[point] = self._condition_holds(inputs) and self._within(inputs)
        return self._known[point]

    def _condition_holds(self, inputs: Inputs) -> bool:
        if self.rule.when is None:
            return True
        if self.effort.left <= 0:
            return True
        self.effort.left -= 1
        verdict = self.rule.when.holds(inputs)
        self._whys.add(verdict.why if isinstance(verdict, Unknown) else "")
        return verdict is Holds.YES

    def _within(self, inputs: Inputs) -> bool:
        return self._longest is None or inputs.duration <= self._longest
