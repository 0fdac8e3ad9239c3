"""Whether approvals decide: the same question at the deciding press and again before the effect.

Nothing here trusts what was concluded before. It takes the request as its facts tell it, the rules now in force
and what is known of people now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jit.clock import SKEW_LIMIT
from jit.facts import BEGIN_WITHIN, Need, RefusalReason
from jit.people.person import Standing
from jit.policy import Access, Policy, PolicyError, PolicyFolder, Rule, StaleGroups, Tally
from jit.ports import Directory, DirectoryUnavailable, UnknownPerson
from jit.requests.lifecycle import Request, State

LOOKED_UP = 20
"""As many of a quorum are looked up when somebody asks; in a larger one somebody will be there."""
KNOWN_FOR = timedelta(minutes=5)
"""How old what is known of them may then be: it decides nothing, and whoever asks all the time must not use up what
Slack answers.
"""


class DoesNotHold(Exception):
    """These approvals decide nothing; asking again later will not change that. ``reason`` says why."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class CannotTell(Exception):
    """What is needed to judge is not to be had now. Until it is, nothing is granted."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that apply to one request now."""

    policy: Policy
    access: Access
    rule: Rule


def needs_of(rule: Rule) -> tuple[Need, ...]:
    """What a card says about who must approve."""
    return tuple(Need(label=quorum.label, who=quorum.who, count=quorum.count) for quorum in rule.quorums)


def rules_for(request: Request, policies: PolicyFolder) -> Rules:
    """The rules now in force for a request, if they still say exactly what its card shows.

    Raises:
        DoesNotHold: the access is gone, gives something else or wants other approvals, or the requester is somebody
            else there.
        CannotTell: the policy files are broken at the moment.
    """
    try:
        policy = policies.current()
    except PolicyError as broken:
        raise CannotTell(RefusalReason.POLICY_BROKEN) from broken
    return rules_in(policy, request)


def rules_in(policy: Policy, request: Request) -> Rules:
    """The rules of this policy for a request. Raises DoesNotHold, as `rules_for`."""
    access = policy.accesses.get(request.access)
    if access is None:
        raise DoesNotHold(RefusalReason.RULES_CHANGED)
    rule = policy.rule(access)
    if (
        access.grants != request.permissions
        or access.target != request.target
        or policy.principal(request.requester, request.target) != request.principal
        or request.duration > access.max_duration
        or access.risk != request.risk
        or needs_of(rule) != request.needs
        or not access.accepts_incident(request.incident or "")
    ):
        raise DoesNotHold(RefusalReason.RULES_CHANGED)
    return Rules(policy, access, rule)


def weigh(request: Request, approvers: Iterable[str], rules: Rules, directory: Directory, now: datetime) -> Tally:
    """What these approvals of ``request`` are worth now. Those of people who may no longer act do not count.

    Raises:
        DoesNotHold: the requester may not ask for this any more.
        CannotTell: somebody could not be looked up, or the groups are stale.
    """
    try:
        groups, workspace = directory.groups(), directory.workspace
        may_ask = rules.policy.may_ask(rules.access, request.requester, groups, now)
        if not may_ask or not _good(request.requester, directory, workspace):
            raise DoesNotHold(RefusalReason.NOT_ALLOWED_TO_ASK)
        good = [approver for approver in approvers if _good(approver, directory, workspace)]
        return rules.policy.tally(rules.rule, good, request.requester, groups, now)
    except StaleGroups as stale:
        raise CannotTell(RefusalReason.STALE_GROUPS) from stale
    except DirectoryUnavailable as silent:
        raise CannotTell(RefusalReason.CANNOT_LOOK_UP) from silent


def somebody_is_there(rule: Rule, policy: Policy, requester: str, directory: Directory, now: datetime) -> bool:
    """Whether each quorum has enough people who may act here: an id that is nobody's, or a deactivated account, can
    approve nothing. Who cannot be asked about counts as there.

    Raises StaleGroups.
    """
    workspace, could = directory.workspace, policy.could_approve(rule, requester, directory.groups(), now)
    return all(
        len(people) > LOOKED_UP or _enough(sorted(people), quorum.count, directory, workspace)
        for people, quorum in zip(could, rule.quorums, strict=True)
    )


def _enough(people: Iterable[str], count: int, directory: Directory, workspace: str) -> bool:
    there = 0
    for person in people:
        try:
            there += directory.recall(person, KNOWN_FOR).standing(workspace) is Standing.GOOD
        except UnknownPerson:
            continue
        except DirectoryUnavailable:
            return True
        if there >= count:
            return True
    return False


def still_holds(request: Request, policies: PolicyFolder, directory: Directory, now: datetime) -> None:
    """The check before the effect: a durable decision, still valid, for exactly these permissions.

    Raises:
        DoesNotHold: it does not.
        CannotTell: not now.
    """
    if request.state not in {State.APPROVED, State.GRANTING}:
        raise DoesNotHold(RefusalReason.NOT_POSSIBLE_NOW)
    begun = request.intent_at if request.state is State.GRANTING else now
    if begun is None or not _in_time(request, begun) or not _as_long(request):
        raise DoesNotHold(RefusalReason.LAPSED)
    given = {approval.id: approval for approval in request.approvals}
    for counted in request.counted:
        approval = given.get(counted.approval)
        if approval is None or approval.approver != counted.approver or approval.digest != request.digest:
            raise DoesNotHold(RefusalReason.CARD_CHANGED)
    rules = rules_for(request, policies)
    counted_people = {counted.approver for counted in request.counted}
    if not weigh(request, counted_people, rules, directory, now).complete:
        raise DoesNotHold(RefusalReason.QUORUM_GONE)


def _as_long(request: Request) -> bool:
    """Whether what was begun ends when it was approved to end. An intent that gives itself longer is not believed."""
    if request.intent_at is None or request.ends_at is None:
        return request.state is State.APPROVED
    return request.ends_at <= request.intent_at + request.duration


def _in_time(request: Request, begun: datetime) -> bool:
    """Whether the grant may begin then. A decision that is dated ahead, or gives itself longer, is not believed."""
    if request.approved_at is None or request.begin_by is None:
        return False
    latest = min(request.begin_by, request.approved_at + BEGIN_WITHIN)
    return request.approved_at - SKEW_LIMIT <= begun < latest


def _good(person: str, directory: Directory, workspace: str) -> bool:
    return directory.look_up(person).standing(workspace) is Standing.GOOD
