"""What `jit policy check` and `jit policy explain` say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jit.people.membership import StaleGroups
from jit.people.person import NO_GROUPS, Groups
from jit.policy.explain import Supposed, explain
from jit.policy.files.closer import look_closer
from jit.policy.files.load import Further, in_order, read_policy
from jit.policy.files.merge import Merged, nearest
from jit.policy.files.mistakes import MOST_MISTAKES, Mistake, PolicyError
from jit.policy.policy import Policy

NOBODY_MENTIONED = "alerts mention nobody, so nobody is woken by one"
MENTION = "Name who must act: alerts: {notify: [group:…]}"
_SHOWN = 5
"""As many people are named in a note."""


class UnknownAccess(LookupError):
    """There is no access of this name. The message names the nearest."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A folder of policy files after a look: a policy, mistakes, or both: where it can be loaded, and stays in force,
    though something in it can never come to pass. ``remarks`` are notes with their places, which ``places`` knows.
    """

    policy: Policy | None
    mistakes: tuple[Mistake, ...] = ()
    remarks: tuple[Mistake, ...] = ()
    places: Merged | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each mistake, or what was found in a word; and the notes."""
        nobody = [f"{NOBODY_MENTIONED}. {MENTION}"] if self.mentions_nobody else []
        return (*self.found, *(f"Note: {remark}" for remark in (*self.notes, *nobody)))

    @property
    def found(self) -> tuple[str, ...]:
        """The same without notes."""
        if self.policy is None or self.mistakes:
            return tuple(map(str, self.mistakes))
        found = (
            (len(self.policy.accesses), "access", "accesses"),
            (len(self.policy.targets), "target", "targets"),
        )
        counted = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in found)
        return (f"Fine: {counted}, version {self.policy.version[:12]}.",)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is allowed, and easily not meant."""
        if self.policy is None:
            return ()
        return tuple(dict.fromkeys((*map(str, self.remarks), *self.about_people)))

    @property
    def about_people(self) -> tuple[str, ...]:
        """Those of the notes that say who could decide."""
        if self.policy is None:
            return ()
        return tuple(
            dict.fromkeys((*_single_handed(self.policy), *_undecidable(self.policy), *_easy_exceptions(self.policy)))
        )

    @property
    def mentions_nobody(self) -> bool:
        """Whether alerts reach only who happens to look at their channel."""
        return self.policy is not None and not self.policy.notify


def _single_handed(policy: Policy) -> Iterator[str]:
    """Accesses of several quorums that somebody could approve alone: allowed, and easily not meant."""
    rules = [(access, rule) for access in policy.accesses.values() for rule in access.all_rules]
    for access, rule in rules:
        quorums = rule.quorums
        if len(quorums) < 2 or rule.different_people or any(quorum.count > 1 for quorum in quorums):
            continue
        try:
            alone = frozenset.intersection(
                *(policy.members(quorum.who, NO_GROUPS, NO_GROUPS.as_of) for quorum in quorums)
            )
        except StaleGroups:  # of Slack, which is not asked here
            continue
        if alone:
            yield f"{', '.join(sorted(alone))} alone can meet every quorum of {access.name}."


def _undecidable(policy: Policy) -> Iterator[str]:
    """Accesses that somebody may ask for and too few others could approve, as far as the files tell."""
    for access in policy.accesses.values():
        every = dict.fromkeys(quorum for rule in access.all_rules for quorum in rule.quorums)
        quorums = [quorum for quorum in every if not policy.only_told(quorum.who)]
        askers = policy.named(access.request) - policy.named(access.deny)
        alone = [
            asker
            for asker in sorted(askers)
            if any(len(policy.named(quorum.who) - {asker}) < quorum.count for quorum in quorums)
        ]
        if alone:
            more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
            yield f"{', '.join(alone[:_SHOWN])}{more} may ask for {access.name}, and too few others could approve it."


def _easy_exceptions(policy: Policy) -> Iterator[str]:
    """Accesses that fewer people decide on for longer than for less."""
    for access in policy.accesses.values():
        own = access.exception.rules if access.exception else ()
        others = [rule.approvals_needed for rule in access.rules if rule.automatic is None]
        if own and others and min(rule.approvals_needed for rule in own) < min(others):
            yield f"An exception for {access.name} needs fewer approvals than what is no exception."


def check_folder(folder: Path, more: Further | None = None) -> Checked:
    """``more`` as in `load_policy`."""
    try:
        policy, places = read_policy(folder, more)
    except PolicyError as error:
        return Checked(None, error.mistakes)
    found = list(look_closer(policy, places.sections))
    wrong = [places.mistake(each.path, each.problem, each.suggestion) for each in found if not each.note]
    noted = [places.mistake(each.path, each.problem, each.suggestion) for each in found if each.note]
    return Checked(policy, _at_once(in_order(wrong), "mistakes"), _at_once(in_order(noted), "notes"), places)


def _at_once(found: tuple[Mistake, ...], what: str) -> tuple[Mistake, ...]:
    """As many as anybody reads."""
    if len(found) <= MOST_MISTAKES:
        return found
    told = found[:MOST_MISTAKES]
    return (*told, Mistake(told[-1].file, 0, "", f"and more: {MOST_MISTAKES} {what} are told of at once"))


def explain_access(policy: Policy, access: str, person: str, groups: Groups, supposed: Supposed) -> str:
    """As `explain`, by the name of an access.

    Raises:
        UnknownAccess: the name is not in the policy.
    """
    if access not in policy.accesses:
        near = nearest(access, policy.accesses)
        hint = f'; did you mean "{near}"?' if near else "."
        raise UnknownAccess(f"No access is called {access}{hint}")
    return explain(policy, policy.accesses[access], person, groups, supposed)
