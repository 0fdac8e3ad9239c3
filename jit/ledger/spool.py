"""The spool: where facts about taking access away wait while the ledger cannot be reached.

One line of JSON for each fact, fsynced before `write` returns. Taken in by a process on the same host; a fact
that was taken in twice is dropped by its UUID. Who can write the file can tell of ends and alerts, and of nothing
that lets anybody in.
"""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from jit.facts import Alert, AnyFact, Started, TakesAway, read_fact, write_fact
from jit.ledger.entry import BrokenChain
from jit.ledger.store import Conflict, Ledger

log = structlog.get_logger(__name__)

FILE = "spool.jsonl"
PUT_ASIDE = "spool.unreadable"

Waits = TakesAway | Alert | Started
"""What may be recorded later: none of it decides anything."""


class SpoolFailed(Exception):
    """The spool could not be written in full: a full disk, or a failed fsync, which is never tried again."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """How many facts were recorded, or were so before, and how many lines were refused."""

    recorded: int = 0
    refused: int = 0


class Spool:
    """A file in ``folder``, shared by all processes of this host."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def write(self, facts: Sequence[AnyFact]) -> None:
        """Keep these. Raises SpoolFailed."""
        if not all(isinstance(fact, Waits) for fact in facts):
            raise SpoolFailed("only what tells of an end may wait")
        lines = b"".join(write_fact(fact.model_copy(update={"spooled": True})) + b"\n" for fact in facts)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as wrong:
            raise SpoolFailed(f"cannot open the spool: {wrong.strerror}") from wrong
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            end = os.fstat(handle).st_size
            if end and os.pread(handle, 1, end - 1) != b"\n":
                lines = b"\n" + lines  # a line cut off by a crash stays alone on its line
            written = os.write(handle, lines)
            if written != len(lines):
                os.ftruncate(handle, end)
                raise SpoolFailed("the disk took only a part: is it full?")
            os.fsync(handle)
            log.warning("facts.spooled", kinds=[fact.kind for fact in facts])
        except OSError as wrong:
            raise SpoolFailed(f"cannot write the spool: {wrong.strerror}") from wrong
        finally:
            os.close(handle)

    def take_in(self, ledger: Ledger) -> TakenIn:
        """Move what waits into the ledger. Raises LedgerUnavailable, OSError.

        A line that `write` would not have left here, or that the ledger refuses, is put aside in `spool.unreadable`,
        never dropped.
        """
        try:
            handle = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return TakenIn()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            if size == 0:
                return TakenIn()
            lines = [line for line in os.pread(handle, size, 0).splitlines() if line]
            refused = [line for line in lines if not _recorded(line, ledger)]
            if refused:
                self._put_aside(refused)
            os.ftruncate(handle, 0)
            os.fsync(handle)
            return TakenIn(len(lines) - len(refused), len(refused))
        finally:
            os.close(handle)

    def _put_aside(self, lines: Sequence[bytes]) -> None:
        path = self._path.with_name(PUT_ASIDE)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as aside:
            aside.writelines(line + b"\n" for line in lines)
            aside.flush()
            os.fsync(aside.fileno())


def _recorded(line: bytes, ledger: Ledger) -> bool:
    """Whether the ledger holds this now; False if it may not wait here, or is about a request that is not there."""
    try:
        fact = read_fact(line)
        if not fact.spooled or not isinstance(fact, Waits):
            return False
        ledger.append([fact])
    except (ValueError, Conflict, BrokenChain):
        return False
    return True


def lines_in(path: Path) -> int:
    """How many facts wait in a spool's file, or lie in the one put aside; none where it cannot be read."""
    try:
        return sum(1 for line in path.read_bytes().splitlines() if line)
    except OSError:
        return 0
