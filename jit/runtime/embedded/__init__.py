"""Servers that come with the wheels, so that nothing has to be set up: Valkey for the queue and
PostgreSQL as a target to try.

Each lives in one folder and listens on a Unix socket in it that only its owner can open; there is no
password to keep. A server ends with the process that started it, however that process ends.
"""

from jit.runtime.embedded.postgres import EmbeddedPostgres
from jit.runtime.embedded.server import EmbeddedError
from jit.runtime.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedError", "EmbeddedPostgres", "EmbeddedValkey"]
