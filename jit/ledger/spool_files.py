"""The spool's files: SQLite databases with the ledger's table of entries, kept from others and locked.

One file is written, the last. A file that failed a writer stays where it is and is read; the next is begun beside it.
"""

import errno
import fcntl
import os
import re
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Integer, LargeBinary, String, bindparam, cast, delete, func, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from jit.facts import Fact
from jit.ledger.database import connect_sqlite
from jit.ledger.entry import LONGEST, NO_ENTRY, seal
from jit.ledger.rows import as_row, without_doubles
from jit.ledger.schema import entries, metadata, notes
from jit.ledger.spool_chain import Chain, Place

log = structlog.get_logger(__name__)

FILE = "spool.db"
PUT_ASIDE = "spool.unreadable"
LOCK = "spool.lock"
LOST = "spool.lost."
OLD_FILE = "spool.jsonl"
OLD_CHAIN = "spool.chain"
_OLD_LINE = re.compile(rb'\{"n": [0-9]+, "previous": "[0-9a-f]{64}", "fact": (\{.*\})\}')
_HASH = re.compile(r"[0-9a-f]{64}")
_FURTHEST = 10**14
_NAME = re.compile(r"spool(\.[1-9][0-9]{0,8})?\.db")
_LAST_NUMBER = 10**9 - 1
SMALL = 256 * 1024
"""Bytes: a file that has grown past it is made small again once all was taken in."""
_NOTED = {"follower": "spool", "key": "chain"}
_NOTE = select(notes.c.value).filter_by(**_NOTED)
_FORGET = delete(notes).filter_by(**_NOTED)
_KEEP = insert(notes)
_JOURNAL = "-journal"
_BESIDE = (_JOURNAL, "-wal", "-shm")
_ROOM = 64 * 1024
_WITHOUT_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ROW = select(
    cast(entries.c.index, Integer).label("index"),
    cast(func.substr(cast(entries.c.body, LargeBinary), 1, LONGEST + 1), LargeBinary).label("body"),
    cast(entries.c.hash, String).label("hash"),
).limit(1)
"""What is longer than an entry can be is none, and is not read whole."""
_NEXT = _ROW.where(entries.c.index > bindparam("after")).order_by(entries.c.index)


class Spoilt(SQLAlchemyError):
    """A file in which somebody has put what is none of ours."""


def files_in(folder: Path) -> list[Path]:
    """`spool.db`, and those that were begun after it, in that order."""
    ours = (path for path in folder.glob("spool*.db") if _NAME.fullmatch(path.name))
    return sorted(ours, key=lambda path: (len(path.name), path.name))


def last_file(folder: Path) -> Path:
    """The one that is written."""
    return next(reversed(files_in(folder)), folder / FILE)


def old_files(folder: Path) -> list[Path]:
    """What earlier versions left: lines of JSON, and notes of their chain."""
    names = [*sorted(folder.glob("spool.suspect.*")), folder / OLD_FILE, folder / OLD_CHAIN]
    return [path for path in names if path.exists()]


