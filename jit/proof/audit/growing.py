"""A file of lines that grows: one process writes at a time, and what was cut off is mended by who opens it next."""

import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from jit.proof.durable import sync_folder
from jit.runtime.settings import CannotStart

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes."""
_BLOCK = 1 << 20
_SYNC_AFTER = 64 * _BLOCK


class GrowingFile:
    """Every method raises CannotStart. After a failure the file is given up: what a disk did not take once is not tried
    again, and whoever opens it next finds its last whole line.

    ``last`` is the last whole line it had when it was opened, without its newline; None if there was none.
    """

    def __init__(self, path: Path, begins: bytes) -> None:
        """``begins`` is how every such file begins: of anything else nothing is cut off or added to."""
        self.path = path
        try:
            new = not path.exists()
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except OSError as wrong:
            raise cannot_write(path, wrong) from None
        self._waiting: list[bytes] = []
        self._bytes = self._unsynced = 0
        try:
            self.last = self._mended(begins)
            if new:
                sync_folder(path.parent)
        except OSError as wrong:
            os.close(self._handle)
            raise cannot_write(path, wrong) from None
        except CannotStart:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """What was written is durable after this, unless writing failed."""
        try:
            if kind is None or not issubclass(kind, CannotStart):
                self.sync()
        finally:
            os.close(self._handle)

    def write(self, line: bytes) -> None:
        self.write_lines(line + b"\n")

    def write_lines(self, lines: bytes) -> None:
        """Whole lines, each with its newline."""
        self._waiting.append(lines)
        self._bytes += len(lines)
        if self._bytes >= _BLOCK:
            self._flush()
        if self._unsynced >= _SYNC_AFTER:
            self.sync()

    def sync(self) -> None:
        """Durable when this returns."""
        self._flush()
        try:
            os.fsync(self._handle)
        except OSError as wrong:
            raise cannot_write(self.path, wrong) from None
        self._unsynced = 0

    def _flush(self) -> None:
        """A full disk may take a part, and say nothing."""
        left = memoryview(b"".join(self._waiting))
        self._waiting = []
        self._unsynced += self._bytes
        self._bytes = 0
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError as wrong:
            raise cannot_write(self.path, wrong) from None

    def _mended(self, begins: bytes) -> bytes | None:
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            raise CannotStart(f"{self.path} is no file. Leave --out away to write into a pipe.")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"Another export is writing {self.path}. Wait for it, or name another place.") from None
        size = os.fstat(self._handle).st_size
        start = os.pread(self._handle, len(begins), 0)
        if not begins.startswith(start):
            raise CannotStart(f"{self.path} holds something else, and is left alone. Name another place.")
        whole, last = self._last_line(size)
        if whole < size:
            os.ftruncate(self._handle, whole)
            os.fsync(self._handle)
        return last

    def _last_line(self, size: int) -> tuple[int, bytes | None]:
        """Up to where the lines are whole, and the last of them."""
        data, at = b"", size
        while at and data.count(b"\n") < 2:
            if len(data) > LONGEST_LINE:
                raise CannotStart(f"{self.path} does not hold lines, and is left alone. Name another place.")
            step = min(_BLOCK, at)
            at -= step
            data = os.pread(self._handle, step, at) + data
        end = data.rfind(b"\n") + 1
        return at + end, data[data.rfind(b"\n", 0, end - 1) + 1 : end - 1] if end else None


def cannot_write(path: Path, wrong: OSError) -> CannotStart:
    return CannotStart(f"{path} cannot be written: {wrong.strerror}. Mend that, and run the same again: it goes on.")
