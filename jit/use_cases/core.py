"""What every use case works with."""

from dataclasses import dataclass, field

from jit.ledger import Ledger
from jit.policy import PolicyFolder
from jit.ports import Clock, Directory, Queue
from jit.use_cases.refusals import RefusalRecorder


@dataclass(frozen=True, slots=True)
class Core:
    """The record, the rules, what is known of people, the workers' queue and the clock; one in each process."""

    ledger: Ledger
    policies: PolicyFolder
    directory: Directory
    queue: Queue
    clock: Clock
    refusals: RefusalRecorder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "refusals", RefusalRecorder(self.ledger, self.clock))
