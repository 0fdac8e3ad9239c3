"""Ends that would not work if they were due now: found while the access is active, told before its time is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

import structlog

from jit.facts import Alert, AlertName
from jit.ports import Clock, Finding, TargetError
from jit.requests.lifecycle import Request, State
from workers.provision.late_ends import ALERT_AGAIN
from workers.provision.recorder import Recorder
from workers.targets.registry import TargetRegistry

log = structlog.get_logger(__name__)

TOLD_AFTER = timedelta(seconds=20)
"""Less is a server that starts again; unless something is due soon."""
DUE_SOON = timedelta(minutes=1)
MOST = 3
"""Requests, and things in the way, that are named."""


@dataclass(kw_only=True, eq=False, repr=False)
class EndsAtRisk:
    """Alerts once for each spell of trouble in a target, again every hour, and once more when it is over."""

    registry: TargetRegistry
    recorder: Recorder
    clock: Clock
    _since: dict[str, datetime] = field(default_factory=dict, init=False)
    _told: dict[str, datetime] = field(default_factory=dict, init=False)

    def look(self, target: str, active: Sequence[Request]) -> None:
        """``active`` is what has to be ended there, one at least. One call at a time for each target."""
        found = self._in_the_way(target, active)
        if not found:
            self._over(target)
            return
        now = self.clock.now()
        if target not in self._since:
            log.warning("target.ends_at_risk", target=target)
        since = self._since.setdefault(target, now)
        due = sorted(((one.ends_at, one) for one in active if one.ends_at and not _over(one, now)), key=itemgetter(0))
        if not due:  # the alert *end late* tells of it
            return
        first, waiting = due[0][0], [one for _, one in due]
        told = self._told.get(target)
        if (told is None and max(now - since - TOLD_AFTER, now + DUE_SOON - first) >= timedelta(0)) or (
            told is not None and now - told >= ALERT_AGAIN
        ):
            self._told[target] = now
            self._tell(target, _says(waiting, first, found))

    def forget(self, target: str) -> None:
        """Nothing is active there."""
        self._since.pop(target, None)
        self._told.pop(target, None)

    def _in_the_way(self, target: str, active: Sequence[Request]) -> list[Finding]:
        permissions = sorted({permission for one in active for permission in one.permissions})
        try:
            return self.registry.get(target).obstacles(permissions)
        except TargetError as unusable:
            return [Finding(ok=False, what=str(unusable))]

    def _over(self, target: str) -> None:
        if target in self._since:
            log.info("target.ends_safe", target=target)
        if target in self._told:
            self._tell(target, "It is over: what is active there can be ended again.")
        self.forget(target)

    def _tell(self, target: str, says: str) -> None:
        self.recorder.record([Alert(name=AlertName.END_AT_RISK, says=says, target=target, **self.recorder.signed())])


def _over(request: Request, now: datetime) -> bool:
    """Whether it should be gone by now."""
    return request.state is State.ENDING or (request.ends_at is not None and request.ends_at <= now)


def _says(active: Sequence[Request], first: datetime, found: Sequence[Finding]) -> str:
    named = ", ".join(one.id for one in active[:MOST])
    more = f" and {len(active) - MOST} more" if len(active) > MOST else ""
    wrong = " ".join(f"{one.what.rstrip('.')}. {one.remedy}".strip() for one in found[:MOST])
    return f"{named}{more} could not be ended as it is now. Mend it before {first:%Y-%m-%d %H:%M} UTC. {wrong}"
