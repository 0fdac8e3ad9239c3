"""Being told to stop: by SIGTERM, or by Ctrl-C at a terminal."""

import signal
from threading import Event
from types import FrameType


def stop_on_signals() -> Event:
    """Set by SIGTERM and SIGINT from now on. For a main thread."""
    stop = Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop
