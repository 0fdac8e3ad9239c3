"""A file cut into lines, each with its place, whatever is in it, in memory that no line can make grow."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 256 * 1024
"""Bytes of a line that are kept; more of it is read over."""
AT_ONCE = 1024 * 1024
"""Bytes that are read at once."""
BEGINNING = 4096
"""Bytes at most of a file's first line, by which it is known again when it was renamed or copied."""


@dataclass(frozen=True, slots=True)
class Line:
    """``data`` is without its newline; ``whole`` says whether all of it is there."""

    data: bytes
    begins: int
    ends: int
    whole: bool = True


def lines(file: BinaryIO, at: int, *, last: bool = False, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """The lines from the byte ``at`` on, as far as they are ended.

    ``last`` takes what stands behind the last newline for one as well: where nothing more comes.
    """
    file.seek(at)
    kept, size = bytearray(), 0
    while chunk := file.read(AT_ONCE):
        begins = 0
        while begins < len(chunk):
            found = chunk.find(b"\n", begins)
            ends = len(chunk) if found < 0 else found + 1
            kept += chunk[begins : min(ends, begins + max(0, longest - len(kept)))]
            size += ends - begins
            begins = ends
            if found >= 0:
                yield _line(kept, at, size, longest)
                at += size
                kept, size = bytearray(), 0
    if last and size:
        yield _line(kept, at, size, longest)


def _line(kept: bytearray, begins: int, size: int, longest: int) -> Line:
    return Line(bytes(kept).rstrip(b"\r\n"), begins, begins + size, whole=size <= longest)


def fingerprint(file: BinaryIO) -> str:
    """What a file is known by: SHA-256 over its first line, or its first bytes; empty while there is no whole line."""
    file.seek(0)
    beginning = file.read(BEGINNING)
    ends = beginning.find(b"\n")
    if ends < 0 and len(beginning) < BEGINNING:
        return ""
    return hashlib.sha256(beginning[: ends + 1] if ends >= 0 else beginning).hexdigest()


def digest(file: BinaryIO, begins: int, ends: int) -> str:
    """SHA-256 over these bytes."""
    found = hashlib.sha256()
    file.seek(begins)
    left = ends - begins
    while left > 0 and (chunk := file.read(min(AT_ONCE, left))):
        found.update(chunk)
        left -= len(chunk)
    return found.hexdigest()
