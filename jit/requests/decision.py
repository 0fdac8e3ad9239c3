"""Whether approvals decide: the same question at the deciding press and again before the effect.

Nothing here trusts what was concluded before. It takes the request as its facts tell it, the rules now in force
and what is known of people now.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from jit.clock import SKEW_LIMIT
from jit.facts import BEGIN_WITHIN, RefusalReason
from jit.people.on_call import Shift
from jit.people.person import Groups, Person, Standing
from jit.policy import Access, Policy, PolicyError, PolicyFolder, QuorumStatus, Rule, StaleGroups
from jit.policy.choosing import choose
from jit.policy.conditions import Holds, Inputs, Unknown
from jit.policy.emergency import emergency_rule
from jit.policy.model import LEAST_EXTENSION
from jit.ports import Directory, DirectoryUnavailable, UnknownPerson
from jit.requests.accounts import may_decide, one_of_each
from jit.requests.lifecycle import Request, State

LOOKED_UP = 20
"""People of a quorum that are looked up when somebody asks; in a larger one somebody will be there."""
KNOWN_FOR = timedelta(minutes=5)
"""Age that what is known of these people may have: it decides nothing, and whoever asks all the time must not use up
what Slack answers.
"""
READ_WITHIN = timedelta(minutes=1)
"""What the conditions read was so near to when it was asked, or to when it is to begin."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that apply to one request now."""

    policy: Policy
    access: Access
    rule: Rule


class Outcome(StrEnum):
    """What a decision comes to."""

    HOLDS = "holds"
    INVALID = "invalid"
    """Asking again later does not change that."""
    UNKNOWN = "unknown"
    """What is needed to judge is not to be had now. Until it is, nothing is granted."""


