"""The rules of an access, tried on a grid of requests: whether each can ever decide."""

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from jit.policy.conditions import Condition, Holds, Unknown
from jit.policy.grid import Grid, Kept
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


@dataclass(frozen=True, slots=True)
class Effort:
    """So many ``seconds`` of processor time are spent on all accesses together: whoever proposes rules has them tried,
    and may have made conditions that take long.
    """

    seconds: float = 60.0
    _began: float = field(default_factory=time.process_time)

    @property
    def spent(self) -> bool:
        return time.process_time() - self._began >= self.seconds


def try_rules(rules: Sequence[Rule], grid: Grid, effort: Effort) -> Trial:
    """Each condition alone, on what it reads; and each rule with those before it, where it would decide.

    No rule is said to be unreached that decides by people whatever was asked, behind none but rules that decide by
    themselves: it is there for when their conditions cannot be answered.
    """
    tables = [_Table(rule, grid, effort) for rule in rules]
    found = [_tried(tables[: number + 1]) for number in range(len(tables))]
    things = _things(tables)
    passed_through = any(
        not any(table.holds(_at(things, point)) for table in tables) for point in _points(grid, things, {}, effort)
    )
    return untried(rules) if effort.spent else Trial(tuple(found), passed_through)


def untried(rules: Sequence[Rule]) -> Trial:
    """Of which nothing is said."""
    return Trial(tuple(Tried() for _ in rules), passed_through=False)


def _points(grid: Grid, things: Sequence[str], kept: Kept, effort: Effort) -> Iterator[tuple[int, ...]]:
    return itertools.takewhile(lambda _: not effort.spent, grid.points(things, kept, MOST_TRIED))


def _at(things: Sequence[str], point: Sequence[int]) -> dict[str, int]:
    return dict(zip(things, point, strict=True))


def _things(tables: "Sequence[_Table]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(thing for table in tables for thing in table.things))


def _tried(tables: "Sequence[_Table]") -> Tried:
    """What came of the last of them."""
    *before, table = tables
    alone = table.tried()
    if not alone.within or (table.is_last_resort and _by_themselves(before)):
        return alone
    things, behind = _things(tables), set[int]()
    for point in _points(table.grid, things, table.kept, table.effort):
        at = _at(things, point)
        if not table.holds(at):
            continue
        decided = next((number for number, each in enumerate(before) if each.surely_decides and each.holds(at)), None)
        if decided is None:
            return alone
        behind.add(decided)
    whole = table.grid.size(things, table.kept) <= MOST_TRIED and table.grid.partial.isdisjoint(things)
    return Tried(reached=False, behind=tuple(sorted(behind)), sure=whole)


def _by_themselves(before: "Sequence[_Table]") -> bool:
    """And it may not be known whether they do."""
    return all(table.rule.automatic for table in before) and any(
        table.rule.when and table.rule.when.hangs_on_others for table in before
    )


@dataclass(slots=True)
class _Table:
    """What came of one rule's condition, for each request that it can tell from others. ``kept`` are the cases of a
    thing by which it may hold: with any other, a part of it that reads nothing else does not.
    """

    rule: Rule
    grid: Grid
    effort: Effort
    things: tuple[str, ...] = field(init=False)
    kept: dict[str, list[int]] = field(default_factory=dict)
    _known: dict[tuple[int, ...], bool] = field(default_factory=dict)
    _whys: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.things = self.grid.things_of(self.rule.when)
        if self._longest is not None and "duration" not in self.things:
            self.things += ("duration",)
        for part in self.rule.when.parts if self.rule.when else ():
            if len(things := self.grid.things_of(part)) == 1:
                self._keep(things[0], part)

    def _keep(self, thing: str, part: Condition) -> None:
        numbers = self.kept.get(thing, range(len(self.grid.cases[thing])))
        each = itertools.takewhile(lambda _: not self.effort.spent, numbers)
        kept = [number for number in each if part.holds(self.grid.inputs((thing,), (number,))) is Holds.YES]
        if kept:  # where none is, all are tried as they are, to say why
            self.kept[thing] = kept

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
        for point in _points(self.grid, self.things, self.kept, self.effort):
            inputs = self.grid.inputs(self.things, point)
            if self._condition_holds(inputs):
                met = True
                if self._within(inputs):
                    return Tried()
        why = next(iter(self._whys)) if len(self._whys) == 1 else ""
        whole = self.grid.size(self.things, self.kept) <= MOST_TRIED and self.grid.partial.isdisjoint(self.things)
        return Tried(met=met, within=False, sure=whole, why=why)

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
        verdict = self.rule.when.holds(inputs)
        self._whys.add(verdict.why if isinstance(verdict, Unknown) else "")
        return verdict is Holds.YES

    def _within(self, inputs: Inputs) -> bool:
        return self._longest is None or inputs.duration <= self._longest
