"""What `jit policy check` and `jit policy explain` say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jit.people.membership import StaleGroups
from jit.people.person import NO_GROUPS, Groups
from jit.policy.explain import Supposed, explain
from jit.policy.files.load import Further, load_policy
from jit.policy.files.merge import nearest
from jit.policy.files.mistakes import Mistake, PolicyError
from jit.policy.policy import Policy

_SHOWN = 5
"""As many people are named in a note."""


class UnknownAccess(LookupError):
    """There is no access of this name. The message names the nearest."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A folder of policy files after a look: a policy, or mistakes."""

    policy: Policy | None
    mistakes: tuple[Mistake, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each mistake, or what was found in a word."""
        if self.policy is None:
            return tuple(map(str, self.mistakes))
        found = (
            (len(self.policy.accesses), "access", "accesses"),
            (len(self.policy.targets), "target", "targets"),
        )
        counted = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in found)
        return (
            f"Fine: {counted}, version {self.policy.version[:12]}.",
            *(f"Note: {remark}" for remark in self.notes),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What is allowed, and easily not meant."""
        if self.policy is None:
            return ()
        found = (*_single_handed(self.policy), *_undecidable(self.policy), *_easy_exceptions(self.policy))
        return tuple(dict.fromkeys(found))


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
        return Checked(load_policy(folder, more))
    except PolicyError as error:
        return Checked(None, error.mistakes)


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
