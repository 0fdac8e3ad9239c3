"""Ends that do not work: recorded when there is news, told to people when they are late."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid5

import structlog

from jit.durations import say_duration
from jit.facts import SAME, AboutRequest, Alert, AlertName, RevokeFailed
from jit.ledger import Ledger, LedgerUnavailable
from jit.ports import Clock
from jit.requests.lifecycle import Request
from workers.provision.recorder import Recorder

log = structlog.get_logger(__name__)

STATED_LAG = timedelta(seconds=5)
"""Access is gone this long after its end at the latest, outages of ours included; later, people are told."""
SAY_AGAIN = timedelta(minutes=5)
"""The same trouble is recorded again after this long."""
ALERT_AGAIN = timedelta(hours=1)
LATE_ALERTS = {AlertName.END_LATE, AlertName.END_NOT_BEGUN}


@dataclass(kw_only=True, eq=False, repr=False)
class LateEndAlerts:
    """``by_hand`` says how a grant can be taken from a target by hand; empty if that is not known."""

    ledger: Ledger
    recorder: Recorder
    clock: Clock
    by_hand: Callable[[AboutRequest], str]
    _said: dict[str, tuple[str, datetime]] = field(default_factory=dict, init=False)
    _attempts: dict[str, int] = field(default_factory=dict, init=False)
    _told: set[str] = field(default_factory=set, init=False)
    """Ids of those told of as late here while they went on."""

    def over(self, request_id: str) -> None:
        self._said.pop(request_id, None)
        self._attempts.pop(request_id, None)

    def tell(self, request: Request, reason: str) -> None:
        """Of an end that did not work, what is new: the record should show it, and not drown in it."""
        log.warning("revoke.failed", request_id=request.id, target=request.target)  # the record says why, sealed
        now = self.clock.now()
        attempts = self._attempts[request.id] = max(self._attempts.get(request.id, 0), request.revoke_attempts) + 1
        if request.id not in self._said and request.revoke_trouble is not None:
            self._said[request.id] = (request.revoke_trouble, now)
        said, since = self._said.get(request.id, ("", now))
        if said != reason or now - since >= SAY_AGAIN:
            self._said[request.id] = (reason, now)
            self.recorder.record(
                [RevokeFailed.about(request, reason=reason, attempts=attempts, **self.recorder.signed())]
            )
        self.tell_if_late(request, _was_due(request), reason)

    def tell_if_late(self, about: AboutRequest, due: datetime | None, reason: str) -> None:
        """An alert that says what to do, once and again every hour. Nothing if ``due`` is not known."""
        now = self.clock.now()
        if due is None or now <= due + STATED_LAG:
            return
        self._told.add(about.id)
        trouble = reason.removeprefix(f"{about.target}: ").rstrip(". ")
        says = (
            f"This should be gone by now, and could not be taken away ({about.target}: {trouble}). It is tried again."
        )
        if by_hand := self.by_hand(about):
            says += f" If this goes on: {by_hand}"
        occasion = f"{due.isoformat()} {(now - due) // ALERT_AGAIN}"
        self.recorder.tell(AlertName.END_LATE, about, says, again_after=ALERT_AGAIN, occasion=occasion)

    def tell_ended_late(self, ended: Sequence[Request]) -> None:
        """Of ends that worked, and came later than is promised: unless that was told while they went on. One append
        for all: where many end late, who records each by itself makes the others later.
        """
        now = self.clock.now()
        late = [
            (request, now - due) for request in ended if (due := _should_have_begun(request)) and now > due + STATED_LAG
        ]
        told = self._told_of({request.id for request, _ in late})
        alerts = [self._ended_late(request, lag) for request, lag in late if request.id not in told]
        if alerts:
            self.recorder.record(alerts)

    def _ended_late(self, request: Request, lag: timedelta) -> Alert:
        says = (
            f"This ended {say_duration(lag)} after it should have, and nobody told so meanwhile: were workers and "
            "timekeeper down?"
        )
        same = uuid5(SAME, f"{AlertName.END_LATE} {request.id} ")
        return self.recorder.alert(AlertName.END_LATE, request, says, id=same)

    def _told_of(self, request_ids: set[str]) -> set[str]:
        """Those of which it was told, by this process, or by any: the ledger tells."""
        told = self._told & request_ids
        self._told -= told
        try:
            alerts = self.ledger.alerts(request_ids - told)
        except LedgerUnavailable:
            return told
        return told | {alert.request_id for alert in alerts if alert.request_id and alert.name in LATE_ALERTS}


def _should_have_begun(request: Request) -> datetime | None:
    """When its time was over, or its end was ordered."""
    return min(filter(None, (request.ends_at, request.ending_since)), default=None)


def _was_due(request: Request) -> datetime:
    """When its time was over, or its end was first begun."""
    moments = [moment for moment in (request.ends_at, request.revoke_begun_at) if moment is not None]
    return min(moments, default=request.asked_at)
