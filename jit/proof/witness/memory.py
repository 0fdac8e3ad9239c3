"""What a witness has seen: for each log its latest checkpoint, with the signatures. It never goes back."""

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jit.proof.signer.keys import make_folder, sync_folder
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
            make_folder(path.parent)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(_written({}))
                file.flush()
                os.fsync(file.fileno())
            sync_folder(path.parent)
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
        aside = self._path.with_name(f"{self._path.name}.new")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(_written(after))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        sync_folder(self._path.parent)
        self._seen = after


def _held(path: Path) -> int:
    """A lock beside the file, which is replaced. Raises CannotStart."""
    try:
        handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as wrong:
        raise CannotStart(
            f"{path} cannot be used: {wrong.strerror}. Make it first: jit witness --keygen NAME"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise CannotStart(f"Another witness works with {path}.") from None
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
