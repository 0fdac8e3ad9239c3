"""The spool's files: kept from others, locked, on disk when that is said, and what its chain has come to."""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jit.ledger.spool_chain import START, Place

log = structlog.get_logger(__name__)

LOCK = "spool.lock"
CHAIN = "spool.chain"
SUSPECT = "spool.suspect."
LOST = "spool.lost."
LONGEST_LINE = 1 << 20
"""Bytes. What is longer is none of ours, and is put aside in pieces."""
_CHAIN_BYTES = 4096


class Chain(BaseModel):
    """How far the spool's chain goes, and how far it was taken in."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    spool: str = Field(pattern=r"^[0-9a-f]{8}$")
    """Tells apart the spools of one host."""
    n: int = Field(ge=0, lt=10**15)
    head: str = Field(pattern=r"^[0-9a-f]{64}$")
    taken_n: int = Field(ge=0, lt=10**15)
    taken_head: str = Field(pattern=r"^[0-9a-f]{64}$")
    told: bool
    """Whether the ledger holds that it was taken in up to there."""
    begun: Literal["new", "beside a file", "beside a chain"]
    """What lay there already when it began: then an earlier one may have been lost."""

    @classmethod
    def begin(cls, begun: Literal["new", "beside a file", "beside a chain"] = "new", at: Place = START) -> "Chain":
        """A chain that nobody has seen before; its first line comes after ``at``."""
        return cls(
            spool=secrets.token_hex(4),
            n=at.n,
            head=at.head,
            taken_n=at.n,
            taken_head=at.head,
            told=False,
            begun=begun,
        )

    @property
    def written(self) -> Place:
        return Place(self.n, self.head)

    @property
    def taken(self) -> Place:
        return Place(self.taken_n, self.taken_head)

    def moved(self, written: Place) -> "Chain":
        return self.model_copy(update={"n": written.n, "head": written.head})

    def taken_to(self, place: Place, *, told: bool) -> "Chain":
        also = {"taken_n": place.n, "taken_head": place.head, "told": told, "begun": "new"}
        return self.moved(place).model_copy(update=also)


def load_chain(folder: Path) -> Chain | None:
    """None if there is none that can be read."""
    try:
        with os.fdopen(open_kept(folder / CHAIN, os.O_RDONLY), "rb") as file:
            return Chain.model_validate_json(file.read(_CHAIN_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as wrong:
        log.warning("spool.chain_unreadable", because=type(wrong).__name__)
        return None


def save_chain(folder: Path, chain: Chain) -> None:
    """Either as it was or as it is now, whatever happens in between. Raises OSError."""
    prepare_chain(folder, chain)
    put_chain(folder)


def prepare_chain(folder: Path, chain: Chain) -> None:
    """On disk, but not in its place yet: that needs no more room. Raises OSError."""
    path = folder / f"{CHAIN}.new"
    with suppress(FileNotFoundError):
        path.unlink()
    handle = open_kept(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        write_at(handle, 0, chain.model_dump_json().encode())
        os.fsync(handle)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(handle)


def put_chain(folder: Path) -> None:
    """What was prepared, in its place. Raises OSError."""
    (folder / f"{CHAIN}.new").replace(folder / CHAIN)
    sync_folder(folder)


def write_at(handle: int, end: int, data: bytes) -> None:
    """All of it, or nothing: then the file ends at ``end`` as before. Raises OSError."""
    written = 0
    try:
        written = os.write(handle, data)
    finally:
        if written != len(data):
            os.ftruncate(handle, end)
    if written != len(data):
        raise OSError(errno.ENOSPC, "it took only a part")


def is_full(wrong: BaseException) -> bool:
    """Whether a disk, or what this user may have of it, is used up."""
    return isinstance(wrong, OSError) and wrong.errno in {errno.ENOSPC, errno.EDQUOT}


def open_kept(path: Path, flags: int) -> int:
    """A handle on a plain file that nobody else can read: one that others could is closed to them, and that is said.

    Raises OSError.
    """
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise OSError(f"{path.name} is no plain file")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        try:
            os.fchmod(handle, 0o600)
            log.warning("spool.was_open_to_others", file=str(path))
        except OSError as wrong:
            log.error("spool.is_open_to_others", file=str(path), because=wrong.strerror)  # noqa: TRY400  facts go first
    return handle


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whether this process has the spool to itself now. Raises OSError."""
    handle = open_kept(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Names made, changed or taken away in it are on disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def suspects(folder: Path) -> list[Path]:
    """Files put aside as the disk failed them, the oldest first."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(names) if name.startswith(SUSPECT)]


def put_aside_as_suspect(path: Path, place: Place) -> None:
    """Under a name that comes after those of the others there. Raises OSError."""
    others = len(suspects(path.parent))
    path.replace(path.with_name(f"{SUSPECT}{place.n:015d}.{others:06d}.{secrets.token_hex(4)}"))
    sync_folder(path.parent)


def pieces_of(path: Path) -> Iterator[bytes]:
    """Its lines without their ends, none of them empty; nothing if there is no such file. Raises OSError."""
    try:
        handle = open_kept(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    with os.fdopen(handle, "rb") as file:
        while piece := file.readline(LONGEST_LINE):
            if line := piece.rstrip(b"\r\n"):
                yield line


def last_piece(path: Path) -> bytes | None:
    """None if there is no such file, or it is empty. Raises OSError."""
    try:
        handle = open_kept(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        file.seek(max(0, os.fstat(handle).st_size - LONGEST_LINE))
        return (file.read(LONGEST_LINE).rstrip(b"\n").rsplit(b"\n", 1)[-1]) or None
