"""Checks what the entries of a policy say about each other: that it can work, and means what it seems to."""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import islice

from jit.durations import compact, say_duration
from jit.people.directory.settings import PEOPLE_AS
from jit.people.membership import GROUP, ON_CALL, Membership, TooManyMeant
from jit.people.person import DIRECTORY, alike_name
from jit.policy.conditions import BadCondition, Condition, compile_condition
from jit.policy.files.document import Path
from jit.policy.files.form import AccessForm, EscalateForm, QuorumForm, RuleForm, secret_problem
from jit.policy.files.merge import Merged
from jit.policy.files.shape import Forms, rules_in, well_shaped
from jit.policy.incidents import accepts

SHARED = "is listed under shared, and an account that people share may neither ask nor decide"
PEOPLE_DECIDE = "decides by itself, and an exception is decided by people"
NOT_ASKED_LATE = "asks others when nobody decides, and an exception is decided by those whom its rules name alone"
_NOT_AUTHORITY = frozenset({"deny", "notify"})
"""Lists in which a shared account may stand: they let nobody do anything."""


def check_sense(merged: Merged, forms: Forms) -> None:
    """Adds what makes no sense to the mistakes of ``merged``."""
    for name, target in forms.targets.items():
        for key, value in (target.model_extra or {}).items():
            if problem := secret_problem(key, value):
                merged.blame(("targets", name, key), problem)
        if target.owner and merged.whole:
            _check_who(merged, ("targets", name, "owner"), [target.owner])
    if not merged.whole:
        return
    _check_standing(merged, forms)
    _check_people(merged, forms)
    _check_who(merged, ("security",), forms.security)
    _check_who(merged, ("alerts", "notify"), forms.alerts.notify)
    membership = _check_groups(merged, forms.groups)
    _check_lockdown(merged, forms, membership)
    forms.conditions = _conditions(merged, forms)
    for name, access in forms.access.items():
        _check_access(merged, name, access, membership)
    _check_the_misshapen(merged, forms, membership)


def _check_lockdown(merged: Merged, forms: Forms, membership: Membership | None) -> None:
    if not merged.has("lockdown"):
        return
    known = _check_who(merged, ("lockdown",), forms.lockdown)
    if merged.lists["lockdown"] == ():
        merged.blame(("lockdown",), "must not be empty: leave it out, and security may")
    elif membership and known and forms.lockdown and not membership.has(forms.lockdown, 2):
        merged.blame(("lockdown",), "nobody could lift one: that takes two people, and this is one")


def _check_standing(merged: Merged, forms: Forms) -> None:
    known: dict[tuple[str, ...], int] = {}
    for at, entry in enumerate(forms.standing):
        where = ("standing", at)
        if entry.target not in merged.sections["targets"]:
            suggestion = merged.suggest(entry.target, merged.sections["targets"])
            merged.blame((*where, "target"), f"no target is called {entry.target}", suggestion)
        first = known.setdefault((entry.target, entry.principal, entry.permission, entry.how), at)
        if first != at:
            merged.blame(where, f"is listed twice; first as number {first + 1} of the list")


def target_of(name: str, access: AccessForm) -> str:
    return access.target or name.split("/", 1)[0]


def _check_target(merged: Merged, name: str, given: str | None) -> None:
    target = given or name.split("/", 1)[0]
    if target not in merged.sections["targets"]:
        where = ("access", name, "target") if given else ("access", name)
        merged.blame(where, f"no target is called {target}", merged.suggest(target, merged.sections["targets"]))


def _check_access(merged: Merged, name: str, access: AccessForm, membership: Membership | None) -> None:
    path = ("access", name)
    _check_target(merged, name, access.target)
    known = _check_who(merged, (*path, "request"), access.request)
    known &= _check_who(merged, (*path, "deny"), access.deny)
    _check_who(merged, (*path, "owner"), [access.owner] if access.owner else [])
    if membership and known and not membership.has(access.request, 1, but=access.deny):
        merged.blame((*path, "request"), "nobody may ask for this")
    if access.incident_example and not (access.incident and accepts(access.incident, access.incident_example)):
        merged.blame((*path, "incident_example"), "is no incident as this access wants it: the pattern refuses it")
    before: dict[Path, list[RuleForm]] = {}
    for where, rule in access.all_rules:
        if why := next(filter(None, (_never_after(each, rule) for each in before.get(where[:-1], []))), None):
            merged.blame((*path, *where), f"is never reached: {why}")
        before.setdefault(where[:-1], []).append(rule)
        for within, _, quorum in rule.quorums:
            _check_quorum(merged, (*path, *where, *within), quorum, membership)
        if rule.escalate:
            _check_escalation(merged, (*path, *where, "escalate"), rule.escalate, access, [rule], membership=membership)
    if access.escalate:
        theirs = [rule for rule in access.approve if not rule.automatic and not rule.escalate]
        _check_escalation(merged, (*path, "escalate"), access.escalate, access, theirs, membership=membership)
    if access.extend and access.extend.ceiling < access.max_duration:
        most = compact(access.max_duration)
        problem = f"is the most in all, and shorter than max_duration ({most}), for which it is given without extension"
        merged.blame((*path, "extend", "ceiling"), problem)
    _check_exception(merged, (*path, "exception"), access)
    _check_break_glass(merged, (*path, "break_glass"), access, membership)


