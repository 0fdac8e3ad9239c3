"""What must hold of a press on Approve or Deny before it decides anything."""

from collections.abc import Iterable, Sequence

from jit.facts import Approval, Denied, Narrowed, RefusalReason
from jit.ledger import TamperedEntry
from jit.policy import Policy, StaleGroups
from jit.ports import DirectoryUnavailable
from jit.requests.accounts import is_also_one_of
from jit.requests.decision import Rules, evaluate, groups_for, rules_for
from jit.requests.lifecycle import Request, State
from jit.use_cases.actor import Actor
from jit.use_cases.attempt import Attempt
from jit.use_cases.core import Core


def to_decide(
    attempt: Attempt, request_id: str, digest: str, step: type[Approval] | type[Denied] | type[Narrowed]
) -> tuple[Request, Rules]:
    """The request that the actor may decide on, or its extension, and what its rules are now.

    Whoever may not decide is told that before anything about how the request stands. Raises Refusal.
    """
    core, by = attempt.core, attempt.by
    whole = attempt.request(request_id)
    request = whole.undecided
    if by.id == request.requester:
        attempt.refuse(RefusalReason.OWN_REQUEST, request)
    rules = rules_for(request, core.policies, core.clock.now())
    if isinstance(rules, RefusalReason):
        attempt.require_may_follow(request, step)
        attempt.refuse(rules, request)
    if by.id in rules.policy.shared:
        attempt.refuse(RefusalReason.SHARED_ACCOUNT, request)
    groups, now = groups_for(request, core.directory), core.clock.now()
    try:
        counts = rules.policy.counts_for(rules.rule, by.id, request.requester, groups, now)
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    if not counts:
        attempt.refuse(RefusalReason.NOT_ALLOWED_TO_DECIDE, request)
    require_own_say(attempt, request, rules.policy, [request.requester], RefusalReason.OWN_REQUEST)
    if whole.state is State.ACTIVE and digest != request.digest:  # a button of an extension that is over
        attempt.refuse(RefusalReason.CARD_CHANGED, request)
    attempt.require_may_follow(request, step)
    if step is Narrowed and not request.may_be_narrowed:
        attempt.refuse(RefusalReason.NOT_POSSIBLE_NOW, request)
    if now >= request.pending_until:
        attempt.refuse(RefusalReason.LAPSED, request)
    if digest != request.digest:
        attempt.refuse(RefusalReason.CARD_CHANGED, request)
    _require_turn(attempt, request, rules)
    return request, rules


def theirs(core: Core, *, by: Actor, request_ids: Sequence[str]) -> frozenset[str]:
    """Of requests that were asked together those that the actor decides on: with the others a press tries nothing. All,
    where that is none, or there is one alone: what they tried is on the record then. Decides nothing. Raises
    LedgerUnavailable.
    """
    if len(request_ids) == 1:
        return frozenset(request_ids)
    return frozenset(each for each in request_ids if _is_theirs(core, by, each)) or frozenset(request_ids)


def _is_theirs(core: Core, by: Actor, request_id: str) -> bool:
    """What cannot be told is tried, which tells."""
    try:
        whole = Attempt(core, by, "approve").find(request_id)
    except TamperedEntry:
        return True
    if whole is None or by.id == whole.requester:
        return False
    request = whole.undecided
    now = core.clock.now()
    rules = rules_for(request, core.policies, now)
    if isinstance(rules, RefusalReason):
        return True
    try:
        groups = groups_for(request, core.directory)
        return rules.policy.counts_for(rules.rule, by.id, request.requester, groups, now)
    except StaleGroups:
        return True


def require_own_say(
    attempt: Attempt, request: Request, policy: Policy, others: Iterable[str], reason: RefusalReason
) -> None:
    """Turns away an account whose e-mail changed, and, for this reason, one of ``others``. Raises Refusal."""
    directory = attempt.core.directory
    try:
        account = directory.look_up(attempt.by.id)
    except DirectoryUnavailable:
        attempt.refuse(RefusalReason.CANNOT_LOOK_UP, request)
    if account.email_changed:
        attempt.refuse(RefusalReason.EMAIL_CHANGED, request)
    if is_also_one_of(account.id, others, directory, policy):
        attempt.refuse(reason, request)


def _require_turn(attempt: Attempt, request: Request, rules: Rules) -> None:
    """Whose quorums all come in a later stage waits until the earlier ones are complete. Raises Refusal."""
    if all(quorum.stage == 1 for quorum in rules.rule.quorums):
        return
    core, by = attempt.core, attempt.by
    groups, now = groups_for(request, core.directory), core.clock.now()
    try:
        decision = evaluate(request, request.approvers, rules, core.directory, now)
        own = [quorum.stage for quorum in rules.rule.quorums if rules.policy.includes(quorum.who, by.id, groups, now)]
    except StaleGroups:
        attempt.refuse(RefusalReason.STALE_GROUPS, request)
    if min(own, default=1) > decision.quorum_status.stage:
        attempt.refuse(RefusalReason.NOT_YET, request)