NOBODY = QuorumStatus(())
NOT_KNOWN_NOW = frozenset(
    {
        RefusalReason.POLICY_BROKEN,
        RefusalReason.STALE_GROUPS,
        RefusalReason.CANNOT_LOOK_UP,
        RefusalReason.CONDITION_UNKNOWN,
        RefusalReason.NOT_YET,
    }
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether approvals decide a request, and what that rests on.

    Attributes:
        at: the moment for which it was judged.
        reason: why they do not; None where they do. QUORUM_GONE where too few count.
        rules: those it was judged by; None where it did not come to that, or they no longer fit the request.
        version: of the policy that was looked at, also where its rules do not fit; None where it did not come to that.
        groups_as_of: when Slack, and the directory where the rule names it, told who is in the groups.
        quorum_status: whose approvals count, quorum by quorum; of nobody where it did not come to that.
    """

    at: datetime
    reason: RefusalReason | None
    rules: Rules | None = None
    groups_as_of: datetime | None = None
    quorum_status: QuorumStatus = NOBODY
    version: str | None = None

    @property
    def outcome(self) -> Outcome:
        if self.reason is None:
            return Outcome.HOLDS
        return Outcome.UNKNOWN if self.reason in NOT_KNOWN_NOW else Outcome.INVALID


def rules_for(request: Request, policies: PolicyFolder, now: datetime) -> Rules | RefusalReason:
    """The rules now in force for a request, if they still say exactly what its card shows; else what is in the way."""
    try:
        return _rules_under(policies.current(), request, now)
    except PolicyError:
        return RefusalReason.POLICY_BROKEN


def _rules_under(policy: Policy, request: Request, now: datetime) -> Rules | RefusalReason:
    if _escalated_ahead(request, now):
        return RefusalReason.RULES_CHANGED
    return rules_in(policy, request) or RefusalReason.RULES_CHANGED


def rules_in(policy: Policy, request: Request) -> Rules | None:
    """The rules of this policy for a request. None if the access is gone, gives something else or wants other
    approvals than the card shows, or the requester is somebody else there.
    """
    access = policy.accesses.get(request.access)
    rule = rule_of(request, access) if access else None
    if access is None or rule is None:
        return None
    if (
        _gives(access, request) != request.permissions
        or access.target != request.target
        or policy.principal(request.requester, request.target) != request.principal
        or not _stands_on(request, access)
        or not _length_fits(request, access)
        or access.risk != request.risk
        or rule.quorums != request.first_needs
        or rule.escalation != request.escalation
        or _escalated_early(request)
        or _let_through_wrongly(request, access)
        or (rule.automatic is not None) != request.decided_by_rule
        or rule.called != request.rule
        or rule.different_people != request.different_people
        or rule.denials_needed != request.denials_needed
        or not access.accepts_incident(request.incident or "")
    ):
        return None
    return Rules(policy, access, rule.escalated() if request.escalated_at else rule)


def _escalated_early(request: Request) -> bool:
    """Whether others were asked before their time: that is not believed."""
    at, escalation = request.escalated_at, request.escalation
    return at is not None and escalation is not None and at < request.asked_at + escalation.after - SKEW_LIMIT


def _escalated_ahead(request: Request, now: datetime) -> bool:
    """Whether others were asked by what is dated ahead, or later than their decision: that is not believed."""
    latest = min(now, request.approved_at or now)
    return request.escalated_at is not None and request.escalated_at > latest + SKEW_LIMIT


def groups_for(request: Request, directory: Directory) -> Groups:
    """Who is in which group and on call, as it counts for this request."""
    groups = directory.groups()
    return groups.in_emergency() if request.emergency is not None else groups


def _stands_on(request: Request, access: Access) -> bool:
    """Whether what was asked is to these rules still what it was: an exception, or none."""
    if request.emergency is not None or request.extends is not None:
        return True
    return request.basis == access.basis_of(request.asked.duration)


def _length_fits(request: Request, access: Access) -> bool:
    """Whether it may be had for as long as it was asked for, or extended by as much."""
    if request.extends is None:
        return request.duration <= access.longest(emergency=request.emergency is not None)
    since, extend = request.extends, access.extended(request.basis)
    return extend is not None and request.duration <= extend.room(since.given_at, since.ends_at)


def _let_through_wrongly(request: Request, access: Access) -> bool:
    """Whether it says that lockdowns let it through, and the rules do not."""
    glass = access.break_glass
    return request.emergency is not None and request.emergency.in_lockdown and not (glass and glass.in_lockdown)


def room_to_extend(request: Request, policy: Policy | None) -> timedelta | None:
    """How much more time may be asked for now; None if none."""
    access = policy.accesses.get(request.access) if policy else None
    extend = access.extended(request.basis) if access else None
    if extend is None or request.state is not State.ACTIVE or request.extension:
        return None
    if request.intent_at is None or request.ends_at is None:
        return None
    room = extend.room(request.intent_at, request.ends_at)
    return room if room >= LEAST_EXTENSION else None


def _gives(access: Access, request: Request) -> tuple[str, ...]:
    """What the access gives now; of one that was narrowed what it gives of that."""
    if request.narrowed is None:
        return access.grants
    return tuple(name for name in access.grants if name in request.permissions)


def rule_of(request: Request, access: Access) -> Rule | None:
    """The rule that these rules choose by what was so when it was asked. None if they choose none, or that cannot be
    told: of a request from before there were conditions, where the rules have some.
    """
    if request.emergency is not None:
        return emergency_rule(access, co_signed=bool(request.needs))
    extend = access.extended(request.basis) if request.extends is not None else None
    access = access.decided_by(extend.rules) if extend else access.asked_for(request.asked.duration)
    if request.inputs is not None:
        inputs = inputs_of(request)
        return choose(access, inputs).rule if inputs else None
    first = access.rules[0]
    return first if first.when is None and first.automatic is None else None


def inputs_of(request: Request) -> Inputs | None:
    """What the conditions read when it was asked; None if that was not recorded, by a version that knew more, or for
    another request than the one that everybody was shown.
    """
    try:
        inputs = Inputs.from_json(request.inputs) if request.inputs is not None else None
    except ValueError:
        return None
    return inputs if inputs and _is_of(inputs, request) else None


def _is_of(inputs: Inputs, request: Request) -> bool:
    about = (inputs.requester, inputs.access, inputs.target, inputs.risk, inputs.duration, inputs.reason)
    shown = (request.requester, request.access, request.target, request.risk, request.asked.duration, request.why)
    named = inputs.incident.id if inputs.incident else None
    begins = request.start_at or request.asked_at
    return about == shown and named == request.incident and abs(inputs.now - begins) <= READ_WITHIN


def evaluate(request: Request, approvers: Iterable[str], rules: Rules, directory: Directory, now: datetime) -> Decision:
    """What the approvals of these people decide now, or the rule alone. Those of people who may no longer act do not
    count, and of accounts of one person the first alone.
    """
    groups, workspace = groups_for(request, directory), directory.workspace
    version = rules.policy.version
    decision = partial(Decision, at=now, rules=rules, version=version, groups_as_of=_as_of(rules, groups, now))
    try:
        may_ask = _may_ask(request, rules, directory.groups(), now)
        requester = directory.look_up(request.requester) if may_ask else None
        if requester is None or requester.standing(workspace) is not Standing.GOOD:
            return decision(reason=RefusalReason.NOT_ALLOWED_TO_ASK)
        if rules.rule.automatic is not None and requester.email_changed:
            return decision(reason=RefusalReason.EMAIL_CHANGED)
        if rules.rule.automatic is not None:
            return decision(reason=_against_rule(request, rules, groups, now))
        accounts = (account for each in approvers if may_decide(account := directory.look_up(each), workspace))
        good = [account.id for account in one_of_each(accounts, requester, rules.policy)]
        quorum_status = rules.policy.evaluate(rules.rule, good, request.requester, groups, now)
    except StaleGroups:
        return decision(reason=RefusalReason.STALE_GROUPS)
    except DirectoryUnavailable:
        return decision(reason=RefusalReason.CANNOT_LOOK_UP)
    return decision(reason=None if quorum_status.complete else RefusalReason.QUORUM_GONE, quorum_status=quorum_status)


def _as_of(rules: Rules, groups: Groups, now: datetime) -> datetime:
    """When the oldest of what the rule's people hang on was told: by Slack, or by the directory."""
    who = [each for quorum in rules.rule.quorums for each in quorum.who]
    names = rules.policy.directory_groups(who)
    return min([groups.as_of, *(groups.directory.who(name, now).as_of for name in names)])


def _may_ask(request: Request, rules: Rules, groups: Groups, now: datetime) -> bool:
    """Raises StaleGroups."""
    ask = rules.policy.may_ask if request.emergency is None else rules.policy.may_break_glass
    return ask(rules.access, request.requester, groups, now)


def _against_rule(request: Request, rules: Rules, groups: Groups, now: datetime) -> RefusalReason | None:
    """What keeps the rule from deciding by itself, with those on call, and those in the groups, who are so now; None if
    nothing does. Raises StaleGroups.
    """
    rule = rules.rule
    if rule.when is None:
        return None
    inputs = inputs_of(request)
    if inputs is None:
        return RefusalReason.RULES_CHANGED
    inputs = replace(inputs, on_call=on_call_for(request.requester, inputs.on_call, groups, now))
    if rule.when.reads_groups:
        inputs = replace(inputs, groups=rules.policy.groups_of(request.requester, groups, now))
    verdict = rule.when.holds(inputs)
    if isinstance(verdict, Unknown):
        return RefusalReason.CONDITION_UNKNOWN
    return None if verdict is Holds.YES else RefusalReason.CONDITION_GONE


def rested_on(rule: Rule, inputs: Inputs) -> str:
    """A rule that decided by itself, in words: `on call for orders-primary, INC-42 open`."""
    called, incident = rule.called or "everybody who may ask", inputs.incident
    if rule.when is None or not rule.when.asks_incident or incident is None or not incident.open:
        return called
    return f"{called}, {incident.id} open"


def on_call_for(person: str, schedules: Iterable[str], groups: Groups, now: datetime) -> dict[str, bool | None]:
    """Whether this person is on call for each schedule now; None where that is not known."""
    shifts = {name: groups.on_call.who(name, now) for name in schedules}
    return {name: shift.includes(person) if isinstance(shift, Shift) else None for name, shift in shifts.items()}


def somebody_is_there(rule: Rule, policy: Policy, requester: str, directory: Directory, now: datetime) -> bool:
    """Whether the rule decides by itself, or each quorum has enough people who may act here: an id that is nobody's, or
    a deactivated account, can approve nothing. Who cannot be asked about counts as there.

    Raises StaleGroups.
    """
    could = policy.could_approve(rule, requester, directory.groups(), now)
    return all(
        len(people) > LOOKED_UP or _enough(sorted(people), quorum.count, requester, policy, directory)
        for people, quorum in zip(could, rule.quorums, strict=True)
    )


def _enough(people: Iterable[str], count: int, requester: str, policy: Policy, directory: Directory) -> bool:
    there: list[Person] = []
    try:
        asking = directory.recall(requester, KNOWN_FOR)
        for person in people:
            with suppress(UnknownPerson):
                account = directory.recall(person, KNOWN_FOR)
                there += [account] if may_decide(account, directory.workspace) else []
            if len(one_of_each(there, asking, policy)) >= count:
                return True
    except DirectoryUnavailable:
        return True
    return False


def before_effect(request: Request, policies: PolicyFolder, directory: Directory, now: datetime) -> Decision:
    """The check before the effect: a durable decision, still valid, for exactly these permissions. ``request`` may be
    an extension. NOT_YET where it is to begin later.
    """
    if request.state is State.APPROVED and request.start_at and now < request.start_at:
        return Decision(now, RefusalReason.NOT_YET)
    if reason := _fault_of_record(request, now):
        return Decision(now, reason)
    try:
        policy = policies.current()
    except PolicyError:
        return Decision(now, RefusalReason.POLICY_BROKEN)
    rules = _rules_under(policy, request, now)
    if isinstance(rules, RefusalReason):
        return Decision(now, rules, version=policy.version)
    return evaluate(request, dict.fromkeys(each.approver for each in request.counted), rules, directory, now)


def fault_of_given(request: Request) -> RefusalReason | None:
    """What the facts say against the decision of what was begun, whatever the rules and people are by now: nothing of
    it may have been skipped. Of more time each step was held against its own decision as it was recorded.
    """
    if request.intent_at is None:
        return None
    once = replace(request, state=State.GRANTING) if len(request.fixed_ends) <= 1 else None
    if not _in_time(request, request.intent_at) or (once and not _as_long(once)):
        return RefusalReason.LAPSED
    if _uncounted(request):
        return RefusalReason.CARD_CHANGED
    return None if _enough_counted(request) else RefusalReason.QUORUM_GONE


def _enough_counted(request: Request) -> bool:
    """Whether as many others as its card asked for were counted: each once in a quorum, or once where it asked for
    different people.
    """
    if not request.needs:
        return bool(request.by_rule) or request.emergency is not None
    others = {(each.quorum, each.approver) for each in request.counted if each.approver != request.requester}
    if request.different_people and len({approver for _, approver in others}) < len(others):
        return False
    counted = Counter(quorum for quorum, _ in others)
    return all(counted[need.label] >= need.count for need in request.needs)


def _fault_of_record(request: Request, now: datetime) -> RefusalReason | None:
    """What the facts say against a decision, whatever the rules and people are."""
    if request.state not in {State.APPROVED, State.GRANTING}:
        return RefusalReason.NOT_POSSIBLE_NOW
    begun = request.intent_at if request.state is State.GRANTING else now
    if begun is None or not _in_time(request, begun) or not _as_long(request):
        return RefusalReason.LAPSED
    return RefusalReason.CARD_CHANGED if _uncounted(request) else None


def _uncounted(request: Request) -> bool:
    """Whether an approval was counted that nobody gave to this card."""
    given = {approval.id: approval for approval in request.approvals}
    for counted in request.counted:
        approval = given.get(counted.approval)
        if approval is None or approval.approver != counted.approver or approval.digest != request.digest:
            return True
    return False


def _as_long(request: Request) -> bool:
    """Whether what was begun ends when it was approved to end. An intent that gives itself longer is not believed."""
    if request.intent_at is None or request.ends_at is None or request.longest_end is None:
        return request.state is State.APPROVED
    return request.ends_at <= request.longest_end


def _in_time(request: Request, begun: datetime) -> bool:
    """Whether the grant may begin then. A decision that is dated ahead, or gives itself longer, is not believed."""
    if request.approved_at is None or request.begin_by is None or request.begins_at is None:
        return False
    if request.start_at is not None and not request.start_at <= begun:
        return False
    latest = min(request.begin_by, request.begins_at + BEGIN_WITHIN)
    return request.approved_at - SKEW_LIMIT <= begun < latest
