"""A record as C2SP tlog-tiles: files that any web server can serve and any client of tiled logs can follow.

Full tiles never change. What is there is compared, never written again; the checkpoint comes last, when all it needs
is there.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from secrets import token_hex

from jit.proof.durable import sync_folder
from jit.proof.tlog.tree import HASH_SIZE, HashTree
from jit.proof.verifier import NOTE_BYTES, Checkpoint, NoteError, leaf_hash, parse_checkpoint, parse_note

WIDTH = 256
"""Hashes or entries of a full tile."""
LONGEST_ENTRY = 65535
"""Bytes: a bundle has two of them for an entry's length."""


class TilesError(Exception):
    """The tiles cannot be written, or those that are there are not those of this record; the message says why."""


@dataclass(frozen=True, slots=True)
class Written:
    checkpoint: Checkpoint
    files: int
    """New ones, the checkpoint among them."""


def tile_path(level: int | None, place: int, width: int = WIDTH) -> str:
    """Where a tile lies: `tile/0/x001/234/067.p/8`. ``level`` is None for entries; ``width`` is below 256 in a partial
    tile.
    """
    number = f"{place % 1000:03d}"
    while place := place // 1000:
        number = f"x{place % 1000:03d}/{number}"
    kind = "entries" if level is None else str(level)
    return f"tile/{kind}/{number}" + (f".p/{width}" if width < WIDTH else "")


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, place and width of every hash tile in a tree of ``size``, level 0 first: these are the bundles' too."""
    level, hashes = 0, size
    while hashes:
        yield from ((level, place, WIDTH) for place in range(hashes // WIDTH))
        if hashes % WIDTH:
            yield level, hashes // WIDTH, hashes % WIDTH
        level, hashes = level + 1, hashes // WIDTH


def hash_tile(tree: HashTree, level: int, place: int, width: int) -> bytes:
    return b"".join(tree.perfect(8 * level, place * WIDTH + offset) for offset in range(width))


def bundle(entries: Iterable[bytes], first: int = 1) -> bytes:
    """Entries with their lengths before them. ``first`` is the index of the first, for what the error says."""
    parts = []
    for index, entry in enumerate(entries, first):
        if len(entry) > LONGEST_ENTRY:
            raise TilesError(
                f"entry {index} has {len(entry)} bytes and a tile holds entries of up to {LONGEST_ENTRY}: "
                "this record cannot be given out as tiles; `jit audit export` gives it out as lines"
            )
        parts.append(len(entry).to_bytes(2, "big") + entry)
    return b"".join(parts)


def unbundle(data: bytes) -> list[bytes]:
    """Raises TilesError."""
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise TilesError("a bundle of entries that ends in the middle of one")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def write_tiles(folder: Path, note: bytes, entries: Callable[[], AbstractContextManager[Iterator[bytes]]]) -> Written:
    """Bring the folder up to the checkpoint ``note``. ``entries`` opens the record at its first entry, each time anew.

    Raises:
        TilesError: the checkpoint is not that of these entries, an entry is too long, or the folder has something else.
        OSError: the folder cannot be written.
    """
    checkpoint = _checkpoint(note)
    _require_older(folder, checkpoint)
    tree = HashTree()
    with entries() as record:
        for index, entry in enumerate(islice(record, checkpoint.size), 1):
            bundle([entry], index)
            tree.push(leaf_hash(entry))
    if tree.size != checkpoint.size or tree.root() != checkpoint.root:
        raise TilesError(
            f"the newest checkpoint was signed over {checkpoint.size} other entries than those here; "
            "`jit audit verify` says more"
        )
    with entries() as record:
        files = sum(_write(folder, name, data) for name, data in _contents(tree, record))
    files += _replace(folder / "checkpoint", note)
    for level, place, width in tiles_of(checkpoint.size):
        if width == WIDTH:
            _drop_partial(folder, level, place)
    return Written(checkpoint, files)


def read_tiles(folder: Path) -> Checkpoint:
    """Check every tile and every entry that the checkpoint in this folder needs; its signatures are not looked at.

    Raises TilesError.
    """
    checkpoint = _checkpoint(_read(folder / "checkpoint", NOTE_BYTES))
    tree = HashTree()
    for level, place, width in tiles_of(checkpoint.size):
        if level == 0:
            data = _read(folder / tile_path(None, place, width), WIDTH * (LONGEST_ENTRY + 2))
            entries = unbundle(data)
            if len(entries) != width:
                raise TilesError(f"{tile_path(None, place, width)} has {len(entries)} entries")
            for entry in entries:
                tree.push(leaf_hash(entry))
        if _read(folder / tile_path(level, place, width), WIDTH * HASH_SIZE) != hash_tile(tree, level, place, width):
            raise TilesError(f"{tile_path(level, place, width)} is not what the entries make it")
    if tree.root() != checkpoint.root:
        raise TilesError(f"the checkpoint was signed over {checkpoint.size} other entries than those here")
    return checkpoint


def _contents(tree: HashTree, record: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Every file but the checkpoint, what others rest on first."""
    for level, place, width in tiles_of(tree.size):
        if level == 0:
            first = place * WIDTH
            some = list(islice(record, width))
            if [leaf_hash(entry) for entry in some] != [tree.perfect(0, first + offset) for offset in range(width)]:
                raise TilesError("the record changed while it was read; try again")
            yield tile_path(None, place, width), bundle(some, first + 1)
        yield tile_path(level, place, width), hash_tile(tree, level, place, width)


def _checkpoint(note: bytes) -> Checkpoint:
    try:
        return parse_checkpoint(parse_note(note).text)
    except NoteError as wrong:
        raise TilesError(f"not a signed checkpoint: {wrong}") from None


def _require_older(folder: Path, checkpoint: Checkpoint) -> None:
    path = folder / "checkpoint"
    if not path.exists():
        return
    there = _checkpoint(_read(path, NOTE_BYTES))
    if there.origin != checkpoint.origin:
        raise TilesError(f"{folder} holds the tiles of another log, {there.origin[:200]!a}: take another folder")
    if there.size > checkpoint.size:
        raise TilesError(
            f"{folder} holds a checkpoint over {there.size} entries and the newest one of the ledger covers "
            f"{checkpoint.size}: the record was cut, or this is another ledger"
        )


def _write(folder: Path, name: str, data: bytes) -> bool:
    """Whether it was not there. What is there must be the same."""
    path = folder / name
    if not path.exists():
        return _replace(path, data)
    if _read(path, len(data)) != data:
        raise TilesError(
            f"{path} is there, and is not what this record makes it: take another folder, and keep this one"
        )
    return False


def _replace(path: Path, data: bytes) -> bool:
    """All of it or nothing, also if the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def _drop_partial(folder: Path, level: int, place: int) -> None:
    """Of a tile that is full now. Clients look for the full one where a partial one is gone."""
    for kind in (level, None) if level == 0 else (level,):
        partial = folder / f"{tile_path(kind, place)}.p"
        if partial.is_dir():
            for width in range(1, WIDTH):
                (partial / str(width)).unlink(missing_ok=True)
            if not any(partial.iterdir()):
                partial.rmdir()


def _read(path: Path, most: int) -> bytes:
    """Raises TilesError."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as wrong:
        raise TilesError(f"{path}: {wrong.strerror}") from None
