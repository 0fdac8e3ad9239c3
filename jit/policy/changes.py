"""What a new version of the rules changes, access by access, in words: what is looser, what is tighter, what neither.

Pure. People are counted and not named, as what is said here stays on the record for ever; groups are named.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum

from jit.durations import say_duration
from jit.facts import Escalation, Quorum, label_of
from jit.people.membership import GROUP
from jit.policy.model import Access, Rule
from jit.policy.policy import Policy

MOST_NAMED = 5
"""Of groups, permissions and settings in one sentence."""


class Effect(StrEnum):
    """What a change does to what people may have."""

    LOOSER = "looser"
    TIGHTER = "tighter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Change:
    """``about`` is an access, or `security` or `people`: `orders-db/read`, looser, `at most 8 h instead of 1 h`."""

    about: str
    effect: Effect
    says: str

    def __str__(self) -> str:
        effect = "" if self.effect is Effect.OTHER else f"{self.effect.value}: "
        return f"{effect}{self.about} ({self.says})"


def changes(before: Policy, after: Policy) -> tuple[Change, ...]:
    """By name, what was added first, and what was removed; none if both say the same."""
    old, new = before.accesses, after.accesses
    found = [Change(name, Effect.LOOSER, "added") for name in sorted(new.keys() - old.keys())]
    found += [Change(name, Effect.TIGHTER, "removed") for name in sorted(old.keys() - new.keys())]
    same_groups = (before.groups, before.directory) == (after.groups, after.directory)
    for name in sorted(old.keys() & new.keys()):
        if same_groups and old[name] == new[name]:
            continue
        pair = _Pair(before, after, old[name], new[name])
        found += [Change(name, effect, says) for effect, says in pair.differences()]
    both = before, after
    found += [Change("security", *each) for each in _who(*both, before.security, after.security, "are of it")]
    if (before.lockdown, after.lockdown) != (before.security, after.security):
        lockers = _who(*both, before.lockdown, after.lockdown, "may lock down")
        found += [Change("lockdown", *each) for each in lockers]
    found += [
        Change("alerts", Effect.OTHER, says) for _, says in _who(*both, before.notify, after.notify, "are mentioned")
    ]
    for effect, more in ((Effect.TIGHTER, after.shared - before.shared), (Effect.LOOSER, before.shared - after.shared)):
        if more:
            word = "more" if effect is Effect.TIGHTER else "fewer"
            found.append(Change("shared", effect, f"{len(more)} {word} accounts are listed as shared"))
    if before.people != after.people:
        found.append(Change("people", Effect.OTHER, "who is who in a target"))
    if before.directory != after.directory:
        found.append(Change("directory", Effect.OTHER, "where groups are read, and how"))
    changed = sorted(n for n in {*before.targets, *after.targets} if before.targets.get(n) != after.targets.get(n))
    found += [Change(name, Effect.OTHER, "the target's settings") for name in changed]
    return tuple(found)


def in_lines(found: Iterable[Change], most: int) -> tuple[str, ...]:
    """As many as that, what is looser first, and how many more there are."""
    order = list(Effect)
    lines = [str(change) for change in sorted(found, key=lambda change: order.index(change.effect))]
    return (*lines[:most], *([f"and {len(lines) - most} more"] if len(lines) > most else []))


Difference = tuple[Effect, str]
_DEALT_WITH = frozenset(
    {
        "name",
        "describe",
        "request",
        "deny",
        "rules",
        "grants",
        "max_duration",
        "incident",
        "on_leave",
        "extend",
        "exception",
        "break_glass",
        "purpose",
        "on_exceed",
    }
)


@dataclass(frozen=True, slots=True)
class _Pair:
    """One access as it was and as it is."""

    before: Policy
    after: Policy
    old: Access
    new: Access

    def differences(self) -> Iterator[Difference]:
        old, new = self.old, self.new
        yield from _who(self.before, self.after, old.request, new.request, "may ask")
        for effect, says in _who(self.before, self.after, old.deny, new.deny, "are denied it"):
            yield _reversed(effect), says
        yield from self._deciding(old.rules, new.rules)
        yield from self._extending()
        yield from self._exception()
        yield from self._breaking_glass()
        yield from _compared(old.max_duration, new.max_duration, lambda each: f"at most {say_duration(each)}")
        yield from _sets(old.grants, new.grants, "gives")
        if old.incident != new.incident:
            yield self._incident()
        if old.on_leave != new.on_leave:
            ends = new.on_leave == "end"
            yield Effect.TIGHTER if ends else Effect.LOOSER, f"on_leave {new.on_leave} instead of {old.on_leave}"
        yield from self._used_for()
        yield from self._others()

    def _used_for(self) -> Iterator[Difference]:
        """What it is for, which takes nothing away: outside it somebody is told."""
        was, now = self.old.purpose, self.new.purpose
        if was is None and now is not None:
            yield Effect.TIGHTER, "says what it is for"
        elif was is not None and now is None:
            yield Effect.LOOSER, "does not say any more what it is for"
        elif was != now:
            yield Effect.OTHER, "what it is for"
        if self.old.on_exceed != self.new.on_exceed:
            effect = Effect.TIGHTER if self.new.on_exceed == "revoke" else Effect.LOOSER
            yield effect, f"on_exceed {self.new.on_exceed} instead of {self.old.on_exceed}"

    def _incident(self) -> Difference:
        if self.new.incident is None:
            return Effect.LOOSER, "wants no incident any more"
        if self.old.incident is None:
            return Effect.TIGHTER, "wants an incident"
        return Effect.OTHER, "wants incidents that are written in another way"

    def _extending(self) -> Iterator[Difference]:
        was, now = self.old.extend, self.new.extend
        if was is None or now is None:
            if now is not None:
                each, ceiling = say_duration(now.each), say_duration(now.ceiling)
                yield Effect.LOOSER, f"can be extended by {each} at a time, to {ceiling} in all"
            elif was is not None:
                yield Effect.TIGHTER, "cannot be extended any more"
            return
        yield from _compared(was.each, now.each, lambda each: f"can be extended by {say_duration(each)} at a time")
        yield from _compared(was.ceiling, now.ceiling, lambda most: f"can be extended to {say_duration(most)} in all")
        if was.rules != self.old.rules or now.rules != self.new.rules:
            for effect, says in self._deciding(was.rules, now.rules):
                yield effect, f"of extensions: {says}"

    def _exception(self) -> Iterator[Difference]:
        was, now = self.old.exception, self.new.exception
        if was is None or now is None:
            if now is not None:
                yield Effect.LOOSER, f"can be asked for up to {say_duration(now.max_duration)}, as an exception"
            elif was is not None:
                yield Effect.TIGHTER, "cannot be asked for as an exception any more"
            return
        yield from _compared(was.max_duration, now.max_duration, lambda most: f"exceptions up to {say_duration(most)}")
        for effect, says in self._deciding(was.rules, now.rules):
            yield effect, f"of exceptions: {says}"

    def _breaking_glass(self) -> Iterator[Difference]:
        was, now = self.old.break_glass, self.new.break_glass
        if was is None or now is None:
            if now is not None:
                yield Effect.LOOSER, f"break-glass lets in, for {say_duration(now.max_duration)} at most"
            elif was is not None:
                yield Effect.TIGHTER, "break-glass lets nobody in any more"
            return
        yield from _who(self.before, self.after, was.who, now.who, "may break the glass")
        yield from _compared(was.max_duration, now.max_duration, lambda most: f"break-glass for {say_duration(most)}")
        yield from _compared(
            was.review_within,
            now.review_within,
            lambda within: f"break-glass is reviewed within {say_duration(within)}",
        )
        yield from _who(self.before, self.after, was.review_by, now.review_by, "may review a break-glass")
        if was.in_lockdown != now.in_lockdown:
            through = "lets break-glass through" if now.in_lockdown else "stops break-glass"
            yield (Effect.LOOSER if now.in_lockdown else Effect.TIGHTER), f"a lockdown {through}"

    def _deciding(self, before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[Difference]:
        yield from self._by_themselves(before, after)
        old, new = ([each for each in rules if each.automatic is None] for rules in (before, after))
        if len(old) != len(new):
            yield Effect.OTHER, f"{len(new)} rules by which people decide instead of {len(old)}"
            return
        for was, now in zip(old, new, strict=True):
            yield from self._rule(was, now)
            yield from self._quorums(was, now)

    def _by_themselves(self, before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[Difference]:
        """Rules that decide without people."""
        old, new = ({each for each in rules if each.automatic is not None} for rules in (before, after))
        for effect, rules, says in (
            (Effect.LOOSER, new - old, "decides by itself"),
            (Effect.TIGHTER, old - new, "decides by itself no more"),
        ):
            for called in sorted(each.called for each in rules):
                yield effect, f"a rule {says}: {called}" if called else f"a rule for everybody {says}"

    def _rule(self, was: Rule, now: Rule) -> Iterator[Difference]:
        if was.when != now.when:
            when = f"when {now.when.in_words}" if now.when else "always"
            yield Effect.OTHER, f"a rule holds {when}"
        if was.different_people != now.different_people:
            says = "different people are wanted" if now.different_people else "one person may fill several places"
            yield Effect.TIGHTER if now.different_people else Effect.LOOSER, says
        if was.denials_needed != now.denials_needed:
            effect = Effect.LOOSER if now.denials_needed > was.denials_needed else Effect.TIGHTER
            yield effect, f"{now.denials_needed} have to deny instead of {was.denials_needed}"
        if was.escalation != now.escalation:
            yield _escalation(was.escalation, now.escalation)
        if was.name != now.name:
            yield Effect.OTHER, "what a rule is called"

    def _quorums(self, was: Rule, now: Rule) -> Iterator[Difference]:
        for quorum in was.quorums[len(now.quorums) :]:
            yield Effect.LOOSER, f"{quorum.label} need not approve any more"
        for quorum in now.quorums[len(was.quorums) :]:
            yield Effect.TIGHTER, f"{quorum.count} of {quorum.label} must approve, too"
        for one, other in zip(was.quorums, now.quorums, strict=False):
            yield from self._quorum(one, other)
            if one.stage != other.stage:
                yield Effect.OTHER, f"{other.label} decide in stage {other.stage} instead of {one.stage}"

    def _quorum(self, was: Quorum, now: Quorum) -> Iterator[Difference]:
        if was.count != now.count:
            effect = Effect.LOOSER if now.count < was.count else Effect.TIGHTER
            yield effect, f"{now.count} of {now.label} must approve instead of {was.count}"
        yield from _who(self.before, self.after, was.who, now.who, "may approve")

    def _others(self) -> Iterator[Difference]:
        """What is said of an access beside that: by its field's name, so that none is passed over."""
        for field in fields(Access):
            was, now = getattr(self.old, field.name), getattr(self.new, field.name)
            if field.name not in _DEALT_WITH and was != now:
                said = f"{field.name} {now} instead of {was}"
                short = all(isinstance(each, str | int | timedelta | None) for each in (was, now))
                yield Effect.OTHER, said if short else field.name


