"""What those who decide have to know of people, and the request does not tell: who answers for the access, who is away
with somebody standing in, and that the requester's e-mail is another.
"""

from datetime import datetime

from bot.followers.reached import people_of, said_away, stood_in
from bot.views.text import Names, harmless, line_of, named
from jit.facts import label_of
from jit.ledger import Ledger, StoredDirectory
from jit.ledger.of_people import absences
from jit.people.away import Absence
from jit.policy import Policy
from jit.requests.lifecycle import Request, State


def beside(request: Request, policy: Policy | None, ledger: Ledger, names: Names, now: datetime) -> str:
    """As a line; empty where there is nothing of it, or nothing is to be decided. Raises LedgerUnavailable."""
    waiting = request.undecided
    if waiting.state is not State.PENDING:
        return ""
    requester = StoredDirectory(ledger.engine).known(request.requester)
    owner = _owner(request, policy, names)
    changed = f"{named(request.requester, names)} has another e-mail in Slack than before: make sure who asks"
    away = said_away(away_of(waiting, policy, ledger, now), names, mention=False)
    return line_of(owner, changed if requester and requester.email_changed else "", away)


def _owner(request: Request, policy: Policy | None, names: Names) -> str:
    access = policy.accesses.get(request.access) if policy else None
    if access is None or not access.owner:
        return ""
    return f"Owner: {harmless(label_of(access.owner)) if ':' in access.owner else named(access.owner, names)}"


def away_of(request: Request, policy: Policy | None, ledger: Ledger, now: datetime) -> list[Absence]:
    """Those who are asked and away, with somebody standing in. Raises LedgerUnavailable."""
    told = absences(ledger, now)
    if policy is None or not told:
        return []
    groups = StoredDirectory(ledger.engine).groups()
    found = [stood_in(people_of(need.who, policy, groups, now), need.who, told) for need in request.needs]
    return list(dict.fromkeys(each for some in found for each in some if each.substitute != request.requester))
