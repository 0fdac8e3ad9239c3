"""A log followed while it is written: across rotation, truncation, restarts, and a record that does not answer.

Where it is read up to stands in the record, with what was read: what is recorded is not read again, and what is not
recorded is. Kept in memory is only what the record can tell.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple

import structlog

from jit.detect.activity.lines import fingerprint
from jit.detect.activity.looks import Looker
from jit.detect.activity.recorder import BACK, Overtaken, Recorder
from jit.facts import ActivityRecorded
from jit.ports import Clock

log = structlog.get_logger(__name__)

AFTER_THE_END = timedelta(seconds=3)
"""Until a log that has nothing new has written what was done before an access ended."""


LOOK_EVERY = 2.0
"""Seconds between looks for what has ended, while nothing comes."""


class _Id(NamedTuple):
    """Which file it is, whatever it is called."""

    device: int
    number: int


@dataclass(slots=True)
class _Open:
    path: Path
    file: BinaryIO
    id: _Id
    known_as: str
    at: int
    """How far it is read."""
    after: int
    """How far that is recorded."""


@dataclass(slots=True)
class Collector:
    """Follows the files that match ``pattern``, in which `*` may stand, in the order in which they were written."""

    pattern: Path
    looker: Looker
    recorder: Recorder
    clock: Clock
    _open: _Open | None = None
    _done: set[_Id] = field(default_factory=set)
    _ended: int = 0
    """How often in a row there was nothing more."""
    _begun: bool = False
    _look_at: float = 0.0

    def begin(self) -> None:
        """Find in the record how far this log is read, and the file where that is. Raises LedgerUnavailable."""
        self._close()
        self._done, self._ended = set(), 0
        self.recorder.begin(self.clock.now() - timedelta(days=BACK))
        newest = self.recorder.newest()
        older: set[_Id] = set()
        for path in self._files() if newest else ():
            if (found := self._opened(path, newest)) is None:
                continue
            if newest and found.known_as == newest.file and found.at >= newest.ends:
                self._open, self._done = found, older
                break
            older.add(found.id)
            found.file.close()
        self.looker.newest = max((item.at for item in newest.items), default=None) if newest else None
        if newest and self._open is None:
            self._say_gap("the file that was read last is gone or changed; what it said since is lost")
        self._begun = True

    def step(self) -> bool:
        """Read and record what there is. Returns whether there is more at once.

        Raises LedgerUnavailable; what was not recorded is read again.
        """
        if not self._begun:
            self.begin()
        current = self._current()
        if current is None:
            self._sum_up()
            return False
        if self._was_cut(current):
            return True
        if current.file.seek(0, 2) > current.at:
            self.recorder.follow()
        look = self.looker.look(current.file, current.known_as, current.at, current.after)
        if look.place is None:
            return self._nothing_new(current)
        self._ended = 0
        if not self.recorder.began and look.seen:
            self.recorder.say("began", look.seen[0].at)
        try:
            recorded = self.recorder.record(look, self.clock.now())
        except Overtaken:
            log.warning("activity.overtaken", log=self.recorder.log)
            self._begun = False
            return True
        current.at = look.place.ends
        current.after = current.at if recorded else current.after
        return True

    def forget(self) -> None:
        """Begin anew from what the record says, with the next step."""
        self._begun = False

    def close(self) -> None:
        self._close()

    def _nothing_new(self, current: _Open) -> bool:
        """Go on to the next file, where there is one and nothing comes any more into this one."""
        self._ended += 1
        if self._ended >= 2 and self._following(current) is not None:
            self._done.add(current.id)
            self._close()
            return True
        self._sum_up()
        return False

    def _sum_up(self) -> None:
        """What is over, where the log has nothing that was written before. Looked for now and then."""
        if self.recorder.began and self.clock.ticks() >= self._look_at:
            self._look_at = self.clock.ticks() + LOOK_EVERY
            self.recorder.follow()
            self.recorder.sum_up(self.clock.now() - AFTER_THE_END)

    def _current(self) -> _Open | None:
        if self._open is None:
            for path in self._files():
                if _id(path) not in self._done and (found := self._opened(path)) is not None:
                    self._open, self._ended = found, 0
                    break
        return self._open

    def _was_cut(self, current: _Open) -> bool:
        """Whether the file is shorter than what was read of it, or begins otherwise."""
        size = current.file.seek(0, 2)
        if size >= current.at and current.known_as.startswith(fingerprint(current.file) or "?"):
            return False
        self._say_gap(f"{current.path.name} was cut while it was read; what was not read yet is lost")
        self._close()
        return True

    def _say_gap(self, says: str) -> None:
        now = self.clock.now()
        self.recorder.say("gap", self.looker.newest or now, says, now)

    def _following(self, current: _Open) -> Path | None:
        return next(
            (path for path in self._files() if (found := _id(path)) and found not in self._done | {current.id}), None
        )

    def _files(self) -> Iterator[Path]:
        """Those that match, the oldest first."""
        found: list[tuple[int, str, Path]] = []
        for path in self.pattern.parent.glob(self.pattern.name):
            with suppress(OSError):
                if path.is_file() and path.suffix not in {".gz", ".xz", ".zst", ".bz2"}:
                    found.append((path.stat().st_mtime_ns, path.name, path))
        yield from (path for _, _, path in sorted(found))

    def _opened(self, path: Path, newest: ActivityRecorded | None = None) -> _Open | None:
        """None where it cannot be opened, or holds no whole line yet."""
        try:
            file = path.open("rb")
        except OSError as wrong:
            log.warning("activity.unreadable", path=str(path), because=wrong.strerror)
            return None
        number = _id(path)
        if number is None or not fingerprint(file):
            file.close()
            return None
        known_as, at = self.recorder.resume(file, newest)
        return _Open(path, file, number, known_as, at, at)

    def _close(self) -> None:
        if self._open is not None:
            self._open.file.close()
            self._open = None


def _id(path: Path) -> _Id | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Id(status.st_dev, status.st_ino)
