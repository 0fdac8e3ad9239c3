"""The clock, as far as this room needs it: `jit.ports`, which stands above, has the port."""

from datetime import datetime
from typing import Protocol


class Ticking(Protocol):
    """As `jit.ports.Clock`."""

    def now(self) -> datetime: ...

    def ticks(self) -> float: ...
