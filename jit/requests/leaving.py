"""Whether somebody may still hold what they were given, or still wait for what they asked for.

What is not known ends nothing: an account that could not be looked up, groups that are not fresh, rules that cannot
be read. A group of Slack, or of the directory, that is empty or gone all of a sudden is told of and ends nothing
either: it would end the access of everybody in it at once, over a slip there or an answer that lacks something.
"""

from datetime import datetime
from typing import Literal

from jit.people.person import DIRECTORY, Groups, Person, Standing
from jit.policy import Access, Policy
from jit.requests.decision import inputs_of, rules_in
from jit.requests.lifecycle import Request, State

Left = Literal["deactivated", "left_rules"]
Against = Literal["rules_changed", "left_rules", "access_gone", "nameless"]

UNDECIDED = frozenset({State.PENDING, State.APPROVED})
"""Nothing was given yet."""
GIVEN = frozenset({State.GRANTING, State.ACTIVE})


class DoubtfulGroups(Exception):
    """Only through ``groups``, which are empty or gone, might this person still be let: ids of Slack groups, and groups
    of the directory as the policy writes them, `directory:dba`.
    """

    def __init__(self, groups: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(groups)))
        self.groups = groups


def by_account(person: Person, workspace: str) -> Left | None:
    """What a look-up says of the holder of an access; None if they may go on, or it does not tell."""
    match person.standing(workspace):
        case Standing.DELETED:
            return "deactivated"
        case Standing.GOOD | Standing.UNKNOWN:
            return None
        case _:  # no full member any more
            return "left_rules"


def by_rules(request: Request, policy: Policy, groups: Groups, now: datetime) -> Against | None:
    """What the rules now say against ``request``; None if nothing.

    What was given is measured by one thing alone: whether its requester may still ask for it. Where the access itself
    is gone, nobody left: it may have another name now; nor where the rules lack the login of its requester, without
    which nobody can ask, for that may be a file that is missing. What still waits has to be decided by the rules as
    they are, so any change of what its card shows is against it: nobody could approve it any more.

    Raises:
        StaleGroups: it hangs on groups of Slack or the directory that are not known freshly enough.
        DoubtfulGroups: it hangs on groups that are empty or gone.
    """
    if request.state in UNDECIDED:
        rules = rules_in(policy, request)
        if rules is None:
            return "rules_changed"
        return None if _lets(rules.access, request, policy, groups, now) else "left_rules"
    there = policy.accesses.get(request.access)
    if there is None:
        return "access_gone"
    if not _lets(there, request, policy, groups, now):
        return "left_rules"
    return None if policy.principal(request.requester, there.target) else "nameless"


def _lets(access: Access, request: Request, policy: Policy, groups: Groups, now: datetime) -> bool:
    """Raises StaleGroups, DoubtfulGroups."""
    person, who = request.requester, access.request
    if request.emergency is not None:
        who = access.break_glass.who if access.break_glass else ()
    if _may_ask(access, request, policy, groups, now):
        return True
    denied = policy.denies(access, person, groups, now)
    doubtful = {each for each in policy.slack_groups(who) if not groups.members.get(each)}
    doubtful |= {f"{DIRECTORY}{each}" for each in policy.directory_groups(who) if groups.directory.is_empty(each)}
    if doubtful and not denied and person not in groups.directory.disabled:
        raise DoubtfulGroups(frozenset(doubtful))
    return False


def _may_ask(access: Access, request: Request, policy: Policy, groups: Groups, now: datetime) -> bool:
    """What was given in an emergency to somebody on call does not end with their shift. Raises StaleGroups."""
    person, glass = request.requester, access.break_glass
    if request.emergency is None:
        return policy.may_ask(access, person, groups, now)
    if policy.may_break_glass(access, person, groups, now):
        return True
    inputs = inputs_of(request)
    if not request.given or inputs is None or glass is None:
        return False
    then = {schedule for schedule, was in inputs.on_call.items() if was}
    return bool(then & policy.schedules_in(glass.who)) and not policy.denies(access, person, groups, now)
