import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from tests.world.exhaustive import LeftToTestFull

pytest.register_assert_rewrite("jit.testing.targets")
pytest_plugins = ["tests.world.servers", "tests.world.orders", "tests.world.playgrounds"]

MEMORY = Path("/dev/shm")
ENOUGH = 4 * 1024**3
"""Bytes that a run of all tests may take there: servers, browsers, ledgers."""

if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
    # Inherited by every process of the run, servers and browsers included. What is about disks brings its own.
    os.environ.setdefault("TMPDIR", str(MEMORY))
    tempfile.tempdir = None  # pytest has asked for it already

# Whoever runs the tests may have switched interrupts off, and every process would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

configure = structlog.configure


def configure_anew(*given: Any, **how: Any) -> None:
    """A logger that kept the ways of its first use would log past whoever listens in a later test."""
    configure(*given, **how | {"cache_logger_on_first_use": False})


structlog.configure = configure_anew

settings.register_profile("jit", deadline=None)  # nothing here is a promise about time
settings.load_profile("jit")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftToTestFull(config))
