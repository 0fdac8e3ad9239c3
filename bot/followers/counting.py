"""Which approvals still count, for what is drawn: who approved may have left the group since, or the workspace.

The decision weighs them anew by itself, at each press and before the effect; nothing here decides.
"""

from dataclasses import replace
from datetime import datetime

from jit.facts import Approval, ExtensionApproval
from jit.ledger import Ledger, StoredDirectory
from jit.people.person import Groups, Standing
from jit.policy import Policy, StaleGroups
from jit.requests.decision import groups_for
from jit.requests.lifecycle import Request, State

_NOT_AGAINST = frozenset({Standing.GOOD, Standing.UNKNOWN})


def as_it_counts(request: Request, ledger: Ledger, policy: Policy | None, now: datetime) -> Request:
    """A pending request with the approvals as they would count now; as it is where that cannot be told.

    Raises LedgerUnavailable.
    """
    if policy is None or request.state is not State.PENDING or not request.approvals:
        return request
    directory = StoredDirectory(ledger.engine)
    people, workspace, groups = directory.people(request.approvers), directory.workspace, groups_for(request, directory)
    gone = {
        each
        for each, person in people.items()
        if person.standing(workspace) not in _NOT_AGAINST or person.email_changed
    }
    counted = (
        approval.model_copy(update={"quorums": _quorums(request, approval, policy, groups, now)})
        for approval in request.approvals
        if approval.approver not in gone
    )
    return replace(request, approvals=tuple(counted))


def lost(request: Request, counted: Request) -> str:
    """What the approvals of ``request`` do not count for any more, as text to be compared."""
    before = {f"{each.approver} {quorum}" for each in request.approvals for quorum in each.quorums}
    now = {f"{each.approver} {quorum}" for each in counted.approvals for quorum in each.quorums}
    return "\n".join(sorted(before - now))


def _quorums(
    request: Request, approval: Approval | ExtensionApproval, policy: Policy, groups: Groups, now: datetime
) -> tuple[str, ...]:
    who = {need.label: need.who for need in request.needs}
    return tuple(each for each in approval.quorums if _may(who.get(each, ()), approval.approver, policy, groups, now))


def _may(who: tuple[str, ...], approver: str, policy: Policy, groups: Groups, now: datetime) -> bool:
    try:
        return policy.includes(who, approver, groups, now)
    except StaleGroups:
        return True
