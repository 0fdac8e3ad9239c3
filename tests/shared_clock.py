"""One clock for all processes of a test: the machine's, moved by an offset in a mapped file."""

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
        return datetime.now(UTC) + timedelta(microseconds=_OFFSET.unpack(self._map[:])[0])

    def ticks(self) -> float:
        return time.monotonic()

    def advance(self, by: timedelta) -> None:
        (offset,) = _OFFSET.unpack(self._map[:])
        self._map[:] = _OFFSET.pack(offset + by // timedelta(microseconds=1))
