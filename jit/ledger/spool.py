"""The spool: where facts about taking access away wait while the ledger cannot be reached.

A small ledger of this host: entries in a SQLite file, chained, on disk before `write` returns. Taken in by a process on
the same host; a fact that was taken in twice is dropped by its UUID. Who can write the file can tell of ends and
alerts, and of nothing that lets anybody in; that entries were taken out, changed or put in is told.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from jit.facts import Fact
from jit.ledger import spool_files as files
from jit.ledger.spool_chain import Chain
from jit.ledger.spool_full import FullDisk
from jit.ledger.spool_taking import TakenIn, Taking
from jit.ledger.store import Ledger
from jit.ledger.unavailable import NotTaken

log = structlog.get_logger(__name__)

_REST = timedelta(seconds=1)
"""After entries that were refused, or a full disk, the next taking waits this long."""


class SpoolFailed(Exception):
    """The spool could not be written: a full disk, or one that failed twice."""


class Spool:
    """Files in ``folder``, shared by all processes of this host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: Chain | None = None
        self._settled: bytes | None = None
        self._rested_from: datetime | None = None
        self._full = FullDisk(folder)

    def write(self, facts: Sequence[Fact]) -> None:
        """Keep these. Raises SpoolFailed."""
        if not all(fact.waits for fact in facts):
            raise SpoolFailed("only what tells of an end may wait")
        if not facts:
            return
        try:
            files.make_folder(self._folder)
            with files.locked(self._folder, wait=True) as lock:
                self._settled = None
                self._keep([fact.model_copy(update={"spooled": True}) for fact in facts], lock)
        except (OSError, SQLAlchemyError, NotTaken) as wrong:
            raise SpoolFailed(f"cannot write the spool: {self._why(wrong)}") from wrong
        self._full.over()
        log.warning("facts.spooled", kinds=[fact.kind for fact in facts])

    def _why(self, wrong: Exception) -> str:
        if not files.is_full(wrong, self._folder):
            return files.why(wrong)
        self._full.found()
        return f"the disk of JIT_DATA is full ({files.why(wrong)})"

    def _keep(self, facts: Sequence[Fact], lock: files.Lock | None) -> None:
        """On disk, in the next file if the disk, or somebody, has spoilt the one there is. What failed once is not
        tried again in the same file: what it holds on disk is not known. Raises OSError, SQLAlchemyError, NotTaken.
        """
        path = files.last_file(self._folder)
        chain = None
        try:
            with files.transaction(path) as connection:
                chain = files.load_chain(connection, had_one=self._had_one(lock)).known_from(self._known)
                kept = files.append(connection, chain, facts)
        except SQLAlchemyError as failed:
            if files.is_full(failed, self._folder):
                raise
            log.error("spool.suspect", file=path.name, because=files.why(failed))  # noqa: TRY400  tried once more, elsewhere
            kept = self._keep_elsewhere(files.file_after(path), chain or Chain.begin(lost=True), facts)
        self._name(kept, lock)

    def _keep_elsewhere(self, path: Path, chain: Chain, facts: Sequence[Fact]) -> Chain:
        try:
            with files.transaction(path) as connection:
                return files.append(connection, chain, facts)
        except SQLAlchemyError:
            with suppress(OSError):
                files.remove(path)
            raise

    def _had_one(self, lock: files.Lock | None) -> bool:
        return bool(self._known or (lock and lock.chain))

    def _name(self, chain: Chain, lock: files.Lock | None) -> None:
        self._known = chain
        if lock:
            lock.name(chain.spool)

    def take_in(self, ledger: Ledger, signed: Mapping[str, Any]) -> TakenIn:
        """Move what waits into the ledger, which is told up to where the chain was taken in, or how it is broken.
        Raises LedgerUnavailable, OSError.

        What `write` would not have left here, that was changed, or that the ledger refuses is put aside in
        `spool.unreadable`, never dropped. If another process is at it nothing is done. On a full disk all stays where
        it is, and nobody is accused of what could not be saved.

        Args:
            ledger: where to.
            signed: what facts of this process begin with.
        """
        if self._rests(signed["at"]):
            return TakenIn()
        try:
            taken = self._take_in_alone(ledger, signed)
        except (OSError, SQLAlchemyError) as wrong:
            if not files.is_full(wrong, self._folder):
                raise wrong if isinstance(wrong, OSError) else OSError(files.why(wrong)) from wrong
            self._full.found()
            taken = TakenIn()
        if taken.refused or self._full.untold:
            self._rested_from = signed["at"]
        self._full.tell(ledger, signed)
        return taken

    def _rests(self, now: datetime) -> bool:
        """A clock that was set back lets nothing wait."""
        return self._rested_from is not None and timedelta(0) <= now - self._rested_from < _REST

    def _is_settled(self) -> bool:
        """Nothing waits, and what the chain says was held against the ledger already. Under the lock alone: who opens
        a SQLite file and closes it takes the locks away that another thread has on it.
        """
        there = [*files.files_in(self._folder), *files.old_files(self._folder)]
        return self._settled is not None and len(there) == 1 and files.content_at_rest(there[0]) == self._settled

    def _take_in_alone(self, ledger: Ledger, signed: Mapping[str, Any]) -> TakenIn:
        if not self._folder.is_dir() and not self._known:
            return TakenIn()
        files.make_folder(self._folder)
        with files.locked(self._folder, wait=False) as lock:
            if lock is None or self._is_settled():
                return TakenIn()
            had_one = self._had_one(lock)
            if not (had_one or files.files_in(self._folder) or files.old_files(self._folder)):
                return TakenIn()
            taken, chain, file = Taking(self._folder, ledger, signed).run(had_one=had_one, known=self._known)
            self._name(chain, lock)
            self._settled = files.content_at_rest(file)
        self._full.over()
        return taken