def _who(before: Policy, after: Policy, old: Iterable[str], new: Iterable[str], do: str) -> Iterator[Difference]:
    """More people, or fewer, who ``do`` something: as the rules name them, or by a group from elsewhere."""
    old, new = tuple(old), tuple(new)
    was = before.named(old) | before.slack_groups(old) | _entries(before, old)
    now = after.named(new) | after.slack_groups(new) | _entries(after, new)
    for effect, more, expressions, others, word in (
        (Effect.LOOSER, now - was, new, old, "more"),
        (Effect.TIGHTER, was - now, old, new, "fewer"),
    ):
        if more:
            groups = [each.removeprefix(GROUP) for each in expressions if each not in others and ":" in each]
            people = sum("=" not in each and each[0] in "UW" for each in more)
            parts = [_listed(groups)] if groups else []
            parts += [f"{people} {'person' if people == 1 else 'people'}"] if people else []
            yield effect, f"{word} {do}: {', '.join(parts) or _from_elsewhere(more)}"


def _entries(policy: Policy, who: Iterable[str]) -> frozenset[str]:
    """The groups of the directory, by what they are called there: that is what may change."""
    known = policy.directory.groups if policy.directory else {}
    return frozenset(known[name] for name in policy.directory_groups(who) if name in known)


def _from_elsewhere(groups: Iterable[str]) -> str:
    return "a group of the directory" if any("=" in each for each in groups) else "a Slack group"


