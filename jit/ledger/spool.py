"""The spool: where facts about taking access away wait while the ledger cannot be reached.

A line for each fact, in a chain of its own (`spool_chain`), fsynced before `write` returns. Taken in by a process on
the same host; a fact that was taken in twice is dropped by its UUID. Who can write the file can tell of ends and
alerts, and of nothing that lets anybody in; that lines were taken out, changed or put in is told.
"""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from jit.facts import Alert, AlertName, Fact, SpoolTaken, read_fact, write_fact
from jit.ledger import taken as record
from jit.ledger.entry import BrokenChain
from jit.ledger.spool_chain import Place, Walk, lines_after, reached, read_line
from jit.ledger.spool_files import (
    LOST,
    Chain,
    is_full,
    last_piece,
    load_chain,
    locked,
    make_folder,
    open_kept,
    pieces_of,
    prepare_chain,
    put_aside_as_suspect,
    put_chain,
    save_chain,
    suspects,
    sync_folder,
    write_at,
)
from jit.ledger.spool_full import FullDisk
from jit.ledger.store import Conflict, Ledger
from jit.ledger.unavailable import NotTaken

log = structlog.get_logger(__name__)

FILE = "spool.jsonl"
PUT_ASIDE = "spool.unreadable"
_HELD_BYTES = 8 << 20
"""As much of what is refused is held before it is put aside."""
_REST = timedelta(seconds=1)
"""After lines that were refused, or a full disk, the next taking waits this long."""


class SpoolFailed(Exception):
    """The spool could not be written in full: a full disk, or a failed fsync, which is never tried again."""


