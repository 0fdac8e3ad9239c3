"""Waiting for a condition, with a deadline instead of a guess."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 20.0


def wait_until(holds: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Until ``holds()`` is true. Raises AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
