"""What every use case works with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from jit.ledger import Ledger
from jit.people.answers import Because
from jit.people.incidents import NotKnown
from jit.policy import PolicyFolder
from jit.ports import Clock, Directory, Incidents, Queue
from jit.use_cases.refusals import RefusalRecorder


class NoIncidents:
    """Where the policy names no provider of incidents: nothing is known of any."""

    def find(self, incident: str) -> NotKnown:
        return NotKnown(incident, Because.NOT_NAMED, datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Core:
    """The record, the rules, what is known of people, the workers' queue and the clock; one in each process."""

    ledger: Ledger
    policies: PolicyFolder
    directory: Directory
    queue: Queue
    clock: Clock
    incidents: Incidents = field(default_factory=NoIncidents)
    refusals: RefusalRecorder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "refusals", RefusalRecorder(self.ledger, self.clock))