def _check_exception(merged: Merged, path: Path, access: AccessForm) -> None:
    if access.exception is None:
        return
    if access.exception.max_duration <= access.max_duration:
        most = compact(access.max_duration)
        problem = f"is not longer than max_duration of the access ({most}), so that nothing is an exception"
        merged.blame((*path, "max_duration"), problem)
    for number, rule in enumerate(access.exception.approve):
        for key, problem in (("automatic", PEOPLE_DECIDE), ("escalate", NOT_ASKED_LATE)):
            if getattr(rule, key):
                merged.blame((*path, "approve", number, key), problem)


def _check_break_glass(merged: Merged, path: Path, access: AccessForm, membership: Membership | None) -> None:
    """Whoever may break the glass may be the one who did: somebody else has to be left to review it."""
    glass = access.break_glass
    if glass is None:
        return
    if glass.max_duration > access.max_duration:
        longest = say_duration(access.max_duration)
        merged.blame((*path, "max_duration"), f"is longer than the access is given for otherwise, {longest}")
    known = _check_who(merged, (*path, "who"), glass.who)
    known &= _check_who(merged, (*path, "review_by"), glass.review_by)
    if not membership or not known:
        return
    if not membership.has(glass.who, 1, but=access.deny):
        merged.blame((*path, "who"), "nobody may break the glass: deny names all of them")
    if not membership.has(glass.review_by, 1, but=glass.who):
        merged.blame((*path, "review_by"), "nobody could review it: all of them may break the glass themselves")


def _check_escalation(
    merged: Merged,
    path: Path,
    escalate: EscalateForm,
    access: AccessForm,
    rules: list[RuleForm],
    *,
    membership: Membership | None,
) -> None:
    if not _check_who(merged, (*path, "to"), escalate.to) or membership is None:
        return
    if escalate.after >= access.pending_for:
        merged.blame((*path, "after"), "is never reached: a request lapses before, by pending_for")
    asked = [quorum.who for rule in rules for _, _, quorum in rule.quorums]
    if not asked:
        merged.blame(path, "is for no rule: each has one of its own, or decides by itself")
    elif not any(membership.has(escalate.to, 1, but=who) for who in asked):
        merged.blame((*path, "to"), "asks nobody who is not asked already")


def _never_after(before: RuleForm, rule: RuleForm) -> str | None:
    """Why ``rule`` cannot decide where ``before`` stands before it; None if it can. What limits keep one rule from
    deciding is decided by another.
    """
    if before.limits is not None:
        return None
    if before.when is None:
        return "a rule before it always decides"
    if rule.when is not None and before.when.split() == rule.when.split():
        return "a rule before it has the same condition"
    return None


def _conditions(merged: Merged, forms: Forms) -> dict[str, Condition]:
    """Each condition once, however many rules have it, by its text."""
    found: dict[str, Condition] = {}
    refused: dict[str, BadCondition] = {}
    schedules = merged.sections["schedules"]
    calendars = {name: entry.calendar() for name, entry in forms.calendars.items()}
    for name, access in forms.access.items():
        for where, rule in access.all_rules:
            text = rule.when
            if text is None:
                continue
            if text not in found and text not in refused:
                try:
                    found[text] = compile_condition(
                        text, schedules=schedules, calendars=calendars, groups=merged.sections["groups"]
                    )
                except BadCondition as bad:
                    refused[text] = bad
            if text in refused:
                merged.blame(("access", name, *where, "when"), refused[text].problem, refused[text].suggestion)
    return found


def _check_the_misshapen(merged: Merged, forms: Forms, membership: Membership | None) -> None:
    """What has a mistake elsewhere still names groups and targets, and says how many have to approve."""
    if not forms.security:
        _check_named(merged, ("security",), merged.lists["security"])
    for name, who in merged.sections["groups"].items():
        if name not in forms.groups:
            _check_named(merged, ("groups", name), who)
    for name, access in merged.sections["access"].items():
        if name in forms.access or not isinstance(access, dict):
            continue
        for path, who in _who_lists(("access", name), access):
            _check_named(merged, path, who)
        for number, rule in enumerate(rules_in(access.get("approve"))):
            for within, _, quorum in rule.quorums:
                _check_quorum(merged, ("access", name, "approve", number, *within), quorum, membership)
        given = access.get("target")
        if given is None or isinstance(given, str):
            _check_target(merged, name, given)


def _who_lists(path: Path, content: object) -> Iterator[tuple[Path, object]]:
    if isinstance(content, dict):
        for key, inner in content.items():
            if key in {"request", "deny", "from", "who", "review_by", "to"}:
                yield (*path, key), inner
            else:
                yield from _who_lists((*path, key), inner)
    elif isinstance(content, tuple):
        for place, inner in enumerate(content):
            yield from _who_lists((*path, place), inner)


