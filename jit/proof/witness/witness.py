"""What a witness answers: C2SP tlog-witness, `add-checkpoint` and the checkpoint for monitors."""

import base64
import re
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from jit.ports import Clock
from jit.proof.tlog.note import SignerKey, cosign
from jit.proof.verifier import (
    EMPTY_ROOT,
    HASH_SIZE,
    Checkpoint,
    Note,
    NoteError,
    NoteSignature,
    ProofError,
    Refused,
    VerifierKey,
    decoded,
    parse_checkpoint,
    parse_note,
    signed,
)
from jit.proof.witness.consistency import check_consistency
from jit.proof.witness.memory import Memory, Seen

log = structlog.get_logger(__name__)

LARGEST = 64 * 1024
"""Bytes of a request."""
_STEPS = 63
"""Lines that a proof may have."""
_OLD = re.compile(rb"old (0|[1-9][0-9]{0,18})")
SIZE = "text/x.tlog.size"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = TEXT


class _Not(Exception):
    """What stands in the way, as a status."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.answer = Answer(status, f"{says}\n".encode())


@dataclass(frozen=True, slots=True)
class _Asked:
    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


class Witness:
    """Cosigns what is consistent with what it saw before, and nothing else. For any number of threads.

    What it saw is compared, replaced and made durable under one lock, before a signature is given away: of two
    checkpoints that contradict each other one is cosigned, however they arrive.
    """

    def __init__(self, *, key: SignerKey, logs: Iterable[VerifierKey], memory: Memory, clock: Clock) -> None:
        self._key = key
        self._logs: defaultdict[str, list[VerifierKey]] = defaultdict(list)
        for log_key in logs:
            self._logs[log_key.name].append(log_key)
        self._memory = memory
        self._clock = clock
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        try:
            asked = _understood(body)
            self._require_signed(asked)
            return self._cosigned(asked)
        except _Not as wrong:
            log.info("checkpoint.refused", status=wrong.answer.status, because=ascii(str(wrong)))
            return wrong.answer

    def checkpoint(self, origin_hash: str) -> Answer:
        """The latest of the log whose origin has this SHA-256, in hex."""
        found = self._memory.seen_by_hash(origin_hash)
        return Answer(404) if found is None else Answer(200, found.note)

    def _require_signed(self, asked: _Asked) -> None:
        """Raises _Not."""
        keys = self._logs.get(asked.checkpoint.origin)
        if keys is None:
            raise _Not(404, "no such log is known here")
        try:
            known = [signed(asked.note, key) for key in keys]
        except NoteError:
            raise _Not(403, "a signature of this log does not hold") from None
        if not any(known):
            raise _Not(403, "not signed with a key of this log that is known here")
        if asked.old > asked.checkpoint.size:
            raise _Not(400, "the old size is larger than the new one")

    def _cosigned(self, asked: _Asked) -> Answer:
        """Raises _Not."""
        checkpoint = asked.checkpoint
        with self._lock:
            before = self._memory.seen(checkpoint.origin)
            if asked.old != (before.size if before else 0):
                size = before.size if before else 0
                log.info("checkpoint.refused", status=409, seen=size, old=asked.old)
                return Answer(409, b"%d\n" % size, SIZE)
            _require_consistent(asked, before)
            at = max(int(self._clock.now().timestamp()), before.at if before else 0)
            line = cosign(asked.note.text, self._key, at)
            try:
                self._memory.keep(
                    checkpoint.origin, Seen(checkpoint.size, checkpoint.root, at, self._kept(asked, line))
                )
            except OSError as full:
                log.exception("memory.failed", because=str(full))
                return Answer(500, b"what was seen could not be kept\n")
        log.info("checkpoint.cosigned", size=checkpoint.size)
        return Answer(200, line)

    def _kept(self, asked: _Asked, line: bytes) -> bytes:
        """The checkpoint with what was checked: our line, and the log's that we know."""
        known = {(key.name, key.key_id) for key in self._logs[asked.checkpoint.origin]}
        lines = [_line(each) for each in asked.note.signatures if (each.name, each.key_id) in known]
        return asked.note.text + b"\n" + b"".join(lines) + line


def _line(signature: NoteSignature) -> bytes:
    return f"— {signature.name} {base64.b64encode(signature.key_id + signature.blob).decode()}\n".encode()


def _understood(body: bytes) -> _Asked:
    """Raises _Not."""
    head, blank, rest = body.partition(b"\n\n")
    old, *steps = head.split(b"\n")
    written = _OLD.fullmatch(old)
    if len(body) > LARGEST or not blank or written is None or len(steps) > _STEPS:
        raise _Not(400, "not a request to add a checkpoint")
    try:
        proof = tuple(decoded(step.decode()) for step in steps)
        note = parse_note(rest)
        checkpoint = parse_checkpoint(note.text)
    except (Refused, UnicodeDecodeError):
        raise _Not(400, "not a proof and a checkpoint") from None
    if any(len(step) != HASH_SIZE for step in proof):
        raise _Not(400, "not the hashes of a proof")
    return _Asked(int(written[1]), proof, note, checkpoint)


def _require_consistent(asked: _Asked, before: Seen | None) -> None:
    """Raises _Not."""
    new = asked.checkpoint
    if new.size == 0 and new.root != EMPTY_ROOT:
        raise _Not(422, "an empty tree has another root")
    if asked.old == 0 or before is None:
        if asked.proof:
            raise _Not(422, "from an empty tree there is no proof")
        return
    try:
        check_consistency(before.size, before.root, new.size, new.root, asked.proof)
    except ProofError:
        log.error("checkpoint.inconsistent", size=new.size, seen=before.size)  # noqa: TRY400  no fault of ours
        raise _Not(422, "not consistent with what was seen before") from None
