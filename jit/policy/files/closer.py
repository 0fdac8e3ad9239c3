"""A closer look at a policy that can be loaded: what it says that can never come to pass, and what is easily not meant.

Nothing here opens anything, so a policy in force stays in force with it: `jit policy check` asks, and no load does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from jit.durations import compact, say_duration
from jit.policy.calendars import known_zones
from jit.policy.comparisons import compared_in
from jit.policy.files.document import Path
from jit.policy.files.merge import nearest
from jit.policy.grid import grid_of, is_bound, is_person
from jit.policy.model import LEAST_EXTENSION, Access, Limits, Rule
from jit.policy.policy import Policy
from jit.policy.trial import Effort, Trial, Tried, try_rules, untried

LEAST = timedelta(seconds=1)
"""For less nothing can be asked."""
NOT_TRIED = "more conditions than are tried in one go; of these nothing is said"
TOO_FEW = "needs more people than there are: each fills one place alone, with all their accounts"
_NO_SECURITY = "nobody sees everything, revokes and reviews where no other is named, and is told of alerts"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at ``path``; a ``note`` is allowed."""

    path: Path
    problem: str
    suggestion: str | None = None
    note: bool = False


def look_closer(policy: Policy, sections: Mapping[str, Mapping[str, object]]) -> Iterator[Finding]:
    """``sections`` are the policy's, as they were read."""
    if not policy.security:
        yield Finding(("security",), f"is missing or empty: {_NO_SECURITY}")
    elif not policy.only_told(policy.security) and not policy.named(policy.security) - policy.shared:
        yield Finding(("security",), f"there is nobody in it: {_NO_SECURITY}")
    look = _Look(policy)
    for name, access in policy.accesses.items():
        path = ("access", name)
        trial = look.trial(access, access.rules, LEAST, access.max_duration)
        yield from look.at_rules((*path, "approve"), access, access.rules, trial)
        yield from _without_people((*path, "approve"), access, trial)
        if (extend := access.extend) and _has_own_rules(sections["access"].get(name)):
            trial = look.trial(access, extend.rules, LEAST_EXTENSION, extend.each)
            yield from look.at_rules((*path, "extend", "approve"), access, extend.rules, trial)
        yield from _break_glass((*path, "break_glass"), access)
        yield from _owner((*path, "owner"), policy, access)
    yield from _without_owner(policy)
    if look.effort.spent:
        yield Finding(("access",), NOT_TRIED, note=True)


def _has_own_rules(access: object) -> bool:
    extend = access.get("extend") if isinstance(access, dict) else None
    return isinstance(extend, dict) and "approve" in extend


