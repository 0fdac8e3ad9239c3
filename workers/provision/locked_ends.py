"""What a lockdown stops and no timekeeper ends: workers look as well, and leave it to the timekeeper for a while."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jit.facts import EndCause
from jit.ledger import Ledger, Question
from jit.ports import Clock
from jit.requests.lifecycle import Request, State
from jit.requests.lockdown import Lockdown
from workers.provision.lockdowns import ObeyedLockdowns
from workers.provision.revoke import Revoker

LEFT_TO_THE_TIMEKEEPER = timedelta(seconds=5)
AT_ONCE = 100
GIVEN = frozenset({State.GRANTING, State.ACTIVE})


@dataclass(kw_only=True, eq=False, repr=False)
class LockedEnds:
    """Ends what should have ended by a lockdown."""

    ledger: Ledger
    lockdowns: ObeyedLockdowns
    revoker: Revoker
    clock: Clock

    def look(self) -> None:
        """Raises LedgerUnavailable."""
        for lockdown in self.lockdowns.to_end_by():
            self._end(lockdown, self.clock.now() - LEFT_TO_THE_TIMEKEEPER)

    def _end(self, lockdown: Lockdown, before: datetime) -> None:
        asked = Question(states=GIVEN, access=lockdown.access, target=lockdown.target, limit=AT_ONCE)
        people = sorted(lockdown.accounts) if lockdown.person else [None]
        ids = [found.id for person in people for found in self.ledger.find(replace(asked, requester=person))]
        left = [request for request in self.ledger.requests_by_id(ids) if _is_left(request, lockdown, before)]
        if left:
            self.revoker.end([replace(request, lockdown=lockdown.id) for request in left], EndCause.LOCKDOWN)


def _is_left(request: Request, lockdown: Lockdown, before: datetime) -> bool:
    since = max(moment for moment in (lockdown.at, request.intent_at) if moment is not None)
    return since <= before and lockdown.covers(request)