def _check_named(merged: Merged, path: Path, who: object) -> None:
    """Of a list that may hold anything, what is written as a group."""
    if isinstance(who, tuple):
        _check_who(merged, path, (each if well_shaped(each) else "" for each in who))


def _check_quorum(merged: Merged, path: Path, quorum: QuorumForm, membership: Membership | None) -> None:
    if not _check_who(merged, (*path, "from"), quorum.who) or membership is None:
        return
    if not membership.has(quorum.who, quorum.count):
        people = len(membership.people(quorum.who))
        have = "1 person" if people == 1 else f"{people} people"
        merged.blame((*path, "count"), f"needs {quorum.count}, and there can only ever be {have}")


def _check_who(merged: Merged, path: Path, who: Iterable[str]) -> bool:
    sure, shared = True, merged.lists["shared"]
    for place, each in enumerate(who):
        if isinstance(shared, tuple) and each in shared and ":" not in each and path[-1] not in _NOT_AUTHORITY:
            merged.blame((*path, place), SHARED)
        for prefix, known, what in (
            (GROUP, merged.sections["groups"], "group"),
            (ON_CALL, merged.sections["schedules"], "schedule"),
            (DIRECTORY, _of_directory(merged), "group of the directory"),
        ):
            name = each.removeprefix(prefix)
            if each.startswith(prefix) and name not in known:
                merged.blame((*path, place), f"no {what} is called {name}", merged.suggest(name, known))
                sure = False
    return sure


def _of_directory(merged: Merged) -> dict[str, object]:
    groups = merged.sections["directory"].get("groups")
    return groups if isinstance(groups, dict) else {}


def _check_groups(merged: Merged, groups: dict[str, tuple[str, ...]]) -> Membership | None:
    """Who is in which group, if all groups are in order. Of groups that hold themselves one ring is named."""
    known = [_check_who(merged, ("groups", name), who) for name, who in groups.items()]
    inner = {name: [each.removeprefix(GROUP) for each in who if each.startswith(GROUP)] for name, who in groups.items()}
    try:
        TopologicalSorter(inner).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1][::-1]
        merged.blame(("groups", ring[0]), f"a group cannot hold itself: {' -> '.join(ring)}")
        return None
    if not all(known) or len(groups) < len(merged.sections["groups"]):
        return None
    try:
        return Membership(groups, ())
    except TooManyMeant as error:
        merged.blame(("groups", error.group), str(error))
        return None


def _check_people(merged: Merged, forms: Forms) -> None:
    kinds = {target.kind for target in forms.targets.values()}
    providers = {each.people_as for each in (*forms.schedules.values(), forms.incidents) if each}
    known = {*merged.sections["targets"], *kinds, *providers, *([PEOPLE_AS] if merged.sections["directory"] else [])}
    whole = ("targets", forms.targets), ("schedules", forms.schedules)
    shape_known = all(len(fitting) == len(merged.sections[section]) for section, fitting in whole)
    for person, names in forms.people.items():
        if person in forms.shared:
            merged.blame(("people", person), SHARED)
        for key in names:
            if key not in known and shape_known:
                problem = f"no target, no kind of target and no provider is called {key}"
                merged.blame(("people", person, key), problem, merged.suggest(key, known))
    if merged.sections["directory"]:
        _check_names_in_directory(merged, forms)
    for target, first, second, key in _namesakes(forms):
        name, other = forms.people[second][key], forms.people[first]
        problem = f"{name} on {target} is {first} already; two people cannot be told apart there"
        if name not in {other.get(target), other.get(forms.targets[target].kind)}:
            problem = f"{name} on {target} is {first} already, but for letter case or blanks; tell them apart by more"
        merged.blame(("people", second, key), problem)


def _check_names_in_directory(merged: Merged, forms: Forms) -> None:
    first: dict[str, str] = {}
    for person, names in forms.people.items():
        other = first.setdefault(alike_name(names.get(PEOPLE_AS, person)), person)
        if other != person:
            problem = f"{names[PEOPLE_AS]} in the directory is {other} already; two people cannot be told apart there"
            merged.blame(("people", person, PEOPLE_AS), problem)


def _namesakes(forms: Forms) -> Iterator[tuple[str, str, str, str]]:
    """A target, two people of one name there, and by which key the second has it. There may be thousands of people and
    of targets: where nobody has a name of their own, one target stands for all of its kind.
    """
    called: dict[str, dict[str, list[str]]] = {}
    for person, names in forms.people.items():
        for key, name in names.items():
            called.setdefault(key, {}).setdefault(alike_name(name), []).append(person)
    done: set[str] = set()
    for target, config in forms.targets.items():
        of_kind, here = called.get(config.kind, {}), called.get(target, {})
        if not here and config.kind in done:
            continue
        if not here:
            done.add(config.kind)
        own = {person for people in here.values() for person in people}
        for name, people in here.items():
            other = [person for person in of_kind.get(name, ()) if person not in own][:1]
            if len(both := [*other, *people][:2]) == 2:
                yield target, both[0], both[1], target
        for people in of_kind.values():
            if len(people) > 1 and len(both := list(islice((each for each in people if each not in own), 2))) == 2:
                yield target, both[0], both[1], config.kind
