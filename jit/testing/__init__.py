"""What it takes to test something of jit's, or something made for it, without servers, processes or waiting.

| name | stands for |
|---|---|
| `ManualClock` | the time: stands still until the test moves it |
| `InMemoryLedger` | the ledger: the real one, on a database in memory, that can be cut off |
| `InMemoryDirectory` | Slack's people and groups |
| `InMemoryIncidents` | a provider of incidents |
| `InMemoryQueue` | Redis and RQ: remembers what was announced |
| `InMemoryTarget` | a system that access is given to |
| `InMemoryOnCall` | who is on call |
| `Story` | a request's life, recorded step by step by whoever usually takes it |

A use case with all of them:

```python
clock = ManualClock()
ledger = InMemoryLedger(clock)
story = Story(ledger, clock).active()
clock.move(minutes=30)
assert story.request.ends_at == clock.now()
```

`jit.testing.targets` has what every target must do, as tests to inherit.

Beside it: `ledger_in`, the same ledger in a file, for what reads one by its path.
"""

from jit.testing.clock import T0, ManualClock
from jit.testing.directory import WORKSPACE, InMemoryDirectory
from jit.testing.incidents import InMemoryIncidents
from jit.testing.ledger import InMemoryLedger, InterruptibleLedger, ledger_in
from jit.testing.on_call import InMemoryOnCall
from jit.testing.queue import InMemoryQueue
from jit.testing.story import ALICE, BOB, CAROL, DBA, EVE, SECURITY, Story
from jit.testing.target import InMemoryTarget

__all__ = [
    "ALICE",
    "BOB",
    "CAROL",
    "DBA",
    "EVE",
    "SECURITY",
    "T0",
    "WORKSPACE",
    "InMemoryDirectory",
    "InMemoryIncidents",
    "InMemoryLedger",
    "InMemoryOnCall",
    "InMemoryQueue",
    "InMemoryTarget",
    "InterruptibleLedger",
    "ManualClock",
    "Story",
    "ledger_in",
]
