"""Imports without what a library imports along and nobody here uses: processes that stay hold less memory."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def left_out(name: str, stand_in: object = None) -> Iterator[None]:
    """While it lasts, imports of ``name`` find ``stand_in``; without one, that there is no such module. Whoever imports
    it later finds the real one; where that is imported already, nothing changes.
    """
    modules: dict[str, Any] = sys.modules  # what is None there, `import` does not find
    if name in modules:
        yield
        return
    modules[name] = stand_in
    try:
        yield
    finally:
        del modules[name]