@dataclass(slots=True)
class _Look:
    """Accesses with the same rules are tried once."""

    policy: Policy
    effort: Effort = field(default_factory=Effort)
    _trials: dict[tuple[object, ...], Trial] = field(default_factory=dict)
    _meetable: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def at_rules(self, path: Path, access: Access, rules: Sequence[Rule], trial: Trial) -> Iterator[Finding]:
        wrong = [
            Finding((*path, number, "when"), problem, meant)
            for number, rule in enumerate(rules)
            for problem, meant in self._wrong_words(rule)
        ]
        yield from wrong
        for number, (rule, tried) in enumerate(zip(rules, trial.rules, strict=True)):
            where = (*path, number)
            if not wrong:
                yield from self._never(where, access, rule, tried)
            yield from self._quorums(where, access, rule)

    def trial(self, access: Access, rules: Sequence[Rule], shortest: timedelta, longest: timedelta) -> Trial:
        conditions = [rule.when for rule in rules if rule.when is not None]
        own: tuple[object, ...] = ()
        if any(condition.reads_access for condition in conditions):
            own = (access.name, access.target, access.risk, *sorted(access.labels.items()))
        asking = (access.request, access.deny, access.incident, access.incident_example)
        alike = tuple((rule.when, rule.automatic) for rule in rules)
        key = (alike, own, asking, shortest, longest)
        if self.effort.spent:
            return untried(rules)
        if key not in self._trials:
            grid = grid_of(self.policy, access, rules, shortest, longest)
            self._trials[key] = try_rules(rules, grid, self.effort)
        return self._trials[key]

    def _wrong_words(self, rule: Rule) -> Iterator[tuple[str, str | None]]:
        """Texts that a word can never be: with != or ! that would always hold."""
        if rule.when is None or not any(use.word.name in _CHECKED for use in rule.when.uses):
            return
        compared, services = compared_in([rule.when.text]), self.policy.incidents
        for text in compared.texts("requester.id"):
            if text and not is_person(text):
                yield f"{text} is no Slack id, which is written like U01ALICE0", None
        for text in compared.texts("requester.zone"):
            if text and text not in known_zones():
                yield f"no time zone is called {text}", nearest(text, known_zones())
        for text in compared.texts("incident.service") if services is not None else ():
            if text and services is not None and not services.may_be_service(text):
                yield f"incidents: has no service called {text}", nearest(text, services.services)

    def _never(self, where: Path, access: Access, rule: Rule, tried: Tried) -> Iterator[Finding]:
        perhaps = "by none of the requests that were tried"
        if not tried.met:
            because = ", ".join(self._hints(access, rule)) or tried.why or "no request for this can be like that"
            problem = f"is never met: {because}" if tried.sure else f"was met {perhaps}; is it as it is meant?"
            yield Finding((*where, "when"), problem, note=not tried.sure)
        elif not tried.within and rule.automatic and rule.automatic.max_duration:
            most = compact(rule.automatic.max_duration)
            problem = f"is never met: its condition holds only for longer than {most}, up to which it decides"
            yield Finding((*where, "limits", "max_duration"), problem, note=not tried.sure)
        elif not tried.reached:
            named = [f"rule {number + 1}" for number in tried.behind]
            before = f"{' and '.join(named)} before it {'decides' if len(named) == 1 else 'decide'}"
            problem = f"is never reached: {before} all that it would"
            if not tried.sure:
                problem = f"was reached {perhaps}: {before} first; is it as it is meant?"
            yield Finding(where, problem, note=not tried.sure)

    def _hints(self, access: Access, rule: Rule) -> Iterator[str]:
        """What of the policy is missing for a condition to be met."""
        uses = rule.when.uses if rule.when else ()
        if rule.when and rule.when.asks_incident and self.policy.incidents is None:
            yield "there is no incidents: section, so no incident is known"
        for use in uses:
            form = self.policy.schedules.get(str(use.key)) if use.word.name == "requester.on_call" else None
            if form is not None and not is_bound(self.policy, access, form):
                yield f"people: gives nobody who may ask a name with {form.people_as}"

    def _quorums(self, where: Path, access: Access, rule: Rule) -> Iterator[Finding]:
        if rule.automatic is not None:
            return
        if not self._could_meet(rule):
            yield Finding(where, TOO_FEW)
        elif not self.policy.only_told(access.request):
            askers = self.policy.named(access.request) - self.policy.named(access.deny) - self.policy.shared
            if askers and not any(self._could_meet(rule, asker) for asker in sorted(askers)):
                yield Finding(where, "nobody who may ask could be approved: too few others are named")
        who = [each for quorum in rule.escalated().quorums for each in quorum.who]
        if rule.denials_needed > 1 and not self.policy.only_told(who):
            people = {self.policy.first_account(each) for each in self.policy.named(who) - self.policy.shared}
            if len(people) < rule.denials_needed:
                have = "1 person" if len(people) == 1 else f"{len(people)} people"
                problem = f"nobody can ever deny: {rule.denials_needed} have to, and there can only ever be {have}"
                yield Finding((*where, "denials_needed"), problem)

    def _could_meet(self, rule: Rule, requester: str = "") -> bool:
        """With those who are asked, too, when nobody has decided."""
        key = (rule.quorums, rule.different_people, rule.escalation, requester)
        if key not in self._meetable:
            both = (rule, rule.escalated())
            self._meetable[key] = any(self.policy.could_meet(each, requester) for each in both)
        return self._meetable[key]


_CHECKED = frozenset({"requester.id", "requester.zone", "incident.service"})


def _without_people(path: Path, access: Access, trial: Trial) -> Iterator[Finding]:
    """Where a request finds no rule, it is refused."""
    if all(rule.automatic for rule in access.rules):
        if any(rule.when or rule.automatic != Limits() for rule in access.rules):
            problem = "no rule here asks people: with a provider down, or past the limits, it is refused"
            yield Finding(path, f"{problem}, and nobody could decide", note=True)
    elif trial.passed_through:
        problem = "each rule has a condition: where none holds it is refused, and nobody could decide"
        yield Finding(path, f"{problem}; a last rule without when would ask people", note=True)
    if access.risk == "critical":
        for number, rule in enumerate(access.rules):
            if rule.automatic and rule.when is None:
                problem = "decides by itself, whoever asks and when, though the risk is critical"
                yield Finding((*path, number), problem, note=True)


def _break_glass(path: Path, access: Access) -> Iterator[Finding]:
    glass = access.break_glass
    if glass is None:
        return
    if glass.max_duration == access.max_duration:
        longest = say_duration(access.max_duration)
        yield Finding((*path, "max_duration"), f"is as long as the access is given for otherwise, {longest}; give less")
    if set(glass.review_by) <= set(glass.who):
        problem = "whoever may break the glass reviews it, each for the others; is nobody else there to look?"
        yield Finding((*path, "review_by"), problem, note=True)


def _owner(path: Path, policy: Policy, access: Access) -> Iterator[Finding]:
    if not access.owner:
        return
    if is_person(access.owner):
        if access.owner not in policy.people and not any(access.owner in who for who in policy.groups.values()):
            yield Finding(path, f"{access.owner} is named neither under people: nor in a group")
    elif not policy.only_told((access.owner,)) and not policy.named((access.owner,)):
        yield Finding(path, f"there is nobody in {access.owner}")


def _without_owner(policy: Policy) -> Iterator[Finding]:
    """One for each target."""
    missing: dict[str, list[str]] = {}
    for name, access in policy.accesses.items():
        if not access.owner:
            missing.setdefault(access.target, []).append(name)
    for target, (first, *others) in missing.items():
        if others:
            yield Finding(
                ("targets", target), f"nobody answers for {first} and {len(others)} more: add owner:", note=True
            )
        else:
            yield Finding(("access", first), f"nobody answers for {first}: add owner:", note=True)
