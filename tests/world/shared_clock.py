"""One clock for all processes of a test: the machine's, moved by an offset in a mapped file. What is paced by its ticks
need not be waited for either.
"""

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_OFFSET = struct.Struct("<q")


class SharedClock:
    """``path`` holds the offset in microseconds; it is made if it is not there."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_OFFSET.pack(0))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _OFFSET.size)
        self.path = path

    def now(self) -> datetime:
        return datetime.now(UTC) + self._moved()

    def ticks(self) -> float:
        return time.monotonic() + self._moved().total_seconds()

    def advance(self, by: timedelta) -> None:
        self._map[:] = _OFFSET.pack((self._moved() + by) // timedelta(microseconds=1))

    def _moved(self) -> timedelta:
        return timedelta(microseconds=_OFFSET.unpack(self._map[:])[0])
