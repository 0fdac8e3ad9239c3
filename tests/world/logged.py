"""What is logged, whatever a test before had done to the loggers."""

from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import structlog
from structlog.testing import capture_logs


@contextmanager
def logged_by(*modules: ModuleType) -> Iterator[list[MutableMapping[str, Any]]]:
    """Their lines. A logger keeps the ways of its first use, so they get new ones."""
    with ExitStack() as new, capture_logs() as lines:
        for module in modules:
            new.enter_context(patch.object(module, "log", structlog.get_logger(module.__name__)))
        yield lines
