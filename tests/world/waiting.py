"""Waiting for a condition. The limit only says that it hangs."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

HUNG = 150.0
"""Seconds after which nothing is waited for any more."""
SHORTEST, LONGEST = 0.005, 0.05
"""Seconds between two looks: what waits long takes little from what it waits for."""


def wait_until(holds: Callable[[], Value], seconds: float = HUNG) -> Value:
    """The first true value of ``holds()``. Raises AssertionError where it hangs."""
    deadline, pause = time.monotonic() + seconds, SHORTEST
    while not (value := holds()):
        assert time.monotonic() < deadline, f"not so within {seconds:.0f} s"
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST)
    return value
