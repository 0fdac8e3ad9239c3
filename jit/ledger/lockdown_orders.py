"""Lockdowns that lie on this host's disk, until the ledger has them: worker and timekeeper obey them from there.

Whoever may write there can end access, and neither give any nor lift anything: an order says what to stop, and no file
says more. It counts if nobody but root and we could have written it, as `LockdownOrders.write` does: under its own id,
as of somebody at a terminal.
"""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from jit.facts import LockdownBegun, Source, read_fact, write_fact
from jit.ledger.spool_files import make_folder, open_kept, sync_folder
from jit.requests.lockdown import LOCKDOWN_ID

log = structlog.get_logger(__name__)

FOLDER = "lockdowns"
SETTLED_AFTER = 1_000_000_000
"""Nanoseconds after which what changes a folder has another time than what changed it before."""
LARGEST, MOST = 64 * 1024, 100
"""Bytes of an order, and orders that are read."""


class _Read(NamedTuple):
    changed: int
    orders: tuple[LockdownBegun, ...]


_NOTHING = _Read(-1, ())


class LockdownOrders:
    """The orders in a folder of JIT_DATA, a file each. Thread-safe."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER
        self._read = _NOTHING

    def write(self, fact: LockdownBegun) -> None:
        """On disk when this returns, for those who own JIT_DATA. Raises OSError."""
        make_folder(self.folder)
        owner = self.folder.parent.stat()
        aside = self.folder / f".{fact.lockdown_id}.new"
        handle = open_kept(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(handle, "wb") as file:
            file.write(write_fact(fact))
            file.flush()
            os.fsync(handle)
            if os.geteuid() == 0:
                os.fchown(handle, owner.st_uid, owner.st_gid)
        if os.geteuid() == 0:
            os.chown(self.folder, owner.st_uid, owner.st_gid)
        aside.replace(self._place(fact))
        sync_folder(self.folder)

    def read(self) -> tuple[LockdownBegun, ...]:
        """Those that count. Read anew when the folder has changed; raises nothing."""
        try:
            status = self.folder.lstat()
        except OSError:
            return ()
        if not _is_ours(status) or not stat.S_ISDIR(status.st_mode):
            log.error("lockdown.not_obeyed", because="others than we and root can write to the folder of lockdowns")
            return ()
        just_now = time.time_ns() - status.st_mtime_ns < SETTLED_AFTER
        if just_now or self._read.changed != status.st_mtime_ns:
            found = (_order_in(path) for path in self._paths())
            self._read = _Read(status.st_mtime_ns, tuple(each for each in found if each is not None))
        return self._read.orders

    def _paths(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == ".json")[:MOST]
        except OSError as wrong:
            log.error("lockdown.not_obeyed", because=wrong.strerror)  # noqa: TRY400  others may not read it
            return []

    def remove(self, fact: LockdownBegun) -> None:
        """It is in the ledger. Raises OSError."""
        self._place(fact).unlink(missing_ok=True)
        sync_folder(self.folder)

    def _place(self, fact: LockdownBegun) -> Path:
        return self.folder / f"{fact.id}.json"


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in {0, os.geteuid()} and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_an_order(fact: LockdownBegun) -> bool:
    """Whether `jit lockdown` could have made it: what it names is what its scope says, and in Slack nobody did."""
    named = {"person": fact.requester, "access": fact.access, "target": fact.target}
    name = named.pop(fact.scope, None)
    says_which = fact.scope == "everything" or (name is not None and name.isprintable())
    of_terminal = fact.source is Source.CLI and fact.actor.startswith("cli:") and fact.actor.isprintable()
    fits = says_which and not any(named.values()) and LOCKDOWN_ID.fullmatch(fact.lockdown_id) is not None
    return of_terminal and fits


def _order_in(path: Path) -> LockdownBegun | None:
    """None, and a word in the log, for what nobody of us has written."""
    with suppress(OSError, ValueError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            data = file.read(LARGEST + 1) if stat.S_ISREG(status.st_mode) and _is_ours(status) else b""
        fact = read_fact(data) if len(data) <= LARGEST else None
        if isinstance(fact, LockdownBegun) and path.stem == str(fact.id) and _is_an_order(fact):
            return fact
    log.error("lockdown.not_obeyed", file=path.name, because="it is no order that we or root have written")
    return None
