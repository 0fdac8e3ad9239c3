"""Being told to stop: by SIGTERM, or by Ctrl-C at a terminal."""

import signal
from threading import Event
from types import FrameType

LOOK_EVERY = 1.0
"""Seconds."""


def stop_on_signals() -> Event:
    """Set by SIGTERM and SIGINT from now on. For a main thread."""
    stop = Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop


def wait_until_told(stop: Event) -> None:
    """Wait until ``stop`` is set. A signal that comes in the moment before a main thread begins to wait does not end
    that wait: Python runs what it is to do only once the thread wakes. So it wakes now and then.
    """
    while not stop.wait(LOOK_EVERY):
        pass
