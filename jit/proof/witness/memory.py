"""What a witness has seen: for each log its latest checkpoint, with the signatures. It never goes back."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jit.proof import durable
from jit.runtime.settings import CannotStart

_LONGEST = 64 * 1024 * 1024
"""Bytes."""
FORMAT = "jit witness 1"


@dataclass(frozen=True, slots=True)
class Seen:
    """``note`` has the log's signatures and ours; ``at`` is when we signed, POSIX seconds."""

    size: int
    root: bytes
    at: int
    note: bytes


class Memory:
    """One file, replaced whole, that one process holds. Not for several threads at once.

    A file that is not there was lost, and a witness that lost it would vouch for anything: `create` makes the first.
    """

    def __init__(self, path: Path) -> None:
        """Raises CannotStart."""
        self._path = path
        self._lock = _held(path)
        try:
            self._seen = _read(path)
        except CannotStart:
            self.close()
            raise

    @staticmethod
    def create(path: Path) -> None:
        """Raises CannotStart if there is one already."""
        try:
            durable.make_folder(path.parent)
            durable.write_new(path, [_written({})])
            durable.sync_folder(path.parent)
        except FileExistsError:
            raise CannotStart(f"{path} is there already: what a witness has seen is never begun anew.") from None
        except OSError as wrong:
            raise CannotStart(f"{path} cannot be written: {wrong.strerror}.") from None

    def close(self) -> None:
        os.close(self._lock)

    def seen(self, origin: str) -> Seen | None:
        return self._seen.get(origin)

    def seen_by_hash(self, origin_hash: str) -> Seen | None:
        """Of the log whose origin has this SHA-256, in hex."""
        found = (
            one for origin, one in self._seen.items() if hashlib.sha256(origin.encode()).hexdigest() == origin_hash
        )
        return next(found, None)

    def keep(self, origin: str, seen: Seen) -> None:
        """Durable when this returns. Raises OSError; that file is given up then, and the next one written anew."""
        before = self._seen.get(origin)
        if before is not None and seen.size < before.size:
            raise AssertionError("a witness never goes back")
        after = {**self._seen, origin: seen}
        durable.replace(self._path, [_written(after)])
        self._seen = after


def _held(path: Path) -> int:
    """A lock beside the file, which is replaced. Raises CannotStart."""
    try:
        handle = durable.hold(path.with_name(f"{path.name}.lock"))
    except OSError as wrong:
        raise CannotStart(
            f"{path} cannot be used: {wrong.strerror}. Make it first: jit witness --keygen NAME"
        ) from None
    if handle is None:
        raise CannotStart(f"Another witness works with {path}.")
    return handle


def _written(seen: Mapping[str, Seen]) -> bytes:
    logs = {
        origin: {
            "size": one.size,
            "root": base64.b64encode(one.root).decode(),
            "at": one.at,
            "note": base64.b64encode(one.note).decode(),
        }
        for origin, one in seen.items()
    }
    return json.dumps({"format": FORMAT, "logs": logs}, indent=1).encode()


def _read(path: Path) -> dict[str, Seen]:
    """Raises CannotStart."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_LONGEST))
        logs = {FORMAT: data["logs"]}[data["format"]]
        return {
            str(origin): Seen(
                int(one["size"]),
                base64.b64decode(one["root"], validate=True),
                int(one["at"]),
                base64.b64decode(one["note"], validate=True),
            )
            for origin, one in logs.items()
        }
    except FileNotFoundError:
        raise CannotStart(
            f"There is no {path}. A witness that lost it must not begin anew under its old key: take it from a backup, "
            "or make a new witness: jit witness --keygen NAME"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CannotStart(f"{path} cannot be understood. Take it from a backup, or make a new witness.") from None
