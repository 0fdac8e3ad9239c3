"""Code that is killed in its middle: it runs in a fork of the test, which ends where the test wants it to."""

import os
from collections.abc import Callable
from typing import NoReturn

KILLED = 9


def in_a_child(does: Callable[[], object]) -> int:
    """The child's exit code: 0 if it came to its end, 1 for an exception."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            does()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die() -> NoReturn:
    """What a kill leaves is left: no `finally` and no `except` is run."""
    os._exit(KILLED)
