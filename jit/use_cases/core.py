"""What every use case works with."""

from dataclasses import dataclass, field
from datetime import datetime

from jit.ledger import Ledger
from jit.people import incidents, on_call
from jit.people.answers import NEVER, Because
from jit.policy import PolicyFolder
from jit.ports import Clock, Directory, Incidents, OnCall, Queue
from jit.use_cases.refusals import RefusalRecorder


class NoProviders:
    """Where there are none: nothing is known of who is on call, nor of an incident."""

    def who(self, schedule: str, at: datetime) -> on_call.NotKnown:
        return on_call.NotKnown(schedule, Because.NOT_NAMED, at)

    def find(self, incident: str) -> incidents.NotKnown:
        return incidents.NotKnown(incident, Because.NOT_NAMED, NEVER)


@dataclass(frozen=True, slots=True)
class Core:
    """The record, the rules, what is known of people, the workers' queue and the clock; one in each process."""

    ledger: Ledger
    policies: PolicyFolder
    directory: Directory
    queue: Queue
    clock: Clock
    on_call: OnCall = field(default_factory=NoProviders)
    incidents: Incidents = field(default_factory=NoProviders)
    refusals: RefusalRecorder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "refusals", RefusalRecorder(self.ledger, self.policies, self.clock))
