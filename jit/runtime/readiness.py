"""Readiness of a child process: it says once that it does its work, on a pipe that its parent reads."""

import os
from contextlib import suppress

READY = "JIT_READY"
"""Names the child's end of the pipe, by its number."""
LONGEST = 4096
"""Bytes read at most; a pipe holds as many."""


def say_ready(what: str) -> None:
    """Say in a child process that from now on it does its work. ``what`` says for people what it reached or where it
    listens.
    """
    number = os.environ.pop(READY, "")
    if number.isdecimal():
        with suppress(OSError), os.fdopen(int(number), "wb", buffering=0) as pipe:
            pipe.write(f"{what}\n".encode())


class Readiness:
    """The reading end. Not for several threads."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._said: str | None = None

    def started(self) -> None:
        """The child has its end: ours of that is closed, so that we see when it closes the pipe."""
        os.close(self.writing)

    def said(self) -> str | None:
        """What the child said; None as long as it has not, also where it fell before."""
        if self._said is None:
            with suppress(BlockingIOError):
                line = os.read(self._reading, LONGEST).decode(errors="replace")
                self._said = line.removesuffix("\n") if line.endswith("\n") else None
        return self._said

    def close(self) -> None:
        os.close(self._reading)