def old_facts(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Each line of such a file, and the fact in it. Raises OSError."""
    with os.fdopen(open_kept(path, os.O_RDONLY), "rb") as file:
        while piece := file.readline(LONGEST):
            if line := piece.rstrip(b"\r\n"):
                yield line, _OLD_LINE.sub(rb"\1", line)


def file_after(path: Path) -> Path:
    """`spool.2.db` comes after `spool.db`. After the last there could be is the one that follows the others: it is put
    aside. Raises OSError.
    """
    _, *number, _ = path.name.split(".")
    if number and int(number[0]) == _LAST_NUMBER:
        put_aside_as_lost(path)
        return file_after(last_file(path.parent))
    return path.with_name(f"spool.{int(number[0]) + 1 if number else 2}.db")


@contextmanager
def transaction(path: Path) -> Iterator[Connection]:
    """One in this file, which is made if it is not there; afterwards no process holds it open. Raises SQLAlchemyError,
    OSError.
    """
    new = not path.exists()
    os.close(open_kept(path, os.O_RDWR | os.O_CREAT))
    if new:
        sync_folder(path.parent)
    _require_own_log(path)
    with _engine(path).begin() as connection:
        found = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").scalars().all()
        if not found:
            metadata.create_all(connection, tables=[entries, notes])
        elif {_on_one_line(statement) for statement in found} != _tables_as_made():
            raise Spoilt("its tables are not as they were made: somebody has put into it what acts by itself")
        yield connection


def _require_own_log(path: Path) -> None:
    """What lies beside a file, under a name that SQLite opens, is SQLite's own log. For a pipe it would wait for ever,
    write through a second name of another file, and delete what a journal names. A journal of its own it leaves only
    where it was killed while it made a file, which then holds nothing. Raises Spoilt, OSError.
    """
    for end in _BESIDE:
        beside = path.with_name(path.name + end)
        with suppress(FileNotFoundError):
            status = beside.lstat()
            if stat.S_ISDIR(status.st_mode) or status.st_nlink > 1:
                raise Spoilt(f"{beside.name} is no log of its own")
            if end == _JOURNAL or not stat.S_ISREG(status.st_mode):
                beside.unlink()
                log.warning("spool.removed", file=beside.name)


@cache
def _tables_as_made() -> set[str]:
    """In a file that this version begins, as SQLite keeps it."""
    made: list[CreateTable | CreateIndex] = []
    for table in (entries, notes):
        made += [CreateTable(table), *map(CreateIndex, table.indexes)]
    return {_on_one_line(str(statement.compile(dialect=sqlite.dialect()))) for statement in made}


def _on_one_line(statement: str) -> str:
    return " ".join(statement.split())


@lru_cache(maxsize=16)
def _engine(path: Path) -> Engine:
    """Its connections are opened for one transaction each."""
    return connect_sqlite(URL.create("sqlite", database=str(path)), poolclass=NullPool)


def load_chain(connection: Connection, *, had_one: bool) -> Chain:
    """The chain that is noted, or a new one; lost if there was one before, or entries lie there."""
    noted = connection.scalar(_NOTE)
    if noted is not None:
        with suppress(ValidationError):
            return Chain.model_validate_json(noted)
    last = connection.execute(_ROW.order_by(entries.c.index.desc())).one_or_none()
    if last is None:
        return Chain.begin(lost=had_one or noted is not None)
    index, _, kept_under = last
    head = kept_under if _HASH.fullmatch(kept_under or "") else NO_ENTRY
    return Chain.begin(lost=True, written=Place(n=min(max(index, 0), _FURTHEST), head=head))


def save_chain(connection: Connection, chain: Chain) -> None:
    connection.execute(_FORGET)
    connection.execute(_KEEP, {**_NOTED, "value": chain.model_dump_json()})


def append(connection: Connection, chain: Chain, facts: Sequence[Fact]) -> Chain:
    """The chain as it is with these: plain, as their keys are made when they are taken in. Raises NotTaken."""
    place = chain.written
    for fact in without_doubles(connection, facts):
        entry = seal(fact, index=place.n + 1, recorded_at=fact.at, previous=place.head)
        connection.execute(insert(entries), as_row(entry))
        place = Place(n=entry.index, head=entry.hash)
    chain = chain.moved(place)
    save_chain(connection, chain)
    return chain


def rows_in(connection: Connection) -> Iterator[tuple[int, bytes, str]]:
    """What lies there as entries: where it stands, its bytes, the hash it is kept under. One at a time: where the file
    is damaged, all that comes before is read.
    """
    after = -(2**63)
    while row := connection.execute(_NEXT, {"after": after}).one_or_none():
        after, body, kept_under = row
        yield after, body or b"", kept_under or ""


def waiting_in(folder: Path) -> int:
    """How many facts wait in a spool, those of earlier versions included; none where it cannot be read."""
    count = _lines_in(folder / OLD_FILE)
    for path in files_in(folder):
        if os.path.lexists(f"{path}{_JOURNAL}"):
            continue  # whatever it is: SQLite would wait for it, or do what it says
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as file:
            count += file.execute("SELECT count(*) FROM entries").fetchone()[0]
    return count


def put_aside_in(folder: Path) -> int:
    """How many were refused; none where that cannot be read."""
    return _lines_in(folder / PUT_ASIDE)


def _lines_in(path: Path) -> int:
    try:
        return sum(1 for line in path.read_bytes().splitlines() if line)
    except OSError:
        return 0


def content_at_rest(path: Path) -> bytes | None:
    """All of a small file that nobody has open; None for any other."""
    if path.with_name(f"{path.name}-wal").exists():
        return None
    with os.fdopen(open_kept(path, os.O_RDONLY), "rb") as file:
        content = file.read(SMALL + 1)
    return content if len(content) <= SMALL else None


def empty(path: Path, chain: Chain) -> None:
    """All of it was taken in. Raises SQLAlchemyError, OSError."""
    with transaction(path) as connection:
        connection.execute(delete(entries))
        save_chain(connection, chain)
    if path.stat().st_size > SMALL:
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as file:
            file.execute("VACUUM")


def remove(path: Path) -> None:
    """A file, and what SQLite has put beside it. Raises OSError."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def put_aside_as_lost(path: Path) -> None:
    """A file that cannot be read, for whoever can get something out of it. Raises OSError."""
    number = len(list(path.parent.glob(f"{LOST}*.db"))) + 1
    for end in ("-shm", "-wal", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).replace(path.with_name(f"{LOST}{number}.{path.name}{end}"))


def is_full(wrong: BaseException, folder: Path) -> bool:
    """Whether a disk, or what this user may have of it, is used up: SQLite does not always say which error it was."""
    if isinstance(wrong, OSError):
        return wrong.errno in _WITHOUT_ROOM
    if not isinstance(wrong, DBAPIError):
        return False
    code = getattr(wrong.orig, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or (
        code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN} and not _has_room(folder)
    )


def is_busy(wrong: SQLAlchemyError) -> bool:
    """Whether somebody who knows nothing of our lock has the file to himself."""
    return isinstance(wrong, DBAPIError) and getattr(wrong.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _has_room(folder: Path) -> bool:
    path = folder / "spool.room"
    try:
        handle = open_kept(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            write_at(handle, 0, bytes(_ROOM))
        finally:
            os.close(handle)
            path.unlink()
    except OSError as wrong:
        return wrong.errno not in _WITHOUT_ROOM
    return True


def why(wrong: Exception) -> str:
    """An error's own words, without SQL and what stood in it."""
    if isinstance(wrong, DBAPIError):
        return str(wrong.orig)
    if isinstance(wrong, SQLAlchemyError) and not isinstance(wrong, Spoilt):
        return type(wrong).__name__
    return (wrong.strerror if isinstance(wrong, OSError) else None) or str(wrong)


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


def gone_from(folder: Path) -> bool:
    """Whether a chain was begun here, and lies here no more."""
    lock = folder / LOCK
    return not files_in(folder) and lock.exists() and lock.stat().st_size > 0


class Lock:
    """Of a spool that this process has to itself. It names the chain, so that its file cannot be gone unnoticed."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @property
    def chain(self) -> str:
        return os.pread(self._handle, 8, 0).decode(errors="replace")

    def name(self, chain: str) -> None:
        if self.chain == chain:
            return
        try:
            os.pwrite(self._handle, chain.encode(), 0)
            os.fsync(self._handle)
        except OSError as wrong:
            log.warning("spool.chain_behind", because=why(wrong))


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[Lock | None]:
    """None where another process has it. Raises OSError."""
    handle = open_kept(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield Lock(handle)
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
