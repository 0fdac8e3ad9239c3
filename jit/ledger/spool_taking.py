"""One taking-in of a spool: its facts into the ledger, and what is wrong with it told there."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import structlog
from sqlalchemy.exc import SQLAlchemyError

from jit.facts import Alert, AlertName, Fact, SpoolTaken, read_fact
from jit.ledger import spool_files as files
from jit.ledger.append import Conflict
from jit.ledger.entry import TamperedEntry
from jit.ledger.opened import opened
from jit.ledger.spool_chain import Chain, Walk
from jit.ledger.store import Ledger
from jit.ledger.taken import last_taken
from jit.ledger.unavailable import NotTaken

log = structlog.get_logger(__name__)

SAME = UUID("a0c8f0a5-2b0e-4d4e-9e0d-5b7f0b6c3d11")
"""The id of the alert that a chain is broken is made under this: told again after a kill, it is the same fact."""
_HELD_BYTES = 8 << 20
"""As much of what is refused is held before it is put aside."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """How many facts were recorded, or were so before, and how many entries were refused.

    ``broken`` says what is wrong with the spool's chain, as the alert about it does.
    """

    recorded: int = 0
    refused: int = 0
    broken: tuple[str, ...] = field(default=(), compare=False)


class Taking:
    """By a process that has the spool to itself. Raises LedgerUnavailable, OSError, SQLAlchemyError."""

    def __init__(self, folder: Path, ledger: Ledger, signed: Mapping[str, Any]) -> None:
        self._folder = folder
        self._ledger = ledger
        self._signed = signed
        self._aside = _Aside(folder)
        self._unreadable: list[Path] = []
        self._recorded = self._refused = 0

    def run(self, *, had_one: bool, known: Chain | None) -> tuple[TakenIn, Chain, Path]:
        """What was taken, the chain as it is noted now, and the file that is written next.

        Args:
            had_one: there was a chain before.
            known: the chain as this process last left it.
        """
        # 1. The chain as it is noted. A new one is saved first: the loss of an earlier one is told under its name.
        chain, file = self._load(had_one=had_one, known=known)
        # 2. What the ledger knows of this spool, and the spool of the ledger.
        walk = self._held_against_ledger(chain)
        # 3. Each fact, of whatever chain: what is recorded already falls out.
        self._take_old_lines(walk)
        for path in files.files_in(self._folder):
            self._take_file(path, walk, suspect=path != file)
        # 4. Whether all is there.
        walk.end()
        for path in self._unreadable:
            walk.faults.append(f"{path.name} cannot be read from the disk")
        broken = walk.broken
        # 5. What was refused is on disk before anything is removed.
        self._aside.flush()
        # 6. The ledger is told, and only then the files are emptied, the written one last.
        self._tell(chain, walk)
        after = chain.taken_up_to(walk.at) if not broken else Chain.begin(chain.successor)
        if after != chain or self._has_taken_any():
            file = self._clear(file, after)
        return TakenIn(self._recorded, self._refused, broken), after, file

    def _load(self, *, had_one: bool, known: Chain | None) -> tuple[Chain, Path]:
        file = files.last_file(self._folder)
        try:
            with files.transaction(file) as connection:
                chain = files.load_chain(connection, had_one=had_one).known_from(known)
                files.save_chain(connection, chain)
        except SQLAlchemyError as failed:
            self._cannot_read(file, failed)
            chain, file = Chain.begin(lost=True), files.file_after(file)
            with files.transaction(file) as connection:
                files.save_chain(connection, chain)
        return chain, file

    def _cannot_read(self, path: Path, failed: SQLAlchemyError) -> None:
        """Raises what may be over later."""
        if files.is_full(failed, self._folder) or files.is_busy(failed):
            raise failed
        if path not in self._unreadable:
            log.error("spool.unreadable", file=path.name, because=files.why(failed))
            self._unreadable.append(path)

    def _held_against_ledger(self, chain: Chain) -> Walk:
        last = last_taken(self._ledger.engine, chain.spool)
        walk = Walk(None if chain.lost else last or chain.taken, chain.written)
        if chain.lost:
            walk.faults.append("what was noted of its chain is gone")
        if chain.taken.n > (last.n if last else 0):
            walk.faults.append(f"the record does not hold any more that it was taken in up to entry {chain.taken.n}")
        return walk

    def _take_old_lines(self, walk: Walk) -> None:
        """Anybody can put them there at any time: it is told, and their own chain is not looked at."""
        count = 0
        for path in files.old_files(self._folder):
            for line, fact in files.old_facts(path) if path.name != files.OLD_CHAIN else ():
                self._judge(_fact_in(fact), line)
                count += 1
        if count:
            walk.faults.append(f"{count} lines lay in {files.OLD_FILE}, as versions before left them")

    def _take_file(self, path: Path, walk: Walk, *, suspect: bool) -> None:
        try:
            with files.transaction(path) as connection:
                for row in files.rows_in(connection):
                    self._take_row(row, walk, suspect=suspect)
        except SQLAlchemyError as failed:
            self._cannot_read(path, failed)

    def _take_row(self, row: tuple[int, bytes, str], walk: Walk, *, suspect: bool) -> None:
        index, body, kept_under = row
        try:
            entry = opened(index, body, kept_under, {})
        except TamperedEntry:
            self._judge(None, body)
            return
        if walk.follow(entry, suspect=suspect):
            self._judge(entry.fact, body)
        else:
            self._aside.put(body)

    def _judge(self, fact: Fact | None, whole: bytes) -> None:
        if fact is not None and self._is_recorded(fact):
            self._recorded += 1
        else:
            self._refused += 1
            self._aside.put(whole)

    def _is_recorded(self, fact: Fact) -> bool:
        """Whether the ledger holds this now; False if it may not wait here, or is about a request that is not there."""
        if not fact.spooled or not fact.waits:
            return False
        try:
            self._ledger.append([fact])
        except (Conflict, TamperedEntry, NotTaken):
            return False
        return True

    def _tell(self, chain: Chain, walk: Walk) -> None:
        host, signed = socket.gethostname(), self._signed
        if broken := walk.broken:
            says = (
                f"Facts that waited in the spool {host}/{chain.spool} were tampered with or got lost: "
                f"{'; '.join(broken)}. What could be read was taken in, what was changed lies in {files.PUT_ASIDE} "
                f"beside it. Its next entries are of a new chain, {host}/{chain.successor}."
            )
            same = uuid5(SAME, chain.successor)
            self._ledger.append([Alert(id=same, name=AlertName.SPOOL_BROKEN, says=says, **signed)])
        elif walk.base and walk.at.n > walk.base.n:
            named, first, last = f"{host}/{chain.spool}", walk.base.n + 1, walk.at
            self._ledger.append([SpoolTaken(host=named, first=first, last=last.n, head=last.head, **signed)])

    def _has_taken_any(self) -> bool:
        there = [*files.files_in(self._folder), *files.old_files(self._folder)]
        return bool(self._recorded or self._refused or len(there) > 1)

    def _clear(self, file: Path, after: Chain) -> Path:
        """What can be read was recorded; what cannot is left for whoever can get something out of it. Returns the file
        that is written next.
        """
        for path in [*files.old_files(self._folder), *files.files_in(self._folder)]:
            if path != file and path not in self._unreadable:
                files.remove(path)
        if file not in self._unreadable:
            try:
                files.empty(file, after)
            except SQLAlchemyError as failed:
                self._cannot_read(file, failed)
        for path in self._unreadable:
            files.put_aside_as_lost(path)
        if file in self._unreadable:
            file = files.file_after(file)
            files.empty(file, after)
        files.sync_folder(self._folder)
        return file


def _fact_in(fact_json: bytes) -> Fact | None:
    try:
        return read_fact(fact_json)
    except ValueError:
        return None


class _Aside:
    """Bytes for `spool.unreadable`, a line for each that was refused. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / files.PUT_ASIDE
        self._lines: list[bytes] = []
        self._bytes = 0

    def put(self, line: bytes) -> None:
        self._lines.append(line + b"\n")
        self._bytes += len(line)
        if self._bytes > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self._lines:
            return
        handle = files.open_kept(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            files.write_at(handle, os.fstat(handle).st_size, b"".join(self._lines))
            os.fsync(handle)
        finally:
            os.close(handle)
        files.sync_folder(self._path.parent)
        self._lines, self._bytes = [], 0
