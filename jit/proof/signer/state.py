"""What the signer remembers for itself, beside its key and apart from the database: what it signed last."""

import base64
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from jit.proof import durable
from jit.proof.signer.keys import MEMORY
from jit.proof.verifier import Checkpoint, VerifierKey, parse_checkpoint, parse_note, signed
from jit.runtime.settings import CannotStart

LOCK = "lock"
FORMAT = "jit signer 1"
_LONGEST = 256 * 1024
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint this signer signed. ``number`` is its place in the table; ``at`` POSIX seconds."""

    key: str
    number: int
    at: int
    note: bytes

    @property
    def checkpoint(self) -> Checkpoint:
        """Raises NoteError."""
        return parse_checkpoint(parse_note(self.note).text)


@dataclass(frozen=True, slots=True)
class Memory:
    """``told`` are the troubles that an alert tells of, so that it is said once, restarts included."""

    last: Signed | None = None
    """The last that the database took."""
    pending: Signed | None = None
    """Signed after it, and perhaps in the database: a signature is remembered before it is given away."""
    told: frozenset[str] = field(default_factory=frozenset)


class Store:
    """One file in ``folder``, replaced whole, and only by the one who holds the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / MEMORY
        self._lock = _locked(folder)
        try:
            self.memory = read_memory(self._path)
            """As it is kept."""
        except CannotStart:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._lock)

    def save(self, memory: Memory) -> None:
        """Durable when this returns. Raises OSError."""
        durable.replace(self._path, [_written(memory)])
        self.memory = memory

    def tell(self, told: frozenset[str]) -> None:
        """Raises OSError."""
        if told != self.memory.told:
            self.save(replace(self.memory, told=told))


def _locked(folder: Path) -> int:
    """Raises CannotStart."""
    try:
        durable.make_folder(folder)
        handle = durable.hold(folder / LOCK)
    except OSError as wrong:
        raise CannotStart(f"{folder} cannot be used: {wrong.strerror}. There stands what was signed last.") from None
    if handle is None:
        raise CannotStart(f"Another signer works in {folder}. One is enough; a second has its own JIT_DATA.")
    return handle


def _written(memory: Memory) -> bytes:
    kept = {"last": _as_json(memory.last), "pending": _as_json(memory.pending), "told": sorted(memory.told)}
    return json.dumps({"format": FORMAT, **kept}).encode()


def _as_json(signed: Signed | None) -> dict[str, Any] | None:
    return None if signed is None else asdict(signed) | {"note": base64.b64encode(signed.note).decode()}


def read_memory(path: Path) -> Memory:
    """Raises CannotStart: a file that cannot be understood is no reason to begin anew."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_LONGEST))
        told = {FORMAT: data["told"]}[data["format"]]
        return Memory(_signed(data["last"]), _signed(data["pending"]), frozenset(str(each) for each in told))
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise _unreadable(path) from None


def _signed(data: Any) -> Signed | None:
    """Raises ValueError, KeyError, TypeError; a note that is not signed with its key is refused as well."""
    if data is None:
        return None
    note = base64.b64decode(data["note"], validate=True)
    if not signed(parse_note(note), VerifierKey.parse(data["key"])):
        raise ValueError("not signed with its key")
    return Signed(key=str(data["key"]), number=int(data["number"]), at=int(data["at"]), note=note)


def _unreadable(path: Path) -> CannotStart:
    return CannotStart(
        f"{path} cannot be understood: it says what was signed last, and nothing is signed without it. "
        "Take it from a backup; or move it away, and the signer goes on from its newest checkpoint in the database."
    )