def _escalation(was: Escalation | None, now: Escalation | None) -> Difference:
    if now is None:
        return Effect.TIGHTER, "nobody else is asked any more when nobody decides"
    asked = f"{_listed([label_of(each) for each in now.to if ':' in each]) or 'others'} after {say_duration(now.after)}"
    looser = was is None or (set(now.to) >= set(was.to) and now.after <= was.after)
    return (Effect.LOOSER if looser else Effect.OTHER), f"asks {asked}, too, when nobody decides"


def _compared(was: timedelta, now: timedelta, say: Callable[[timedelta], str]) -> Iterator[Difference]:
    if was != now:
        yield (Effect.LOOSER if now > was else Effect.TIGHTER), f"{say(now)} instead of {say_duration(was)}"


def _sets(was: Iterable[str], now: Iterable[str], verb: str) -> Iterator[Difference]:
    was, now = tuple(was), tuple(now)
    if more := [each for each in now if each not in was]:
        yield Effect.LOOSER, f"{verb} {_listed(more)}, too"
    if fewer := [each for each in was if each not in now]:
        yield Effect.TIGHTER, f"{verb} no {_listed(fewer)} any more"


def _reversed(effect: Effect) -> Effect:
    return {Effect.LOOSER: Effect.TIGHTER, Effect.TIGHTER: Effect.LOOSER}.get(effect, effect)


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more
