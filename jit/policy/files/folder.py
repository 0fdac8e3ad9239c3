"""The policy in force: read again when the folder changes."""

from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from jit.policy.files.load import load_policy, policy_files
from jit.policy.files.mistakes import NotReadNow, PolicyError
from jit.policy.policy import Policy
from jit.ports import Clock

LOOK_EVERY = timedelta(seconds=1)
MOST_UNKEPT = 8
BROKEN = "broken"
"""Stands for the version of rules that cannot be read: nothing is decided by them."""

_Signature = tuple[tuple[str, int, int, int, int], ...]


class PolicyFolder:
    """Thread-safe. ``last_good`` is the newest policy without mistakes, or the one recalled; None before the first. To
    ask for it waits for nothing.

    ``unkept`` are those read that nobody has put beside the ledger yet (`jit.proof.audit.policy_texts`); the oldest
    first, and no more than a few where nobody does.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._lock = Lock()
        self._looked: datetime | None = None
        self._signature: _Signature | None = None
        self._trouble: PolicyError | None = None
        self.last_good: Policy | None = None
        self.unkept: deque[Policy] = deque(maxlen=MOST_UNKEPT)

    def current(self) -> Policy:
        """The policy in force: as the files have it, at most `LOOK_EVERY` behind. Where a mistake is in them, the last
        that had none stays in force until it is mended (`read` says the mistake).

        While a changed folder is read everybody waits, rather than decide by rules that were replaced: about
        a second for 5,000 accesses.

        Raises:
            NotReadNow: the files could not be read this time.
            PolicyError: the files cannot be used, and this process knows none that could.
        """
        with self._lock:
            self._look_again()
            if self.last_good is not None and not isinstance(self._trouble, NotReadNow):
                return self.last_good
            raise self._why()

    def read(self) -> Policy:
        """The policy as the files have it, for whoever tells of mistakes. Raises NotReadNow, PolicyError."""
        with self._lock:
            self._look_again()
            if self._trouble is None and self.last_good is not None:
                return self.last_good
            raise self._why()

    def _why(self) -> PolicyError:
        trouble = self._trouble or PolicyError(())
        return type(trouble)(trouble.mistakes)

    def _look_again(self) -> None:
        now = self._clock.now()
        if self._looked is None or not timedelta(0) <= now - self._looked < LOOK_EVERY:
            self._looked = now
            self._look()

    def recall(self, policy: Policy) -> None:
        """Rules that were in force before this process began, for where the files cannot be used: they stay until these
        can. Whoever calls knows that they were. What this process has read itself goes before.
        """
        with self._lock:
            self.last_good = self.last_good or policy

    def newest(self) -> Policy | None:
        """The last that could be read, for what must wait for no files: to end access, or to look. None before the
        first.
        """
        if self._lock.acquire(blocking=False):
            self._lock.release()
            with suppress(PolicyError):
                return self.current()
        return self.last_good

    def _look(self) -> None:
        signature = _signature(self.path)
        if signature is not None and signature == self._signature:
            return
        try:
            read = load_policy(self.path)
            if self.last_good is None or read.version != self.last_good.version:
                self.unkept.append(read)
            self.last_good = read
            self._trouble = None
        except NotReadNow as passing:
            self._trouble, signature = passing, None
        except PolicyError as broken:
            self._trouble = broken
        self._signature = signature


def _signature(folder: Path) -> _Signature | None:
    """Changes whenever a file does; None if it cannot be told. Taken before reading, so no edit is missed."""
    try:
        return tuple(
            (path.name, status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            for path in policy_files(folder)
            for status in [path.stat()]
        )
    except OSError:
        return None