class _NotOnDisk(Exception):
    """An fsync failed: what the file holds on disk is not known."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """How many facts were recorded, or were so before, and how many lines were refused.

    ``broken`` says what is wrong with the spool's chain. Where facts could be recorded of the taking itself, it is
    told there.
    """

    recorded: int = 0
    refused: int = 0
    broken: tuple[str, ...] = field(default=(), compare=False)


class Spool:
    """Files in ``folder``, shared by all processes of this host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE
        self._settled: Chain | None = None
        self._unsaved_says: tuple[str, ...] = ()
        self._rested_from: datetime | None = None
        self._full = FullDisk(folder)

    def write(self, facts: Sequence[Fact]) -> None:
        """Keep these. Raises SpoolFailed."""
        if not all(fact.waits for fact in facts):
            raise SpoolFailed("only what tells of an end may wait")
        if not facts:
            return
        bodies = [write_fact(fact.model_copy(update={"spooled": True})) for fact in facts]
        try:
            make_folder(self._folder)
            with locked(self._folder, wait=True):
                chain = load_chain(self._folder) or self._begun_on_disk()
                lines, place = lines_after(self._reached(chain), bodies)
                self._keep(lines, place)
                self._note(chain.moved(place))
        except (OSError, _NotOnDisk) as wrong:
            if is_full(wrong):
                self._full.found()
            raise SpoolFailed(f"cannot write the spool: {_why(wrong)}") from wrong
        self._full.over()
        log.warning("facts.spooled", kinds=[fact.kind for fact in facts])

    def _begun_on_disk(self) -> Chain:
        """Before the first line: a line without it looks as if it had been taken away. Raises OSError."""
        chain = self._begun()
        try:
            self._save(chain)
        except OSError:
            if chain.begun != "beside a chain":
                raise
        return chain

    def _begun(self) -> Chain:
        """A chain of its own. Raises OSError."""
        files = [*suspects(self._folder), *([self._path] if self._path.exists() else [])]
        lines = (line for path in files for piece in pieces_of(path) if (line := read_line(piece)))
        first = next(lines, None)
        chain = Chain.begin("beside a file") if files else Chain.begin()
        if first is not None:
            chain = Chain.begin("beside a chain", Place(first.n - 1, first.previous))
        return chain

    def _reached(self, chain: Chain) -> Place:
        """Where the next line goes: also behind lines of a writer that was killed before it could note them."""
        aside = suspects(self._folder)
        if not aside:
            last = last_piece(self._path)
            line = None if last is None else read_line(last)
            if last is None or (line and line.place == chain.written):
                return chain.written
        return reached(chain.written, (piece for path in [*aside, self._path] for piece in pieces_of(path)))

    def _keep(self, lines: bytes, place: Place) -> None:
        """On disk, in a new file if the disk fails the one there is. Raises OSError, _NotOnDisk."""
        try:
            self._append(lines)
        except _NotOnDisk as failed:
            log.error("spool.suspect", because=_why(failed))  # noqa: TRY400  tried once more, elsewhere
            put_aside_as_suspect(self._path, place)
            try:
                self._append(lines)
            except _NotOnDisk:
                with suppress(OSError):
                    put_aside_as_suspect(self._path, place)
                raise

    def _append(self, lines: bytes) -> None:
        handle = open_kept(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            end = os.fstat(handle).st_size
            if end and os.pread(handle, 1, end - 1) != b"\n":
                lines = b"\n" + lines  # a line cut off by a crash stays alone on its line
            write_at(handle, end, lines)
            try:
                os.fsync(handle)
            except OSError as wrong:
                raise _NotOnDisk(_why(wrong)) from wrong
        finally:
            os.close(handle)
        if end == 0:
            sync_folder(self._folder)

    def _note(self, chain: Chain) -> None:
        """What cannot be noted is seen from the lines themselves."""
        try:
            self._save(chain)
        except OSError as full:
            log.warning("spool.chain_behind", because=_why(full))

    def _save(self, chain: Chain) -> None:
        """Raises OSError where the disk is full."""
        self._done(save_chain, chain)

    def _done(self, step: Callable[..., None], *what: Chain) -> bool:
        """Whether what is noted of the chain is on disk now. Raises OSError where the disk is full."""
        try:
            step(self._folder, *what)
        except OSError as wrong:
            if is_full(wrong):
                raise
            log.warning("spool.chain_behind", because=_why(wrong))
            return False
        return True

    def take_in(self, ledger: Ledger, signed: Mapping[str, Any] | None = None) -> TakenIn:
        """Move what waits into the ledger. Raises LedgerUnavailable, OSError.

        A line that `write` would not have left here, that was changed, or that the ledger refuses is put aside in
        `spool.unreadable`, never dropped. If another process is at it nothing is done. On a full disk all stays where
        it is, and nobody is accused of what could not be saved.

        Args:
            ledger: where to.
            signed: what facts of this process begin with. With it the ledger is told up to where the chain was taken
                in, or how it is broken; without it only the result says so.
        """
        if self._rests(signed):
            return TakenIn()
        try:
            taken = TakenIn() if self._is_settled() else self._take_in_alone(ledger, signed)
        except OSError as wrong:
            if not is_full(wrong):
                raise
            self._full.found()
            taken = TakenIn()
        if signed is not None:
            if taken.refused or self._full.untold:
                self._rested_from = signed["at"]
            self._full.tell(ledger, signed)
        return taken

    def _rests(self, signed: Mapping[str, Any] | None) -> bool:
        """A clock that was set back lets nothing wait."""
        if signed is None or self._rested_from is None:
            return False
        now: datetime = signed["at"]
        return timedelta(0) <= now - self._rested_from < _REST

    def _take_in_alone(self, ledger: Ledger, signed: Mapping[str, Any] | None) -> TakenIn:
        make_folder(self._folder)
        with locked(self._folder, wait=False) as ours:
            return self._take_in(ledger, signed) if ours else TakenIn()

    def _is_settled(self) -> bool:
        """Nothing waits, and what the chain says was held against the ledger already."""
        if not self._folder.is_dir():
            return self._settled is None
        if suspects(self._folder) or last_piece(self._path) is not None:
            return False
        chain = load_chain(self._folder)
        return chain == self._settled and (chain is not None or not self._path.exists())

    def _take_in(self, ledger: Ledger, signed: Mapping[str, Any] | None) -> TakenIn:
        noted = load_chain(self._folder)
        chain = noted or self._begun()
        if noted is None and self._settled is not None:
            chain = chain.model_copy(update={"begun": "beside a chain"})
        last = record.last_taken(ledger.engine, chain.spool)
        walk = Walk(last or chain.taken, chain.written)
        if signed is not None:
            _hold_against(ledger, walk, chain, last)
        if chain.begun == "beside a chain":
            walk.faults.add("what was noted of its chain is gone")
        aside = _Aside(self._folder)
        unreadable: list[Path] = []
        recorded, refused = _record_all(walk, self._pieces(unreadable), ledger, aside)
        walk.end()
        for path in unreadable:
            walk.faults.add(f"{path.name} cannot be read from the disk")
        if walk.at.n > chain.n:
            save_chain(self._folder, chain.moved(walk.at))  # before the ledger knows: it never is ahead of this
        elif noted is None:
            self._save(chain)
        broken = walk.faults.said()
        told = last is not None if walk.at == walk.base else signed is not None
        after = Chain.begin() if broken else chain.taken_to(walk.at, told=told)
        prepared = after == chain or self._done(prepare_chain, after)  # first: or it would be told again each time
        aside.flush()
        if signed is not None and not (broken and broken == self._unsaved_says):
            _tell(ledger, signed, walk, was=chain, becomes=after)
        self._empty(unreadable)
        if after == chain or (prepared and self._done(put_chain)):
            self._settled, self._unsaved_says = after, ()
            self._full.over()
        else:
            self._unsaved_says = broken
        return TakenIn(recorded, refused, broken)

    def _pieces(self, unreadable: list[Path]) -> Iterator[tuple[bytes, bool]]:
        for path in [*suspects(self._folder), self._path]:
            try:
                for piece in pieces_of(path):
                    yield piece, path != self._path
            except OSError as wrong:
                log.error("spool.unreadable", file=path.name, because=_why(wrong))  # noqa: TRY400  told as an alert
                unreadable.append(path)

    def _empty(self, unreadable: Sequence[Path]) -> None:
        """What can be read was recorded; what cannot is left for whoever can get something out of it."""
        for path in unreadable:
            path.replace(path.with_name(f"{LOST}{path.name}"))
        if self._path.exists():
            handle = open_kept(self._path, os.O_RDWR)
            try:
                os.ftruncate(handle, 0)
                os.fsync(handle)
            finally:
                os.close(handle)
        for path in suspects(self._folder):
            path.unlink()
        sync_folder(self._folder)


class _Aside:
    """Lines for `spool.unreadable`. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PUT_ASIDE
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
        handle = open_kept(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            write_at(handle, os.fstat(handle).st_size, b"".join(self._lines))
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(self._path.parent)
        self._lines, self._bytes = [], 0


def _record_all(walk: Walk, pieces: Iterable[tuple[bytes, bool]], ledger: Ledger, aside: _Aside) -> tuple[int, int]:
    """How many facts the ledger holds now, and how many lines are none for it. Raises LedgerUnavailable, OSError."""
    recorded = refused = 0
    for judged in walk.judge(pieces):
        if not judged.changed and _recorded(judged.fact, ledger):
            recorded += 1
            if not judged.placed and walk.at.n > 0:
                walk.faults.add("a fact lay there that has no place in its chain")
            continue
        refused += not judged.changed
        aside.put(judged.whole)
    return recorded, refused


def _hold_against(ledger: Ledger, walk: Walk, chain: Chain, last: Place | None) -> None:
    """What the ledger knows of this spool, and the spool of the ledger."""
    if chain.begun == "beside a file" and record.knows_host(ledger.engine, socket.gethostname()):
        walk.faults.add("what was noted of its chain is gone, and this host had one")
    if chain.told and (last is None or last.n < chain.taken_n):
        walk.faults.add(f"the record does not hold any more that it was taken in up to line {chain.taken_n}")


def _tell(ledger: Ledger, signed: Mapping[str, Any], walk: Walk, *, was: Chain, becomes: Chain) -> None:
    host = socket.gethostname()
    if broken := walk.faults.said():
        says = (
            f"Facts that waited in the spool {host}/{was.spool} were tampered with or got lost: {'; '.join(broken)}. "
            f"What could be read was taken in, what was changed lies in {PUT_ASIDE} beside it. Its next lines are of a "
            f"new chain, {host}/{becomes.spool}."
        )
        ledger.append([Alert(name=AlertName.SPOOL_BROKEN, says=says, **signed)])
    elif walk.at.n > walk.base.n:
        place, first = walk.at, walk.base.n + 1
        ledger.append([SpoolTaken(host=f"{host}/{was.spool}", first=first, last=place.n, head=place.head, **signed)])


def _recorded(fact_json: bytes, ledger: Ledger) -> bool:
    """Whether the ledger holds this now; False if it may not wait here, or is about a request that is not there."""
    try:
        fact = read_fact(fact_json)
        if not fact.spooled or not fact.waits:
            return False
        ledger.append([fact])
    except (ValueError, Conflict, BrokenChain, NotTaken):
        return False
    return True


def _why(wrong: Exception) -> str:
    why = (wrong.strerror if isinstance(wrong, OSError) else None) or str(wrong)
    return f"the disk of JIT_DATA is full ({why})" if is_full(wrong) else why


def lines_in(path: Path) -> int:
    """How many facts wait in a spool's file, or lie in the one put aside; none where it cannot be read."""
    try:
        return sum(1 for line in path.read_bytes().splitlines() if line)
    except OSError:
        return 0
