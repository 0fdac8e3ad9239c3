"""The evidence bundle of one request: its entries, that they are in the signed tree, and what they were decided by.

Making one reads the record once, in one transaction, and takes the entries that say in their own bytes that they are
about the request: what a column beside them says hides none. Checking one is `jit.proof.verifier.check_bundle`.
"""

import base64
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from jit.ledger import Ledger
from jit.ledger.database import reading
from jit.ledger.entry import open_entry
from jit.ledger.privacy.disclosure import disclose
from jit.ledger.schema import entries as kept
from jit.policy import BROKEN
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.live import Live, live
from jit.proof.audit.policy_texts import NotThisVersion, PolicyTexts, files_of
from jit.proof.evidence.case import Anchor
from jit.proof.evidence.text import in_page
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import (
    BUNDLE_FORMAT,
    VERSIONS,
    NoteError,
    VerifierKey,
    leaf_hash,
    parse_checkpoint,
    parse_note,
    signed,
)

SIGNING_WITHIN = timedelta(minutes=10)
"""If the newest checkpoint is no older than this, somebody signs: checkpoints and heartbeats come more often."""
CHECKPOINT_WITHIN = 5.0
"""Seconds that a checkpoint covering the newest entry is waited for, where somebody signs."""
LOOK_EVERY = 0.2


class CannotProve(Exception):
    """There is nothing to prove, or the record does not let it be proven; the message says what to do."""


def write(bundle: Mapping[str, Any]) -> bytes:
    """ASCII, and without a character that ends or opens something in HTML: the same as a file and inside a page."""
    return in_page(json.dumps(bundle, ensure_ascii=True, indent=1)).encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes bundles. ``url`` is the ledger's address; ``keys`` are the log's, as far as they are known here;
    ``anchors`` tells which messages of the audit channel show the entries.
    """

    ledger: Ledger
    url: str
    keys: tuple[VerifierKey, ...] = ()
    anchors: Callable[[Iterable[int]], Iterable[Anchor]] = lambda _indices: ()
    sleep: Callable[[float], None] = time.sleep

    def make(self, request_id: str) -> bytes:
        """Raises CannotProve, LedgerUnavailable."""
        self._wait_for_checkpoint(request_id)
        found = _Collected(request_id)
        with live(self.url) as record:
            found.read(record)
        if not found.about:
            raise CannotProve(f"There is no request {request_id}. `jit list --all` shows all.")
        keys = tuple(dict.fromkeys((*self.keys, *found.keys)))
        checkpoint = found.newest_checkpoint(keys)
        entries = [self._entry(index, body, found.tree, checkpoint) for index, body in sorted(found.bodies.items())]
        return write(
            {
                "format": BUNDLE_FORMAT,
                "request": request_id,
                "made_at": self.ledger.clock.now().isoformat(timespec="seconds"),
                "entries": entries,
                "checkpoint": checkpoint.note if checkpoint else None,
                "keys": [str(key) for key in keys],
                "rotations": [*found.rotations],
                "policies": [*self._policies(found.versions())],
                "anchors": [{"channel": one.channel, "ts": one.ts} for one in self.anchors(found.bodies)],
            }
        )

    def _entry(self, index: int, body: bytes, tree: HashTree, checkpoint: "_SignedCheckpoint | None") -> dict[str, Any]:
        try:
            return {
                "index": index,
                "body": body.decode(),
                "proof": [_b64(step) for step in tree.inclusion(index - 1, checkpoint.size)] if checkpoint else [],
                "disclosed": disclose(open_entry(body), self.ledger.ring),
            }
        except ValueError:
            raise CannotProve(f"Entry {index} cannot be read any more. Run `jit audit verify`.") from None

    def _policies(self, versions: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Those that are kept and are what they say; of the others the verifier says that they are not there."""
        texts = PolicyTexts(self.ledger.engine)
        for version in versions:
            try:
                text = texts.text_of(version)
                files = files_of(text) if text is not None else None
            except (NotThisVersion, ValueError):
                continue
            if files is not None:
                yield {"version": version, "files": [[name, _b64(data)] for name, data in files]}

    def _wait_for_checkpoint(self, request_id: str) -> None:
        """Where somebody signs: until a checkpoint covers the last entry, for `CHECKPOINT_WITHIN` at most."""
        checkpoints = Checkpoints(self.ledger.engine)
        last = checkpoints.last()
        if last is None or self.ledger.clock.now() - last.signed_at > SIGNING_WITHIN:
            return
        with reading(self.ledger.engine) as connection:
            index = connection.scalar(select(func.max(kept.c.index)).where(kept.c.request_id == request_id)) or 0
        waited = 0.0
        while waited < CHECKPOINT_WITHIN and checkpoints.covering(index) is None:
            self.sleep(LOOK_EVERY)
            waited += LOOK_EVERY


