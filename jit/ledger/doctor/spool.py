"""The data folder of this host, and what waits there until the ledger takes it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from jit.doctor.examine import NotLookedAt
from jit.doctor.line import Line, Part, fine, mend, note
from jit.ledger.spool_files import LOST, PUT_ASIDE, files_in, gone_from, put_aside_in, waiting_in

_LEAST_ROOM = 1 << 20
"""Bytes: for some thousand facts."""


def look_at_spool(data: Path, spool: Path) -> Iterator[Line]:
    """Raises NotLookedAt."""
    if not data.is_dir():
        raise NotLookedAt(
            f"there is no folder {data} here; run it where the workers run, or with JIT_DATA as they have it"
        )
    wrong = [line for folder in (data, spool) if folder.is_dir() for line in _unfit(folder)]
    wrong += _without_room(spool if spool.is_dir() else data)
    wrong += [*_open_to_others(spool), *_failed_by_the_disk(spool)]
    yield from wrong or [fine(Part.LEDGER, f"facts can wait in {spool} while it is away")]
    yield from _backlog(spool)


def _unfit(folder: Path) -> Iterator[Line]:
    name = quote(str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        yield mend(
            Part.LEDGER,
            f"{folder} cannot be written: what ends while the ledger is away would not be recorded",
            f"Make it the folder of the user that the processes run as, or name another in JIT_DATA:\nls -ld {name}",
        )
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield mend(
            Part.LEDGER,
            f"{folder} can be written by others than its owner, who could put facts into the spool",
            f"chmod go-w {name}",
        )


def _without_room(folder: Path) -> Iterator[Line]:
    """Not every file system counts how many files it can hold."""
    room = os.statvfs(folder)
    if room.f_bavail * room.f_frsize < _LEAST_ROOM or (room.f_files and not room.f_favail):
        yield mend(
            Part.LEDGER,
            f"the disk of JIT_DATA has no room: what ends while the ledger is away could not be kept in {folder}",
            f"Make room, 1 MB at the least:\ndf -h {quote(str(folder))}; df -i {quote(str(folder))}",
        )


def _open_to_others(spool: Path) -> Iterator[Line]:
    """If they can get at the folder."""
    if not spool.is_dir() or not spool.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH):
        return
    names = sorted(path for path in spool.glob("spool.*") if path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    if names:
        yield mend(
            Part.LEDGER,
            f"{spool} can be entered by others, who can read there whose access ended and why",
            f"chmod go-rwx {' '.join(quote(str(path)) for path in [spool, *names])}",
        )


def _failed_by_the_disk(spool: Path) -> Iterator[Line]:
    spoilt = [path.name for path in files_in(spool)[:-1]] + sorted(path.name for path in spool.glob(f"{LOST}*"))
    if spoilt:
        yield mend(
            Part.LEDGER,
            f"the disk failed to keep facts in {spool}, or somebody spoilt them: {', '.join(spoilt)}",
            "What can be read is taken in by itself, the rest is kept. Look at the disk, have it replaced or mended:\n"
            "dmesg --level=err,warn",
        )
    if gone_from(spool):
        yield mend(
            Part.LEDGER,
            f"the spool's file in {spool} is gone, so nobody can tell whether facts are missing",
            "The next taking tells it as an alert. Look who could write to that folder.",
        )


def _backlog(spool: Path) -> Iterator[Line]:
    waiting = waiting_in(spool)
    if waiting:
        yield note(
            Part.LEDGER,
            f"{waiting} {'fact waits' if waiting == 1 else 'facts wait'} in {spool}",
            "A timekeeper on this host takes them in once the ledger answers: is one running? Keep the folder.",
        )
    refused = put_aside_in(spool)
    if refused:
        yield note(
            Part.LEDGER,
            f"{refused} facts of the spool were refused, and lie in {spool / PUT_ASIDE}",
            "They had no business there, or were changed: look who could write to that folder, then move the file.",
        )
