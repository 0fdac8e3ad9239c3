"""The rules in force, and the questions they answer: who may ask, who may approve, and why."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from jit.people.directory.settings import DirectoryForm
from jit.people.membership import Membership, StaleGroups
from jit.people.person import DIRECTORY, Groups, alike_name
from jit.policy.model import Access, Channels, QuorumCount, QuorumStatus, Rule, StandingAccess, TargetConfig
from jit.policy.quorums import assigned

if TYPE_CHECKING:  # brings an HTTP client, which a policy without providers does not need
    from jit.people.providers.provider import IncidentsForm, ScheduleForm


@dataclass(frozen=True, eq=False)
class Policy:
    """One version of the policy folder.

    ``version`` is the SHA-256, in hex, over ``text``: the sorted paths and bytes of its files, as `policy_text`
    puts them. Every question about people takes the newest snapshot of Slack's groups and the time, and raises
    `StaleGroups` if the answer hangs on a Slack group and the snapshot is too old. Silence forbids; ``deny``
    wins; nobody counts towards their own request.
    """

    version: str
    channels: Channels
    accesses: Mapping[str, Access]
    targets: Mapping[str, TargetConfig]
    security: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    people: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    schedules: Mapping[str, "ScheduleForm"] = field(default_factory=dict)
    incidents: "IncidentsForm | None" = None
    directory: DirectoryForm | None = None
    text: bytes = field(default=b"", repr=False)
    notify: tuple[str, ...] = ()
    """Whom alerts mention."""
    shared: frozenset[str] = frozenset()
    """Accounts that people share, which may neither ask nor decide, whatever group they are in."""
    lockdown: tuple[str, ...] = ()
    """Who may begin a lockdown, and of whom two lift it."""
    standing: tuple[StandingAccess, ...] = ()
    _membership: Membership = field(init=False, repr=False)
    _same_people: Mapping[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        others = {*self.security, *self.notify, *self.lockdown}
        for access in self.accesses.values():
            others.update(access.request, access.deny, [access.owner] if access.owner else [])
            others.update(who for rule in access.all_rules for quorum in rule.quorums for who in quorum.who)
            others.update(who for rule in access.all_rules if rule.escalation for who in rule.escalation.to)
            if access.break_glass is not None:
                others.update(access.break_glass.who, access.break_glass.review_by)
        object.__setattr__(self, "_membership", Membership(self.groups, others))
        object.__setattr__(self, "_same_people", _namesakes(self.people))

    @property
    def variables(self) -> frozenset[str]:
        """The environment's, in which secrets of targets are looked for."""
        return frozenset(name for target in self.targets.values() for name in target.variables)

    @property
    def provider_variables(self) -> frozenset[str]:
        """The environment's, in which secrets of providers (on call, incidents) and the directory are looked for."""
        forms = (*self.schedules.values(), *(form for form in (self.incidents, self.directory) if form))
        return frozenset(name for form in forms for name in form.variables)

    def members(self, who: Iterable[str], groups: Groups, now: datetime) -> frozenset[str]:
        """Everybody the who-expressions mean, as Slack ids."""
        return self._membership.members(who, groups, now) - self.shared - groups.directory.disabled

    def slack_groups(self, who: Iterable[str]) -> frozenset[str]:
        """The ids of the Slack groups that the who-expressions hang on."""
        return self._membership.slack_groups(who)

    def directory_groups(self, who: Iterable[str]) -> frozenset[str]:
        """The names of the directory's groups that the who-expressions hang on."""
        return self._membership.directory_groups(who)

    def told_groups(self, who: Iterable[str]) -> frozenset[str]:
        """Both, as `Groups.held` takes them."""
        who = tuple(who)
        return self.slack_groups(who) | {f"{DIRECTORY}{name}" for name in self.directory_groups(who)}

    def by(self, who: str, person: str, groups: Groups, now: datetime) -> str:
        """By what a who-expression means this person, whom it means: their id, a Slack group, `directory:dba`."""
        return self._membership.by(who, person, groups, now)

    def only_told(self, who: Iterable[str]) -> bool:
        """Whether Slack, the directory or a provider has to say whom the who-expressions mean, at least in part."""
        return self._membership.only_told(who)

    def schedules_in(self, who: Iterable[str]) -> frozenset[str]:
        """The names of the schedules that the who-expressions hang on."""
        return self._membership.schedules(who)

    def named(self, who: Iterable[str]) -> frozenset[str]:
        """The people among the who-expressions whom the policy itself names; groups from elsewhere are left out."""
        return self._membership.people(who)

    def includes(self, who: Iterable[str], person: str, groups: Groups, now: datetime) -> bool:
        """Whether the who-expressions mean this person. Only expressions of this policy are understood."""
        return self._may_act(person, groups) and self._membership.circles(person, groups, now).touch(who)

    def _may_act(self, person: str, groups: Groups) -> bool:
        """Not with an account that people share, nor with one that the directory says is disabled."""
        return person not in self.shared and person not in groups.directory.disabled

    def is_security(self, person: str, groups: Groups, now: datetime) -> bool:
        """Whether this person sees everything and may revoke anything."""
        return self.includes(self.security, person, groups, now)

    def may_lock(self, person: str, groups: Groups, now: datetime) -> bool:
        """Whether this person may begin a lockdown, and be one of the two who lift it."""
        return self.includes(self.lockdown, person, groups, now)

    def may_ask(self, access: Access, person: str, groups: Groups, now: datetime) -> bool:
        return not self.denies(access, person, groups, now) and self.includes(access.request, person, groups, now)

    def denies(self, access: Access, person: str, groups: Groups, now: datetime) -> bool:
        """Whether ``deny`` means this person: that they are not among those on call has to be known."""
        return self._membership.circles(person, groups, now).may_touch(access.deny)

    def may_break_glass(self, access: Access, person: str, groups: Groups, now: datetime) -> bool:
        """Whether this person may let themselves in at once. Who is on call counts as `Groups.in_emergency` has it, but
        for ``deny``, which has to be known.
        """
        glass = access.break_glass
        if glass is None or not self.includes(glass.who, person, groups.in_emergency(), now):
            return False
        return not self.denies(access, person, groups, now)

    def namesakes_of(self, person: str) -> frozenset[str]:
        """This person's id, and every other that has a name of theirs in a target or with a provider, but for letter
        case, blanks or width: accounts of one person. `jit.requests.accounts` knows of those with one e-mail, too.
        """
        return self._same_people.get(person, frozenset({person}))

    def first_account(self, person: str) -> str:
        """The same id for all accounts of one person."""
        return min(self.namesakes_of(person))

    def askable(self, person: str, groups: Groups, now: datetime) -> list[Access]:
        """All that this person may ask for, by name. Quick: it runs on every keystroke of a search field."""
        if not self._may_act(person, groups):
            return []
        circles = self._membership.circles(person, groups, now)
        return [
            access
            for access in self.accesses.values()
            if not circles.may_touch(access.deny) and circles.touch(access.request)
        ]

    def groups_of(self, person: str, groups: Groups, now: datetime) -> tuple[str, ...]:
        """The names of the policy's own groups that hold this person, sorted. Raises StaleGroups."""
        return self._membership.groups_of(person, groups, now)

    def could_approve(self, rule: Rule, requester: str, groups: Groups, now: datetime) -> tuple[frozenset[str], ...]:
        """For each quorum everybody who could count for it."""
        return tuple(self.members(quorum.who, groups, now) - self.namesakes_of(requester) for quorum in rule.quorums)

    def decidable(self, rule: Rule, requester: str, groups: Groups, now: datetime) -> bool:
        """Whether the rule decides by itself, or enough people exist to approve a request of this person."""
        if rule.automatic is not None:
            return True
        could = self.could_approve(rule, requester, groups, now)
        return self._assigned(rule, could).complete

    def could_meet(self, rule: Rule, requester: str = "") -> bool:
        """Whether those whom the policy names are enough for the quorums that are made of them alone. Who is told of
        from outside may be anybody.
        """
        named = tuple(quorum for quorum in rule.quorums if not self.only_told(quorum.who))
        others = self.shared | self.namesakes_of(requester)
        could = [self.named(quorum.who) - others for quorum in named]
        return not self._assigned(replace(rule, quorums=named), could).missing

    def counts_for(self, rule: Rule, person: str, requester: str, groups: Groups, now: datetime) -> bool:
        """Whether this person's approval would count at all."""
        return person not in self.namesakes_of(requester) and any(
            self.includes(quorum.who, person, groups, now) for quorum in rule.quorums
        )

    def evaluate(
        self, rule: Rule, approvers: Iterable[str], requester: str, groups: Groups, now: datetime
    ) -> QuorumStatus:
        """Whose approvals count now, quorum by quorum; whether people may act here is `jit.requests.decision`'s to ask.

        Their order, and an approval given twice, make no difference.
        """
        others = sorted({*approvers} - self.namesakes_of(requester))
        could = [
            frozenset(person for person in others if self.includes(quorum.who, person, groups, now))
            for quorum in rule.quorums
        ]
        return self._assigned(rule, could)

    def _assigned(self, rule: Rule, could: Iterable[Iterable[str]]) -> QuorumStatus:
        """By `assigned`; one person counts once, with however many accounts they said yes."""
        accounts = [{self.first_account(person): person for person in sorted(each, reverse=True)} for each in could]
        parts = zip(assigned(rule, accounts), accounts, strict=True)
        return QuorumStatus(
            tuple(QuorumCount(part.quorum, tuple(sorted(own[one] for one in part.counted))) for part, own in parts)
        )

    def given_on(self, target: str) -> tuple[str, ...]:
        """Everything that some access gives on this target, sorted."""
        given = {grant for access in self.accesses.values() if access.target == target for grant in access.grants}
        return tuple(sorted(given))

    def principals_on(self, target: str) -> frozenset[str]:
        """Everybody's names there, whether or not they may ask for anything."""
        return frozenset(name for person in self.people if (name := self.principal(person, target)))

    def named_on(self, target: str, groups: Groups) -> tuple[str, ...]:
        """The names there of all who may ask for something on this target, however old ``groups`` are; sorted."""
        accesses = [access for access in self.accesses.values() if access.target == target]
        named = {person: name for person in self.people if (name := self.principal(person, target))}
        return tuple(sorted({name for person, name in named.items() if self._may_ask_any(accesses, person, groups)}))

    def _may_ask_any(self, accesses: Iterable[Access], person: str, groups: Groups) -> bool:
        with suppress(StaleGroups):
            return any(self.may_ask(access, person, groups, groups.as_of) for access in accesses)
        return False

    def principal(self, person: str, target: str) -> str | None:
        """The person's name in a target: as written for that target, else for its kind."""
        names = self.people.get(person, {})
        config = self.targets.get(target)
        return names.get(target) or (names.get(config.kind) if config else None)


def _namesakes(people: Mapping[str, Mapping[str, str]]) -> dict[str, frozenset[str]]:
    """Of everybody who shares a name with others somewhere, all of these, and those who share one with them."""
    called: dict[tuple[str, str], set[str]] = {}
    for person, names in people.items():
        for key, name in names.items():
            called.setdefault((key, alike_name(name)), set()).add(person)
    same: dict[str, frozenset[str]] = {}
    for each in called.values():
        if len(each) > 1:
            one = frozenset(each).union(*(same[person] for person in each if person in same))
            same |= dict.fromkeys(one, one)
    return same