@dataclass(frozen=True, slots=True)
class _SignedCheckpoint:
    size: int
    note: str


@dataclass(slots=True)
class _Collected:
    """What one reading of the whole record finds: of each version of the rules that the request names also the entry
    that brought it, a start or a change.
    """

    request_id: str
    about: bool = False
    tree: HashTree = field(default_factory=HashTree)
    bodies: dict[int, bytes] = field(default_factory=dict)
    keys: tuple[VerifierKey, ...] = ()
    _brought: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _rules: str = ""
    rotations: deque[str] = field(default_factory=lambda: deque(maxlen=100))
    _checkpoints: deque[bytes] = field(default_factory=lambda: deque(maxlen=100))

    def read(self, record: Live) -> None:
        """Raises CannotProve, LedgerUnavailable."""
        wanted = f'"{self.request_id}"'.encode()
        for index, body, _ in record.entries:
            if index != self.tree.size + 1:
                raise CannotProve(f"Entry {self.tree.size + 1} is not there. Run `jit audit verify`.")
            self.tree.push(leaf_hash(body))
            if wanted in body:
                self._take(index, body)
            elif b'"kind":"started"' in body or b'"kind":"policy.changed"' in body:
                self._note_rules(index, body)
        self.keys = record.keys
        for note in record.checkpoints:
            self._checkpoints.append(note)
            if note.count(b"\n") > _LINES_OF_ONE_KEY and _both_sign(note):
                self.rotations.append(note.decode())

    def _take(self, index: int, body: bytes) -> None:
        fact = _said(body)
        if fact.get("request_id") == self.request_id:
            self.about = True
            self.bodies[index] = body
            for version in (fact.get("policy_version"), fact.get("checked_version")):
                if isinstance(version, str) and version in self._brought:
                    at, brought = self._brought[version]
                    self.bodies[at] = brought

    def _note_rules(self, index: int, body: bytes) -> None:
        version = _said(body).get("policy_version")
        if isinstance(version, str) and version != self._rules:
            self._rules = version
            self._brought[version] = index, body

    def versions(self) -> list[str]:
        """Of the rules that the entries name."""
        said = (_said(body).get(name) for body in self.bodies.values() for name in VERSIONS)
        return [version for version in dict.fromkeys(said) if isinstance(version, str) and version != BROKEN]

    def newest_checkpoint(self, keys: Sequence[VerifierKey]) -> _SignedCheckpoint | None:
        """Of those that cover what was found, signed by a key that is known here if any is.

        Raises CannotProve where one of these is over another record.
        """
        for data in reversed(self._checkpoints):
            try:
                note = parse_note(data)
                checkpoint = parse_checkpoint(note.text)
                good = not keys or any(signed(note, key) for key in keys if key.name == checkpoint.origin)
            except NoteError:
                continue
            if not good or checkpoint.size < max(self.bodies):
                continue
            if checkpoint.size > self.tree.size or self.tree.root(checkpoint.size) != checkpoint.root:
                raise CannotProve("The record is not the one that was signed. Run `jit audit verify`.")
            return _SignedCheckpoint(checkpoint.size, data.decode())
        return None


_LINES_OF_ONE_KEY = 6
"""Of a checkpoint: three of text, an empty one, the signature and the cosignature."""


def _both_sign(note: bytes) -> bool:
    """Whether a checkpoint bears signatures by two keys in the log's name."""
    try:
        read = parse_note(note)
        origin = parse_checkpoint(read.text).origin
    except NoteError:
        return False
    return len({line.key_id for line in read.signatures if line.name == origin and len(line.blob) == _SIGNATURE}) > 1


_SIGNATURE = 64


def _said(body: bytes) -> Mapping[str, Any]:
    """The fact in an entry's bytes; nothing, if there is none."""
    try:
        fact = json.loads(body)["fact"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    return fact if isinstance(fact, dict) else {}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
