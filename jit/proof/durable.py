"""Files that stand after a crash: written whole or not at all, for their owner alone, and held by one process.

After a failed fsync a file is given up: whoever writes again writes a new one.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path


def make_folder(folder: Path) -> None:
    """For nobody else, and so are those above it that are not there yet. Raises OSError."""
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """What was named or renamed in it stays so. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new(path: Path, lines: Iterable[bytes], *, over: bool = False) -> None:
    """A file whose bytes are on the disk when this returns; its name is after `sync_folder`.

    Raises OSError: FileExistsError if something of that name is there, unless it may be written ``over``.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if over else os.O_EXCL)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, lines: Iterable[bytes]) -> None:
    """The whole file at once; durable when this returns. Raises OSError, and what ``lines`` raise."""
    aside = path.with_name(f"{path.name}.new")
    write_new(aside, lines, over=True)
    aside.replace(path)
    sync_folder(path.parent)


def hold(path: Path) -> int | None:
    """A handle of this file, made if need be, that one process can have until it closes it; None if another has it.

    Raises OSError.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
