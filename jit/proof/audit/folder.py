"""The record copied into a folder, which `jit audit verify` judges with nothing of ours running: entries as their exact
bytes, signed checkpoints, the keys that came with them, and the rules that facts name. Copied again, it goes on.

Nothing that a copy holds is ever taken out of it: what the database no longer has, the copy may prove.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select

from jit.ledger import Ledger
from jit.ledger.database import reading
from jit.ledger.schema import cosignatures, policy_texts
from jit.proof import durable
from jit.proof.audit.checkpoints import Checkpoints, SignedCheckpoint, is_signature_line
from jit.proof.audit.export import BODIES, Note, bodies, goes_on_after
from jit.proof.audit.growing import GrowingFile, cannot_write
from jit.proof.audit.policy_texts import NotThisVersion, PolicyTexts, files_of
from jit.proof.audit.reading import Part
from jit.proof.verifier import NoteError, VerifierKey
from jit.runtime.settings import CannotStart

ENTRIES, CHECKPOINTS, KEYS, POLICIES = "entries.jsonl", "checkpoints.jsonl", "keys.txt", "policies.jsonl"
OLD_CHECKPOINTS = "heads.jsonl"
"""The file's name in copies that earlier versions made."""
CHECKPOINT_WITHIN = 3.0
"""Seconds in which a signer that is at work signs what is new."""
LOOK_EVERY = 0.2
SIGNED_WITHIN = 900.0
"""Seconds. Where the newest checkpoint is older, nobody signs."""
_KEY_CHANGED = b'"kind":"key.changed"'
_VERSION = re.compile(rb'\{"version": "([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Copied:
    """``first`` to ``last`` are new in the copy; none if ``first`` is the greater."""

    first: int
    last: int
    checkpoints: int


class RecordCopy:
    """One folder, open for one process at a time. Every method raises CannotStart, with a sentence, and
    LedgerUnavailable.
    """

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self._ledger = ledger
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as wrong:
            raise cannot_write(folder, wrong) from None
        with ExitStack() as closing:
            self._entries = closing.enter_context(GrowingFile(folder / ENTRIES, BODIES.begins))
            self.after = goes_on_after(ledger, self._entries, BODIES)
            """The index of the last entry that is there."""
            self._take_over_old_checkpoints()
            self._closing = closing.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, value, trace)

    def _take_over_old_checkpoints(self) -> None:
        old, new = self._folder / OLD_CHECKPOINTS, self._folder / CHECKPOINTS
        try:
            if old.exists() and not new.exists():
                old.rename(new)
        except OSError as wrong:
            raise cannot_write(new, wrong) from None

    def go_on(self, upto: int, note: Note, tell: Callable[[int], None], wait: Callable[[float], None]) -> Copied:
        """Bring the copy up to the entry ``upto``, or further if a newer checkpoint is there.

        ``note`` takes what is wrong with the record, ``tell`` the index of each entry, ``wait`` passes the time until
        a checkpoint is signed.
        """
        checkpoint = self._covering(upto, wait)
        last = max(upto, min(checkpoint.size, self._ledger.last_index())) if checkpoint else upto
        found: list[str] = []
        for index, body, _ in bodies(self._ledger, note, Part(self.after, last)):
            self._entries.write(body)
            if _KEY_CHANGED in body:
                found += _key_in(body)
            tell(index)
        self._entries.sync()
        _replace(self._folder / CHECKPOINTS, _written(self._checkpoints(checkpoint, note)))
        _replace(self._folder / KEYS, self._keys(found))
        self._policies(note)
        return Copied(self.after + 1, last, checkpoint.number if checkpoint else 0)

    def _covering(self, index: int, wait: Callable[[float], None]) -> SignedCheckpoint | None:
        """The newest checkpoint, if need be after a while, so that it covers the entry at ``index``."""
        checkpoints, clock = Checkpoints(self._ledger.engine), self._ledger.clock
        began = clock.ticks()
        while True:
            last = checkpoints.last()
            if last is None or last.size >= index or clock.ticks() - began >= CHECKPOINT_WITHIN:
                return last
            if (clock.now() - last.signed_at).total_seconds() > SIGNED_WITHIN:
                return last
            wait(LOOK_EVERY)

    def _checkpoints(self, last: SignedCheckpoint | None, note: Note) -> Iterator[dict[str, Any]]:
        """What the copy holds and what the database has, by number. Where they differ the copy's stays."""
        there = _rows_in(self._folder / CHECKPOINTS)
        held = next(there, None)
        for row in self._rows_of(last):
            while held is not None and held["number"] < row["number"]:
                note(f"checkpoint {held['number']}: the copy holds it, and the ledger's database no longer does")
                yield held
                held = next(there, None)
            if held is None or held["number"] > row["number"]:
                yield row
                continue
            if held["note"] == row["note"]:
                yield row | {"cosignatures": sorted({*held["cosignatures"], *row["cosignatures"]})}
            else:
                note(f"checkpoint {held['number']}: the copy holds another than the ledger's database")
                yield held
            held = next(there, None)
        while held is not None:
            note(f"checkpoint {held['number']}: the copy holds it, and the ledger's database does not")
            yield held
            held = next(there, None)

    def _rows_of(self, last: SignedCheckpoint | None) -> Iterator[dict[str, Any]]:
        after, upto = 0, last.number if last else 0
        while page := [
            checkpoint for checkpoint in Checkpoints(self._ledger.engine).after(after) if checkpoint.number <= upto
        ]:
            query = select(cosignatures.c.checkpoint, cosignatures.c.line).where(
                cosignatures.c.checkpoint >= page[0].number, cosignatures.c.checkpoint <= page[-1].number
            )
            lines: dict[int, list[str]] = {}
            with reading(self._ledger.engine) as connection:
                for number, line in connection.execute(query):
                    if is_signature_line(line):
                        lines.setdefault(number, []).append(line.decode())
            for checkpoint in page:
                yield {
                    "number": checkpoint.number,
                    "size": checkpoint.size,
                    "signed_at": checkpoint.signed_at.isoformat(),
                    "note": checkpoint.note.decode("utf-8", "replace"),
                    "cosignatures": sorted(lines.get(checkpoint.number, [])),
                }
            after = page[-1].number

    def _keys(self, found: list[str]) -> Iterator[bytes]:
        path = self._folder / KEYS
        with suppress(FileNotFoundError):
            found = [*path.read_text(encoding="utf-8", errors="replace").splitlines(), *found]
        yield from (line.encode() + b"\n" for line in dict.fromkeys(found) if line)

    def _policies(self, note: Note) -> None:
        path = self._folder / POLICIES
        with GrowingFile(path, b'{"version": "') as file:
            there = {found[1].decode() for line in path.open("rb") if (found := _VERSION.match(line))}
            with reading(self._ledger.engine) as connection:
                versions = sorted(connection.scalars(select(policy_texts.c.version)))
            for version in versions:
                if version in there:
                    continue
                try:
                    text = PolicyTexts(self._ledger.engine).text_of(version) or b""
                    files = [[name, base64.b64encode(data).decode()] for name, data in files_of(text)]
                except (NotThisVersion, ValueError) as wrong:
                    note(f"rules {version[:12]}: {wrong}")
                    continue
                file.write(json.dumps({"version": version, "files": files}).encode())


def _key_in(body: bytes) -> list[str]:
    """As the verifier reads them; none if these bytes name none."""
    try:
        return [str(VerifierKey.parse(json.loads(body)["fact"]["key"]))]
    except (ValueError, KeyError, TypeError, RecursionError, NoteError):
        return []


def _rows_in(path: Path) -> Iterator[dict[str, Any]]:
    """Of the copy's checkpoints, in order. Raises CannotStart."""
    if not path.exists():
        return
    before = 0
    with path.open("rb") as file:
        for line in file:
            row = _row_in(line)
            if row is None or row["number"] <= before:
                raise CannotStart(
                    f"{path} is damaged behind checkpoint {before}. Keep it, and export to another place."
                )
            before = row["number"]
            yield row


def _row_in(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
        texts = [row["note"], *row["cosignatures"]]
        return row if type(row["number"]) is int and all(isinstance(each, str) for each in texts) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _written(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(row).encode() + b"\n"


def _replace(path: Path, lines: Iterator[bytes]) -> None:
    """The whole file at once. Raises CannotStart."""
    try:
        durable.replace(path, lines)
    except OSError as wrong:
        raise cannot_write(path, wrong) from None
