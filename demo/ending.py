"""When the page ends: by a signal, or because the `make` that started it was stopped.

At a terminal Ctrl-C reaches both. Where a signal reaches make alone, make waits for us and tells us nothing.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY = 0.5
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The process that started us. ``catches`` is whether it handled SIGINT itself then; None where nobody can see."""

    pid: int
    catches: bool | None

    @classmethod
    def now(cls) -> Self:
        return cls(os.getppid(), catches_interrupts(os.getppid()))

    @property
    def is_stopped(self) -> bool:
        """Whether it is gone, or has taken a SIGINT: make goes back to the default before it waits for us."""
        return os.getppid() != self.pid or (self.catches is True and catches_interrupts(self.pid) is False)


def catches_interrupts(pid: int) -> bool | None:
    """Whether a process has a handler of its own for SIGINT; None where there is no /proc that says so."""
    try:
        said = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    caught = next((line.split()[1] for line in said.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (signal.SIGINT - 1) & 1)


def interrupted_once() -> None:
    """The first signal that ends the demo interrupts it; those after it do not interrupt the cleaning up."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ENDING:
        signal.signal(number, interrupt)


def wait_until_told(caller: Caller) -> None:
    """Wait until a signal interrupts, or a ``caller`` that is make is stopped. Others may go and leave us running."""
    while not ("MAKELEVEL" in os.environ and caller.is_stopped):
        time.sleep(LOOK_EVERY)
