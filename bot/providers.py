"""Who is on call and which incidents are open: asked by the bot alone, for all processes."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from jit.ledger import StoredDirectory
from jit.people import incidents, on_call
from jit.people.answers import Because
from jit.people.binding import Bindings
from jit.policy import Policy, PolicyError, PolicyFolder
from jit.ports import Clock
from jit.runtime.settings import resolve_secret

if TYPE_CHECKING:
    from jit.people.incidents.finder import IncidentFinder
    from jit.people.on_call.poller import OnCallPoller

LOOK_EVERY = timedelta(seconds=20)
"""How often the rules are looked at while they name no schedule."""


@dataclass(frozen=True, slots=True)
class _Asking:
    poller: "OnCallPoller"
    finder: "IncidentFinder"


class Providers:
    """The bot's `OnCall` and `Incidents`. Thread-safe. What it takes to ask, an HTTP client above all, is put together
    once the rules name a provider.
    """

    def __init__(self, policies: PolicyFolder, stored: StoredDirectory, clock: Clock) -> None:
        self._policies = policies
        self._stored = stored
        self._clock = clock
        self._lock = threading.Lock()
        self._asking: _Asking | None = None

    def snapshot(self) -> on_call.OnCallSnapshot:
        """What was answered last, without asking."""
        return self._asking.poller.snapshot() if self._asking else on_call.NOTHING_KNOWN

    def who(self, schedule: str, at: datetime) -> on_call.Shift | on_call.NotKnown:
        """As `jit.ports.OnCall`."""
        policy = self._rules()
        if policy is None or schedule not in policy.schedules:
            return on_call.NotKnown(schedule, Because.NOT_NAMED, self._clock.now())
        return self._put_together().poller.who(schedule, at)

    def find(self, incident: str) -> incidents.Incident | incidents.NoSuchIncident | incidents.NotKnown:
        """As `jit.ports.Incidents`."""
        policy = self._rules()
        if policy is None or policy.incidents is None:
            return incidents.NotKnown(incident, Because.NOT_NAMED, self._clock.now())
        return self._put_together().finder.find(incident)

    def keep_asking(self, stop: threading.Event) -> None:
        """Ask about all schedules again and again, until ``stop`` is set."""
        while (policy := self._rules()) is None or not policy.schedules:
            if stop.wait(LOOK_EVERY.total_seconds()):
                return
        self._put_together().poller.keep_polling(stop)

    def _rules(self) -> Policy | None:
        try:
            return self._policies.current()
        except PolicyError:
            return None

    def _put_together(self) -> _Asking:
        with self._lock:
            if self._asking is None:
                self._asking = _put_together(self._policies, self._stored, self._clock)
            return self._asking


def _put_together(policies: PolicyFolder, stored: StoredDirectory, clock: Clock) -> _Asking:
    from jit.people.incidents import finder  # noqa: PLC0415  what these bring is not needed before
    from jit.people.on_call import poller  # noqa: PLC0415
    from jit.people.providers.asking import Asking  # noqa: PLC0415

    def schedules() -> poller.Rules:
        policy = policies.current()
        by_email = any(form.by_email for form in policy.schedules.values())
        return poller.Rules(policy.schedules, Bindings(policy.people, stored.emails() if by_email else {}))

    def where_incidents_are() -> finder.Rules:
        policy = policies.current()
        by_email = policy.incidents is not None and policy.incidents.by_email
        return finder.Rules(policy.incidents, Bindings(policy.people, stored.emails() if by_email else {}))

    asking = Asking()
    return _Asking(
        poller.OnCallPoller(
            schedules,
            resolve_secret,
            clock,
            folder=policies.path,
            asking=asking,
            keep=stored.keep_on_call,
            begin_with=stored.groups().on_call,
        ),
        finder.IncidentFinder(where_incidents_are, resolve_secret, clock, folder=policies.path, asking=asking),
    )
