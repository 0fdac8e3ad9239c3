"""Whether somebody reads along."""

import sys


def to_terminal() -> bool:
    return sys.stdout.isatty()
