"""What those who decide have to know of people, and the request does not tell: who answers for the access, who is away
with somebody standing in, and that the requester's e-mail is another.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.followers.reached import people_of, said_away, stood_in
from bot.views.text import Names, harmless, line_of, named
from bot.views.words import word
from jit.facts import label_of
from jit.ledger import Ledger, StoredDirectory
from jit.ledger.of_people import absences
from jit.people.away import Absence
from jit.policy import Policy
from jit.requests.lifecycle import Request, State


def beside(shown: Sequence[Request], policy: Policy | None, ledger: Ledger, names: Names, now: datetime) -> str:
    """As a line, of requests on one card; empty where there is nothing of it, or nothing is to be decided. Raises
    LedgerUnavailable.
    """
    waiting = [each.undecided for each in shown if each.undecided.state is State.PENDING]
    if not waiting:
        return ""
    who = waiting[0].requester
    requester = StoredDirectory(ledger.engine).known(who)
    changed = f"{named(who, names)} has another e-mail in Slack than before: make sure who asks"
    away = dict.fromkeys(absence for each in waiting for absence in away_of(each, policy, ledger, now))
    told = said_away(list(away), names, mention=False)
    return line_of(_owners(waiting, policy, names), changed if requester and requester.email_changed else "", told)


def _owners(shown: Sequence[Request], policy: Policy | None, names: Names) -> str:
    """Which access is whose is said where they differ."""
    known = [policy.accesses[each.access] for each in shown if policy and each.access in policy.accesses]
    owners = {access.name: access.owner for access in known if access.owner}
    called = {each: harmless(label_of(each)) if ":" in each else named(each, names) for each in owners.values()}
    if len(called) == 1 and len(owners) == len(shown):
        return f"Owner: {called[known[0].owner]}"
    return line_of(*(f"Owner of {word(access)}: {called[owner]}" for access, owner in owners.items()))


def away_of(request: Request, policy: Policy | None, ledger: Ledger, now: datetime) -> list[Absence]:
    """Those who are asked and away, with somebody standing in. Raises LedgerUnavailable."""
    told = absences(ledger, now)
    if policy is None or not told:
        return []
    groups = StoredDirectory(ledger.engine).groups()
    found = [stood_in(people_of(need.who, policy, groups, now), need.who, told) for need in request.needs]
    return list(dict.fromkeys(each for some in found for each in some if each.substitute != request.requester))
