"""Checks the record, a copy of it, or an evidence bundle: one file that needs Python 3.11 and `cryptography` alone.

It imports nothing of jit, so that it can be read, kept and run apart: ``python verifier.py bundle.json --key VKEY``.
The rest of jit checks by it too; there is no second implementation.

A *checkpoint* is a signed note: how many entries there are, and the root of the Merkle tree over them. A record is
checked in these steps, and each stands in the code under its number:

 0. The reader says whom they believe: keys of the log, keys of witnesses, and checkpoints that they have from
    elsewhere.
 1. Each checkpoint is read. It has its form, every signature and cosignature by a known key holds, and one that is
    known has signed it.
 2. Each entry is read, in one pass. It stands in its place, has the hash it is kept under, begins and ends as every
    entry does, says its own place, names the hash of the entry before, and was not recorded before that one.
 3. Its hash becomes the next leaf of the Merkle tree.
 4. The log's checkpoints, in the order of signing, go back neither in size nor in time. No two checkpoints of one size
    differ.
 5. At the size of each checkpoint, the root of the tree is the one that was signed.
 6. After the last entry, no checkpoint is left that covers more, and none from elsewhere goes further than the log's
    own.
 7. A key that the reader did not name is believed up to a checkpoint that a believed key signed together with it; a key
    that was replaced, up to there.
 8. The verdict: BROKEN if anything did not fit, else every grade for which there is a checkpoint by a believed key, up
    to which entry it goes, and what it does not exclude.

An evidence bundle has some entries and one checkpoint. It is checked in other steps between 1 and 7:

 9. The bundle has its form, and its checkpoint is read as in step 1.
10. Each entry has its form, and fits the one before as in step 2, as far as both are here.
11. Its inclusion proof leads from its bytes to the root of the checkpoint.
12. It is about the request that the bundle names, or about none.
13. Each secret that comes along opens the sealed field it is for, and no other.
14. Each text of the rules has the version that it says, and an entry names that version.

Sources: RFC 6962 and RFC 9162 (the tree and its proofs), C2SP signed-note, tlog-checkpoint and tlog-cosignature.

Whatever is read here was perhaps written by an attacker: it is bounded, typed, and refused in a sentence.
"""

# ruff: noqa: TRY301  what is refused is told a few lines below, where the entry or the field is known

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_sha256 = hashlib.sha256
HASH_SIZE = 32
EMPTY_ROOT = _sha256(b"").digest()  # of the tree without leaves
ED25519 = 0x01  # signature type of a signed note
COSIGNATURE_V1 = 0x04  # signature type of a timestamped cosignature of a checkpoint
LARGEST = 2**63 - 1  # of sizes and times
VERSIONS = ("policy_version", "checked_version", "before")  # fields of facts that name a version of the rules

NOTE_BYTES = 1_000_000
NOTE_SIGNATURES = 100
BODY_BYTES = 4 * 1024 * 1024  # of one entry
BUNDLE_BYTES = 64 * 1024 * 1024
BUNDLE_FORMAT = "jit evidence 1"
FINDINGS = 100  # so many are told; of the rest, how many
BESIDE = ("channel.jsonl", "locked.jsonl")
"""In the folder of a copy: checkpoints that whoever made it says are from elsewhere."""
NO_ENTRY = "0" * 64
"""Stands for the hash of the entry before the first."""
_PREFIX = re.compile(
    rb'\{"index": ([1-9][0-9]{0,18}), "recorded_at": "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}'
    rb'(?:\.[0-9]{6})?\+00:00)", "previous": "([0-9a-f]{64})", "fact": \{'
)
"""How every entry begins, to the byte. The times are of one zone and one form: they sort as bytes."""
_TIMES = frozenset((b"0000-00-00T00:00:00+00:00", b"0000-00-00T00:00:00.000000+00:00"))
_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
"""Of a time of this form all digits become zeros; of its zone they are that. It tells what `_PREFIX` tells, sooner."""
PAGE_ENTRIES, PAGE_BYTES = 1000, 4_000_000  # of entries that are in memory at once
Row = tuple[int, bytes, "str | None"]
"""An entry: its index, its exact bytes, and the hash kept with it, if any."""


class Refused(ValueError):
    """What was read is not what it must be; the message says what is wrong with it."""


class ProofError(Refused):
    """A Merkle proof of the wrong shape, or one that leads elsewhere."""


class NoteError(Refused):
    """Not a signed note, key or checkpoint; or a signature by a known key that does not hold."""


def leaf_hash(data: bytes) -> bytes:
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that its root needs.

    ``nodes`` are the roots of the full subtrees, largest first, one for each bit set in ``size``: with ``size`` they
    are the whole state. Raises ValueError if they do not fit.
    """

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(nodes) != size.bit_count() or any(len(node) != HASH_SIZE for node in nodes):
            raise ValueError(f"a tree of {size} leaves has another right edge")
        self.size = size
        self._nodes = list(nodes)

    @property
    def nodes(self) -> tuple[bytes, ...]:
        return tuple(self._nodes)

    def push(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        place, nodes = self.size, self._nodes
        while place & 1:
            leaf = _sha256(b"\x01" + nodes.pop() + leaf).digest()
            place >>= 1
        nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self._nodes:
            return EMPTY_ROOT
        *rest, root = self._nodes
        for node in reversed(rest):
            root = node_hash(node, root)
        return root


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Whether leaf hash ``leaf`` is the one at ``index``, from 0, in the tree of ``size`` with this root: RFC 9162,
    2.1.3.2.

    Raises ProofError.
    """
    if not 0 <= index < size <= LARGEST:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    if any(len(value) != HASH_SIZE for value in (leaf, *proof)):
        raise ProofError(f"a hash has {HASH_SIZE} bytes")
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        raise ProofError(f"the path of leaf {index} in a tree of {size} does not have {len(proof)} steps")
    node = leaf
    for height, sibling in enumerate(proof):
        left = height >= inner or (index >> height) & 1
        node = node_hash(sibling, node) if left else node_hash(node, sibling)
    if node != root:
        raise ProofError(f"the path of leaf {index} does not lead to the root of the tree of {size}")


def decoded(text: object) -> bytes:
    """Standard base64 in its one canonical spelling. Raises Refused."""
    if not isinstance(text, str):
        raise Refused("not base64")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Refused("base64 that is not in its canonical spelling")
    return raw


def require_key_name(name: str) -> None:
    """Raises NoteError for a name that cannot stand in a signed note."""
    if not name or "+" in name or any(char.isspace() or ord(char) < 0x20 for char in name) or len(name) > 200:
        raise NoteError("a key's name has 1 to 200 characters, no plus and no space")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key as signed notes name it. ``alg`` is `ED25519` or `COSIGNATURE_V1`."""

    name: str
    key_id: bytes
    alg: int
    public: bytes

    @classmethod
    def of(cls, name: str, alg: int, public: bytes) -> Self:
        """Raises NoteError."""
        require_key_name(name)
        if alg not in (ED25519, COSIGNATURE_V1) or len(public) != 32:
            raise NoteError(f"{name}: only Ed25519 keys are known here (types 1 and 4)")
        try:
            spelled = name.encode()
        except UnicodeEncodeError:
            raise NoteError("a key's name that no encoding has") from None
        key_id = hashlib.sha256(spelled + b"\n" + bytes([alg]) + public).digest()[:4]
        return cls(name, key_id, alg, public)

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """From ``<name>+<hex key id>+<base64 of type and public key>``. Raises NoteError."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = decoded(encoded)
        except Refused:
            raw = b""
        if len(raw) != 33:
            raise NoteError("not a verifier key: it reads name+12345678+AX..., in one line")
        key = cls.of(name, raw[0], raw[1:])
        if key.key_id.hex() != key_id:
            raise NoteError(f"{name}: the key does not have the id {key_id[:20]!r} it is written with")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.alg]) + self.public).decode()}"

    def cosigning(self) -> Self:
        """The same public key as it signs times of checkpoints."""
        return self.of(self.name, COSIGNATURE_V1, self.public)

    def signing(self) -> Self:
        """The same public key as it signs notes."""
        return self.of(self.name, ED25519, self.public)

    def holds(self, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class NoteSignature:
    name: str
    key_id: bytes
    blob: bytes
    """What follows the key id: for Ed25519 the signature, for a cosignature the time and the signature."""


@dataclass(frozen=True, slots=True)
class Note:
    """``text`` ends with a newline, and is nothing to go by before a signature of a known key holds."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    def by(self, key: "VerifierKey") -> list[NoteSignature]:
        """The signatures that say they are by this key."""
        return [line for line in self.signatures if (line.name, line.key_id) == (key.name, key.key_id)]


def parse_note(data: bytes) -> Note:
    """Raises NoteError."""
    if len(data) > NOTE_BYTES:
        raise NoteError(f"a note of {len(data)} bytes; {NOTE_BYTES} are read")
    try:
        written = data.decode()
    except UnicodeDecodeError:
        raise NoteError("a note that is not UTF-8") from None
    if any(char < " " and char != "\n" for char in written):
        raise NoteError("a note with control characters")
    text, blank, lines = written.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NoteError("not a signed note: it is text, an empty line, and a line for each signature")
    signatures = lines[:-1].split("\n")
    if len(signatures) > NOTE_SIGNATURES:
        raise NoteError(f"a note with {len(signatures)} signatures; {NOTE_SIGNATURES} are read")
    return Note(text.encode() + b"\n", tuple(parse_signature(line) for line in signatures))


def parse_signature(line: str) -> NoteSignature:
    """A signature line of a note, without its newline. Raises NoteError."""
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        raw = decoded(encoded)
    except Refused as wrong:
        raise NoteError(f"a signature line with {wrong}") from None
    if dash != "—" or len(raw) < 5:
        raise NoteError("not a signature line: it reads — name base64")
    require_key_name(name)
    return NoteSignature(name, raw[:4], raw[4:])


def signed(note: Note, key: VerifierKey) -> bool:
    """Whether ``key``, of type `ED25519`, has signed the note.

    Raises NoteError if a signature that says it is by this key is not.
    """
    lines = note.by(key)
    if key.alg != ED25519:
        raise NoteError(f"{key.name} is a key for cosignatures")
    if not all(len(line.blob) == 64 and key.holds(line.blob, note.text) for line in lines):
        raise NoteError(f"the signature by {key.name} does not hold")
    return bool(lines)


def cosigned_at(note: Note, key: VerifierKey) -> int | None:
    """When ``key`` cosigned the checkpoint, in POSIX seconds: the latest, if more than once. A key of type `ED25519` is
    asked by its ``cosigning()`` twin.

    Raises NoteError if a cosignature that says it is by this key is not.
    """
    key = key.cosigning()
    latest = None
    for line in note.by(key):
        at = int.from_bytes(line.blob[:8], "big")
        if len(line.blob) != 72 or at > LARGEST or not key.holds(line.blob[8:], cosigned_message(note.text, at)):
            raise NoteError(f"the cosignature by {key.name} does not hold")
        latest = at if latest is None else max(latest, at)
    return latest


def cosigned_message(text: bytes, at: int) -> bytes:
    """What a cosignature/v1 signs."""
    return b"cosignature/v1\ntime %d\n" % at + text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes


def parse_checkpoint(text: bytes) -> Checkpoint:
    """The text of a note as a checkpoint. Lines after the third are ignored, as the specification wants it.

    Raises NoteError.
    """
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError:
        raise NoteError("a checkpoint that is not UTF-8") from None
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise NoteError("not a checkpoint: it has an origin, a size and a root, a line each")
    origin, size, root, *_ = lines
    if not (size.isascii() and size.isdigit()) or len(size) > 19 or str(int(size)) != size or int(size) > LARGEST:
        raise NoteError("a checkpoint whose size is no number")
    try:
        raw = decoded(root)
    except Refused as wrong:
        raise NoteError(f"a checkpoint whose root is {wrong}") from None
    if len(raw) != HASH_SIZE:
        raise NoteError(f"a checkpoint whose root has {len(raw)} bytes")
    return Checkpoint(origin, int(size), raw)


class Grade(IntEnum):
    """How far a record can be relied on. Above SIGNED these are marks that do not include each other."""

    BROKEN = 0
    UNSIGNED = 1  # it hangs together, and nobody vouches for it
    SIGNED = 2  # a checkpoint signed with the log's key says the same
    ANCHORED = 3  # so does a checkpoint that stood in the audit channel
    WITNESSED = 4  # so do enough witnesses
    LOCKED = 5  # so does a checkpoint from a store that lets nobody replace it


class Reason(StrEnum):
    """What is wrong. These names are for scripts; they stay."""

    ENTRY_MISSING = "entry_missing"  # a place is empty, and later ones are not
    ENTRY_OUT_OF_PLACE = "entry_out_of_place"  # an entry stands where another belongs, or twice
    ENTRY_CHANGED = "entry_changed"  # its bytes do not have the hash they are kept under
    CHAIN_BROKEN = "chain_broken"  # it names another hash than that of the entry before: one of the two was changed
    MALFORMED = "malformed"  # an entry, a checkpoint or a bundle without the form it must have
    TIME_BACKWARDS = "time_backwards"  # recorded or signed before what stands before it
    TAIL_CUT = "tail_cut"  # a signed checkpoint covers more entries than are here
    ROOT_MISMATCH = "root_mismatch"  # a checkpoint of this size was signed over other entries
    FORKED = "forked"  # two checkpoints of one size and different roots: the log told two stories
    CHECKPOINT_ROLLED_BACK = "checkpoint_rolled_back"  # the log's shrink, or end before one known from elsewhere
    SIGNATURE_BAD = "signature_bad"  # a signature said to be by a known key does not hold
    SIGNED_BY_ANOTHER_KEY = "signed_by_another_key"  # no checkpoint is signed with the key that the reader knows
    KEY_NOT_VOUCHED = "key_not_vouched"  # signed with a key that no known key has signed together with
    KEY_RETIRED = "key_retired"  # signed with a key after it was replaced
    UNSIGNED = "unsigned"  # a checkpoint without a signature in its log's name
    PROOF_BAD = "proof_bad"  # the inclusion proof does not lead from the entry to the checkpoint
    WRONG_REQUEST = "wrong_request"  # an entry of another request than the bundle is about, or none of it
    POLICY_WRONG = "policy_wrong"  # a policy text that is not the version it says, or that nothing names
    SEAL_BAD = "seal_bad"  # a disclosed secret that does not open the field it is for


GENERAL = (
    "That what was recorded is true, or that all that happened was recorded, is shown by no signature; "
    "who operates the bot, the workers and the target could have kept something from the record."
)
NO_KEY = "No key of the log is known here, so no signature was checked. Name it by --key."
NOT_EXCLUDED = {
    Grade.UNSIGNED: "Whoever can write to where this lay may have rewritten it with new hashes, or cut off its end.",
    Grade.SIGNED: (
        "Whoever holds the signing key and can write to where this lay may have rewritten it and signed it anew, "
        "or cut off the newest entries together with their checkpoints."
    ),
    Grade.ANCHORED: (
        "Whoever holds the signing key and may post and delete in the audit channel may have changed both; "
        "and the checkpoints are taken to be from that channel because whoever saved them says so."
    ),
    Grade.WITNESSED: (
        "The witness saw sizes and roots, never an entry; the log and as many witnesses as are needed, "
        "acting together, may have signed two histories."
    ),
    Grade.LOCKED: (
        "Whoever may lift the lock or owns the storage account, and holds the signing key, may have replaced the copy; "
        "and the checkpoints are taken to be from that store because whoever fetched them says so."
    ),
}
"""What each grade does not exclude."""


@dataclass(frozen=True, slots=True)
class Finding:
    reason: Reason
    index: int | None  # of the entry; for a checkpoint, its size
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Times are POSIX seconds."""

    grade: Grade  # the highest of ``reached``
    size: int  # of a record its entries, of a bundle the tree that its checkpoint signs
    root: bytes
    checked: int  # entries
    findings: tuple[Finding, ...] = ()
    more: int = 0  # findings beyond these
    reached: tuple[Grade, ...] = ()
    covered: Mapping[Grade, int] = field(default_factory=dict)  # up to which size each goes, and no further
    excluded: tuple[tuple[Grade, str], ...] = ()  # for each grade reached, what it does NOT exclude
    signed_first: int | None = None  # the earliest time that the log signed
    signed_last: int | None = None  # the latest
    keys_from_outside: bool = False  # the reader named the key; False if it came with what it is to prove
    remarks: tuple[str, ...] = ()

    def meets(self, required: Grade, *, whole: bool = False) -> bool:
        """With ``whole`` up to the last entry; else up to where it goes, which ``covered`` says."""
        if required <= Grade.UNSIGNED:
            return self.grade >= required
        if required is Grade.SIGNED:
            reached, covered = self.grade >= required, max(self.covered.values(), default=0)
        else:
            reached, covered = required in self.reached, self.covered.get(required, 0)
        return reached and (not whole or covered >= self.size)

    def exit_code(self, required: Grade = Grade.SIGNED, *, whole: bool = False) -> int:
        """0 intact and as good as required, 3 intact and not that good, 4 broken."""
        if self.grade is Grade.BROKEN:
            return 4
        return 0 if self.meets(required, whole=whole) else 3

    def as_json(self) -> dict[str, Any]:
        return {
            "grade": self.grade.name.lower(),
            "size": self.size,
            "root": self.root.hex(),
            "checked": self.checked,
            "findings": [{"reason": f.reason.value, "index": f.index, "says": f.says} for f in self.findings],
            "more_findings": self.more,
            "reached": [grade.name.lower() for grade in self.reached],
            "covered": {grade.name.lower(): size for grade, size in self.covered.items()},
            "not_excluded": {grade.name.lower(): says for grade, says in self.excluded},
            "signed_first": _when(self.signed_first),
            "signed_last": _when(self.signed_last),
            "keys_from_outside": self.keys_from_outside,
            "remarks": list(self.remarks),
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        if self.grade is Grade.BROKEN:
            yield "BROKEN"
            for finding in self.findings:
                place = "" if finding.index is None else f"entry {finding.index}: "
                yield f"  {place}{finding.says} ({finding.reason.value})"
            if self.more:
                yield f"  and {self.more} more"
        else:
            yield f"intact, {' and '.join(grade.name.lower() for grade in self.reached)}"
        yield f"{self.checked} entries checked, of a record of {self.size} with the root {self.root.hex()}"
        if self.signed_last is not None:
            yield f"signed from {_when(self.signed_first)} to {_when(self.signed_last)}"
        for grade, size in self.covered.items():
            short = "" if size == self.size else ", not what comes after it"
            yield f"{grade.name.lower()}: up to entry {size}{short}"
        yield from self.remarks
        if self.excluded:
            yield "Not excluded:"
            yield from (f"  {grade.name.lower()}: {says}" for grade, says in self.excluded)


def _when(at: int | None) -> str | None:
    try:
        return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return f"{at} seconds after 1970"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom the reader believes. Without ``keys`` the ``offered`` ones are taken, and the verdict says so."""

    keys: tuple[VerifierKey, ...] = ()
    """Of the log, known from elsewhere than from what is checked. That of today suffices, for a record."""
    offered: tuple[VerifierKey, ...] = ()
    """Came along with what is checked; believed up to a checkpoint that a known key signed together with it."""
    witnesses: tuple[VerifierKey, ...] = ()
    witnesses_needed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Checkpoints, each a whole signed note, by where they were found. Each is read once.

    ``log`` comes in the order of signing and is read along with the entries; the others are read before them. Whoever
    reads a record that grows reads channel, witnesses and locked copies first, then decides how many checkpoints, and
    takes the entries last: else the end looks cut off. Memory grows with the checkpoints of the others that differ, not
    with entries or with the log's checkpoints.
    """

    log: Iterable[bytes] = ()
    channel: Iterable[bytes] = ()
    witnessed: Iterable[bytes] = ()
    locked: Iterable[bytes] = ()
    beside: Iterable[bytes] = ()
    """Came with the copy and say that they are from elsewhere: they can speak against it, and raise no grade."""


class Findings:
    """What is wrong, as far as it is told."""

    def __init__(self) -> None:
        self.told: list[Finding] = []
        self.more = 0

    def add(self, reason: Reason, index: int | None, says: str) -> None:
        """``says`` may repeat what an attacker wrote: it comes out short, and nothing in it moves a cursor."""
        if len(self.told) < FINDINGS:
            plain = says[:400].encode("ascii", "backslashreplace").decode()
            self.told.append(Finding(reason, index, "".join(c if c.isprintable() else "?" for c in plain)))
        else:
            self.more += 1


@dataclass(frozen=True, slots=True)
class _SignedCheckpoint:
    size: int
    root: bytes
    signers: frozenset[int]  # the keys that signed it, by their place in `_KeyTrust.keys`
    at: int | None
    witnessed: bool


@dataclass(slots=True)
class _Tally:
    """What is kept of all checkpoints with the same signers."""

    least: int  # of their sizes
    most: int
    first_at: int | None = None
    last_at: int | None = None
    largest: dict[Grade, int] = field(default_factory=dict)

    def count(self, checkpoint: _SignedCheckpoint, grade: Grade) -> None:
        self.least, self.most = min(self.least, checkpoint.size), max(self.most, checkpoint.size)
        grades = (
            Grade.SIGNED,
            *((grade,) if grade > Grade.SIGNED else ()),
            *((Grade.WITNESSED,) * checkpoint.witnessed),
        )
        for mark in grades:
            self.largest[mark] = max(checkpoint.size, self.largest.get(mark, 0))
        if checkpoint.at is not None:
            self.first_at = checkpoint.at if self.first_at is None else min(checkpoint.at, self.first_at)
            self.last_at = checkpoint.at if self.last_at is None else max(checkpoint.at, self.last_at)


class _KeyTrust:
    """Reads checkpoints and weighs who signed them.

    A key that the reader did not name is believed up to the size of a checkpoint that a believed key signed together
    with it, and no further. Which of the two replaced the other no checkpoint says: whoever stole the older one could
    sign on with it, and take away what the newer one has signed since. So whoever knows only an older key has to name
    the newer one.

    A key that the reader named is believed until it is seen to be replaced.
    """

    def __init__(self, trust: Trust, findings: Findings) -> None:
        self.keys = tuple(dict.fromkeys(key.signing() for key in (*trust.keys, *trust.offered)))
        self.outside = bool(trust.keys)
        named = {key.signing() for key in trust.keys or trust.offered}
        self._named = {place for place, key in enumerate(self.keys) if key in named}
        own = {key.public for key in self.keys}
        self._witnesses = tuple(key.cosigning() for key in trust.witnesses if key.public not in own)
        self._needed = max(1, trust.witnesses_needed)
        self._findings = findings
        self._vouched: set[int] = set()
        self._tallies: dict[frozenset[int], _Tally] = {}
        self._held: tuple[bytes, int, bytes] | None = None

    def read(self, data: object, where: str) -> _SignedCheckpoint | None:
        """1. None if it says nothing; why stands among the findings then."""
        try:
            note = parse_note(data if isinstance(data, bytes) else b"")
            checkpoint = parse_checkpoint(note.text)
        except NoteError as wrong:
            self._findings.add(Reason.MALFORMED, None, f"a checkpoint {where} is {wrong}")
            return None
        mine = [place for place, key in enumerate(self.keys) if key.name == checkpoint.origin]
        try:
            signers = frozenset(place for place in mine if self._signed(note, place))
            times = [at for place in mine if (at := cosigned_at(note, self.keys[place])) is not None]
            seen = {key.public for key in self._witnesses if cosigned_at(note, key) is not None}
        except NoteError as wrong:
            self._findings.add(Reason.SIGNATURE_BAD, checkpoint.size, f"a checkpoint {where}: {str(wrong)!a}")
            return None
        if not signers and self.keys:
            reason, says = Reason.SIGNED_BY_ANOTHER_KEY, "is not signed with a key that is known here"
            if mine and not any(line.name == checkpoint.origin for line in note.signatures):
                reason, says = Reason.UNSIGNED, "bears no signature of its log"
            self._findings.add(reason, checkpoint.size, f"a checkpoint of size {checkpoint.size} {where} {says}")
            return None
        witnessed = bool(signers) and len(seen) >= self._needed
        return _SignedCheckpoint(checkpoint.size, checkpoint.root, signers, max(times, default=None), witnessed)

    def _signed(self, note: Note, place: int) -> bool:
        """A heartbeat signs the same text again, with the same signature: it is checked once."""
        key = self.keys[place]
        lines = note.by(key)
        if len(lines) == 1 and self._held == (note.text, place, lines[0].blob):
            return True
        if not signed(note, key):
            return False
        self._held = (note.text, place, lines[0].blob)
        return True

    def count(self, checkpoint: _SignedCheckpoint, grade: Grade = Grade.SIGNED) -> None:
        self._tallies.setdefault(checkpoint.signers, _Tally(checkpoint.size, checkpoint.size)).count(checkpoint, grade)

    def vouch(self, checkpoint: _SignedCheckpoint) -> None:
        """A checkpoint where the key changed; nothing shows that what is judged follows from it, or it from that."""
        if checkpoint.signers & self._named:
            self._vouched |= checkpoint.signers

    def believed(self) -> list[_Tally]:
        """7. The tallies of keys that are believed; of others there is a finding."""
        until = self._until()
        good: list[_Tally] = []
        bad: list[tuple[frozenset[int], _Tally]] = []
        for signers, tally in self._tallies.items():
            if any(tally.most <= until.get(place, -1) for place in signers):
                good.append(tally)
            elif signers:
                bad.append((signers, tally))
        for signers, tally in bad:
            most = max((until[place] for place in signers if place in until), default=-1)
            size = tally.least if tally.least > most else tally.most
            if most >= 0 and self._was_replaced(signers, most):
                reason = Reason.KEY_RETIRED
                says = f"a checkpoint of size {size} is signed with a key that was replaced at size {most}"
            elif most >= 0 or signers & self._vouched:
                reason = Reason.KEY_NOT_VOUCHED
                upto = f", which one you know vouches for up to size {most} only" if most >= 0 else " other than yours"
                says = (
                    f"a checkpoint of size {size} is signed with a key{upto}. If it is the log's of today, learn it "
                    "from somebody else than who gave you this, and name it too"
                )
            else:
                reason = Reason.KEY_NOT_VOUCHED if good else Reason.SIGNED_BY_ANOTHER_KEY
                says = f"checkpoints from size {size} on are signed with a key that no known key vouches for"
            self._findings.add(reason, size, says)
        return good

    def _until(self) -> dict[int, int]:
        """Up to which size each key is believed."""
        until = dict.fromkeys(self._named, LARGEST)
        links = [(signers, tally) for signers, tally in self._tallies.items() if len(signers) > 1]
        for signers, tally in links:
            for old in signers & self._named:
                if any(self._replaced(old, new, tally) for new in signers - {old}):
                    until[old] = min(until[old], tally.most)
        grown = True
        while grown:
            grown = False
            for signers, tally in links:
                vouching = max((until[place] for place in signers if place in until), default=-1)
                size = next((size for size in (tally.most, tally.least) if size <= vouching), -1)
                for place in signers - self._named:
                    if size > until.get(place, -1):
                        until[place], grown = size, True
        return until

    def _replaced(self, old: int, new: int, link: _Tally) -> bool:
        """Whether ``old`` signed before the checkpoints that both signed and ``new`` did not; or both signed after
        them, each alone, and nothing tells which may.
        """
        ways = ((old, new), (new, old))
        before = [any(tally.least < link.least for tally in self._alone(one, other)) for one, other in ways]
        after = [any(tally.most > link.most for tally in self._alone(one, other)) for one, other in ways]
        return before == [True, False] or (before[0] == before[1] and all(after))

    def _alone(self, one: int, other: int) -> Iterator[_Tally]:
        return (tally for signers, tally in self._tallies.items() if one in signers and other not in signers)

    def _was_replaced(self, signers: frozenset[int], size: int) -> bool:
        """Whether it is seen that these were: by who signs on beyond this size, or who signed before the link."""
        goes_on = any(by & self._named and tally.most > size for by, tally in self._tallies.items() if by != signers)
        return (
            bool(signers & self._named)
            or goes_on
            or any(
                self._replaced(old, new, link)
                for link_signers, link in self._tallies.items()
                for old in signers & link_signers
                for new in link_signers & self._named
            )
        )


_OTHERS = (
    ("channel", Grade.ANCHORED, "of the audit channel"),
    ("witnessed", Grade.SIGNED, "of a witness"),
    ("locked", Grade.LOCKED, "of the locked copy"),
    ("beside", Grade.SIGNED, "that came with the copy, as of another place,"),
)


def _beginning(body: bytes) -> re.Match[bytes] | None:
    """How an entry begins; None of what does not begin and end as every entry does."""
    return _PREFIX.match(body) if body[-2:] == b"}}" and b"\n" not in body else None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries that follow each other and are whole, each by itself and after the one before; so all that is left to
    look at is how the first follows what comes before them.
    """

    first: int
    last: int
    previous: bytes  # the hash that the first one names
    begins: bytes  # the time at which the first was recorded
    ends: bytes
    hash: bytes  # of the last one
    leaves: bytes  # of the Merkle tree, one after the other


def stretch_of(rows: Iterable[Row]) -> Stretch | None:
    """Steps 2 and 3 for many entries at once. None where there is anything to tell of one of them: `EntryCheck.take`
    finds it, and tells.
    """
    leaves: list[bytes] = []
    first, named, begins = 0, b"", b""
    before, previous, latest = 0, b"", b""
    for index, body, kept in rows:
        if type(index) is not int or type(body) is not bytes or len(body) > BODY_BYTES:
            return None
        if not leaves:
            if (match := _PREFIX.match(body)) is None:
                return None
            first, before, (_, begins, named) = index, index - 1, match.groups()
            previous, latest = named, begins
        head = b'{"index": %d, "recorded_at": "' % index
        quote = body.find(b'"', len(head))
        time = body[len(head) : quote]
        if (
            index != before + 1
            or not body.startswith(head)
            or not body.startswith(b'", "previous": "%b", "fact": {' % previous, quote)
            or time.translate(_ZEROS) not in _TIMES
            or not time.endswith(b"+00:00")
            or time < latest
            or body[-2:] != b"}}"
            or b"\n" in body
        ):
            return None
        digest = _sha256(body).hexdigest()
        if kept is not None and kept != digest:
            return None
        leaves.append(_sha256(b"\x00" + body).digest())
        before, previous, latest = index, digest.encode(), time
    return Stretch(first, before, named, begins, latest, previous, b"".join(leaves)) if leaves else None


class Page:
    """Some entries, in order: ``rows`` reads them, again where that is asked for again. ``stretch`` is what somebody
    found of them before, None if not all was whole.
    """

    __slots__ = ("rows", "stretch")

    def __init__(self, stretch: Stretch | None, rows: Callable[[], Iterable[Row]]) -> None:
        self.stretch = stretch
        self.rows = rows


def pages_of(rows: Iterable[Row]) -> Iterator[Page]:
    """The same rows, so many at a time as may be in memory."""
    page: list[Row] = []
    size = 0
    for row in rows:
        page.append(row)
        size += len(row[1]) if type(row[1]) is bytes else 0
        if len(page) >= PAGE_ENTRIES or size >= PAGE_BYTES:
            yield Page(stretch_of(page), page.__iter__)
            page, size = [], 0
    if page:
        yield Page(stretch_of(page), page.__iter__)


class EntryCheck:
    """Steps 2 and 3, one pass over the entries: chain, places, times, and the tree.

    ``last`` is the index of the last entry taken, ``frontier`` the tree up to it.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.last = 0
        self.whole = True  # no entry was missing or out of place so far: what the tree has is what it must have
        self.frontier = Frontier()
        self._previous = NO_ENTRY.encode()
        self._time = b""

    def take(self, index: object, body: object, kept: object) -> None:
        add, place = self._findings.add, self.last + 1
        # 2. The entry stands in its place …
        if type(index) is not int or type(body) is not bytes or len(body) > BODY_BYTES:
            self._lost(Reason.MALFORMED, place, "not an entry")
            return
        if index != place:
            if index < place:
                self._lost(Reason.ENTRY_OUT_OF_PLACE, index, f"stands after entry {self.last}")
                return
            gap = f"entry {place} is" if index == place + 1 else f"entries {place} to {index - 1} are"
            self._lost(Reason.ENTRY_MISSING, place, f"{gap} missing; {index} stands in that place")
            self._previous = b""
        # … has the hash it is kept under …
        digest = _sha256(body).hexdigest()
        if kept is not None and kept != digest:
            add(Reason.ENTRY_CHANGED, index, "its bytes do not have the hash they are kept under")
        # … begins and ends as every entry does, and says its own place, the hash of the one before, and a later time.
        if (match := _beginning(body)) is None:
            add(Reason.MALFORMED, index, "not an entry: it does not begin and end as every entry does")
        else:
            said, time, previous = match.groups()
            if int(said) != index:
                add(Reason.ENTRY_OUT_OF_PLACE, index, f"the entry here says that it is {int(said)}")
            elif previous != self._previous and self._previous:
                add(Reason.CHAIN_BROKEN, index, f"it does not follow entry {index - 1} as that is now")
            if time < self._time:
                add(Reason.TIME_BACKWARDS, index, "recorded before the entry before it")
            else:
                self._time = time
        self._previous = digest.encode() if kept is None else str(kept).encode("ascii", "replace")
        self.last = index
        # 3. Its hash becomes the next leaf.
        self.frontier.push(_sha256(b"\x00" + body).digest())

    def follows(self, stretch: Stretch) -> bool:
        """Whether there is nothing to tell of the first of these where it stands. Then their leaves may be taken."""
        if stretch.first != self.last + 1 or stretch.previous != self._previous or stretch.begins < self._time:
            return False
        self._previous, self._time = stretch.hash, stretch.ends
        return True

    def take_leaves(self, leaves: Sequence[bytes]) -> None:
        """Those of entries that are whole, and that `follows` was asked of."""
        for leaf in leaves:
            self.frontier.push(leaf)
        self.last += len(leaves)

    def _lost(self, reason: Reason, index: int, says: str) -> None:
        self._findings.add(reason, index, says)
        self.whole = False


class _CheckpointCheck:
    """Steps 4 to 6: checkpoints are held against each other, and against the tree as it grows."""

    def __init__(self, entries: EntryCheck, keys: _KeyTrust, findings: Findings, log: Iterable[bytes]) -> None:
        self._entries, self._keys, self._findings = entries, keys, findings
        self._wanted: dict[int, dict[object, tuple[_SignedCheckpoint, Grade, str]]] = {}
        self._mismatched: set[str] = set()
        self._log = iter(log)
        self._next: _SignedCheckpoint | None = None
        self._newest: _SignedCheckpoint | None = None
        self._largest_elsewhere = (0, "")
        self.stop = 0  # the size at which something is to be compared next, or a later one

    def gather(self, data: Iterable[bytes], grade: Grade, where: str) -> None:
        """1. Checkpoints of others: all of them, before the first entry."""
        for one in data:
            if checkpoint := self._keys.read(one, where):
                same = (checkpoint.root, checkpoint.signers, checkpoint.witnessed, grade)
                self._wanted.setdefault(checkpoint.size, {}).setdefault(same, (checkpoint, grade, where))
                self._largest_elsewhere = max(self._largest_elsewhere, (checkpoint.size, where))

    def begin(self) -> None:
        self._sizes = sorted(self._wanted, reverse=True)
        self._advance()
        self.compare()

    def compare(self) -> None:
        """5. What there is to compare at the size reached."""
        size = self._entries.last
        root = self._entries.frontier.root() if self._entries.whole else None
        while self._next is not None and self._next.size <= size:
            if self._next.size == size:
                self._match(self._next, root, "of the log")
            self._advance()
        while self._sizes and self._sizes[-1] <= size:
            at = self._sizes.pop()
            for checkpoint, _, where in self._wanted[at].values() if at == size else ():
                self._match(checkpoint, root, where)
        waiting = [self._next.size] if self._next is not None else []
        self.stop = min([*waiting, *self._sizes[-1:]], default=LARGEST + 1)

    def _advance(self) -> None:
        """4. The log's next checkpoint, past those that go back behind what was already compared."""
        self._next = None
        for data in self._log:
            if (checkpoint := self._keys.read(data, "of the log")) is None:
                continue
            before = self._newest
            if before is not None and checkpoint.size < before.size:
                says = f"after a checkpoint of size {before.size} the log signed one of size {checkpoint.size}"
                self._findings.add(Reason.CHECKPOINT_ROLLED_BACK, checkpoint.size, says)
                continue
            if before is not None and checkpoint.at is not None and before.at is not None and checkpoint.at < before.at:
                says = f"a checkpoint of size {checkpoint.size} was signed before the one that comes before it"
                self._findings.add(Reason.TIME_BACKWARDS, checkpoint.size, says)
            others = [other.root for other, _, _ in self._wanted.get(checkpoint.size, {}).values()]
            if before is not None and checkpoint.size == before.size:
                others.append(before.root)
            if any(root != checkpoint.root for root in others):
                self._forked(checkpoint.size)
            self._newest = self._next = checkpoint
            self._keys.count(checkpoint)
            return

    def _forked(self, size: int) -> None:
        self._findings.add(Reason.FORKED, size, f"two checkpoints of size {size} have different roots")

    def _match(self, checkpoint: _SignedCheckpoint, root: bytes | None, where: str) -> None:
        """5. The root of the tree at this size is the one that was signed. Of each place one mismatch is told."""
        if root is None or root == checkpoint.root or where in self._mismatched:
            return
        self._mismatched.add(where)
        other = f"was signed over other entries than 1 to {checkpoint.size} as they are here"
        self._findings.add(
            Reason.ROOT_MISMATCH, checkpoint.size, f"the checkpoint of size {checkpoint.size} {where} {other}"
        )

    def finish(self) -> None:
        """6. After the last entry: checkpoints beyond it, and what others have that the log has no more."""
        size = self._entries.last
        beyond: tuple[int, str] = (0, "")
        while self._next is not None:
            beyond = max(beyond, (self._next.size, "of the log"))
            self._advance()
        if self._sizes:
            _, _, where = next(iter(self._wanted[self._sizes[0]].values()))
            beyond = max(beyond, (self._sizes[0], where))
        if beyond[0] > size:
            says = f"the record ends with entry {size}, and a checkpoint {beyond[1]} covers {beyond[0]}"
            self._findings.add(Reason.TAIL_CUT, size + 1, says)
        for at in sorted(self._wanted):
            checkpoints = self._wanted[at].values()
            if len({checkpoint.root for checkpoint, _, _ in checkpoints}) > 1:
                self._forked(at)
            for checkpoint, grade, _ in checkpoints:
                self._keys.count(checkpoint, grade)
        most, where = self._largest_elsewhere
        if self._newest is not None and most > self._newest.size:
            says = f"the newest checkpoint of the log covers {self._newest.size} entries, and one {where} covers {most}"
            self._findings.add(Reason.CHECKPOINT_ROLLED_BACK, most, says)


def check_record(entries: Iterable[Row], checkpoints: Sources, trust: Trust) -> Verdict:
    """Judge a record in one pass over its entries.

    The iterables may raise whatever reading them raises; nothing that they give makes this raise.
    """
    return check_pages(pages_of(entries), checkpoints, trust)


def check_pages(pages: Iterable[Page], checkpoints: Sources, trust: Trust) -> Verdict:
    """The same, of entries that somebody may have looked at already, a page at a time."""
    findings = Findings()
    # 0. Whom the reader believes.
    keys, entry_check = _KeyTrust(trust, findings), EntryCheck(findings)
    # 1. The checkpoints from elsewhere, all of them; then the log's, as its size is reached.
    checkpoint_check = _CheckpointCheck(entry_check, keys, findings, checkpoints.log)
    for name, grade, where in _OTHERS:
        checkpoint_check.gather(getattr(checkpoints, name), grade, where)
    checkpoint_check.begin()
    for page in pages:
        # 2. to 5. What is whole, up to the size of each checkpoint; else each entry, and what is wrong with it.
        if page.stretch is not None and entry_check.follows(page.stretch):
            _take_whole(page.stretch, entry_check, checkpoint_check)
            continue
        for index, body, kept in page.rows():
            # 2. and 3. The entry, and the tree with it.
            entry_check.take(index, body, kept)
            # 4. and 5. The checkpoints of this size.
            if entry_check.last >= checkpoint_check.stop:
                checkpoint_check.compare()
    # 6. The end.
    checkpoint_check.finish()
    # 7. and 8. The keys, and the verdict.
    tree = entry_check.frontier
    return _verdict(findings, keys, size=entry_check.last, root=tree.root(), checked=tree.size)


def _take_whole(stretch: Stretch, entries: EntryCheck, checkpoints: _CheckpointCheck) -> None:
    leaves = [stretch.leaves[at : at + HASH_SIZE] for at in range(0, len(stretch.leaves), HASH_SIZE)]
    while leaves:
        upto = max(1, checkpoints.stop - entries.last)
        entries.take_leaves(leaves[:upto])
        leaves = leaves[upto:]
        if entries.last >= checkpoints.stop:
            checkpoints.compare()


def _verdict(
    findings: Findings, keys: _KeyTrust, *, size: int, root: bytes, checked: int, remarks: Iterable[str] = ()
) -> Verdict:
    # 7. Which keys are believed, up to where.
    tallies = keys.believed()
    # 8. The verdict.
    covered = {
        mark: max(tally.largest[mark] for tally in tallies if mark in tally.largest)
        for mark in Grade
        if any(mark in tally.largest for tally in tallies)
    }
    times = [at for tally in tallies for at in (tally.first_at, tally.last_at) if at is not None]
    reached = (Grade.BROKEN,) if findings.told else tuple(covered) or (Grade.UNSIGNED,)
    excluded = [(grade, NOT_EXCLUDED[grade]) for grade in reached if grade in NOT_EXCLUDED]
    if Grade.SIGNED in reached and not keys.outside:
        says = "The key came with what it is to prove: whoever made this may have made the key. Name yours by --key."
        excluded.append((Grade.SIGNED, says))
    return Verdict(
        grade=max(reached),
        size=size,
        root=root,
        checked=checked,
        findings=tuple(findings.told),
        more=findings.more,
        reached=reached,
        covered={} if findings.told else covered,
        excluded=tuple(excluded),
        signed_first=min(times, default=None),
        signed_last=max(times, default=None),
        keys_from_outside=keys.outside,
        remarks=(*remarks, *(() if keys.keys else (NO_KEY,)), GENERAL),
    )


class SealError(Refused):
    """A secret that does not open this field."""


def open_sealed(value: object, secret: str | bytes, *, fact_id: str, path: str) -> Any:
    """What stands in a sealed personal field: ``{"sealed": {"key", "commit", "box"}}``.

    ``secret`` is that of this field alone, 32 bytes or their base64; ``path`` is where the field stands in the fact, as
    `sealed_fields` says it. The commitment lets one secret open a field and no other, to one value and no other.

    Raises SealError.
    """
    try:
        sealed = value["sealed"] if isinstance(value, dict) and set(value) == {"sealed"} else None
        if not isinstance(sealed, dict) or set(sealed) != {"key", "commit", "box"}:
            raise SealError("not a sealed field")
        raw = secret if isinstance(secret, bytes) else decoded(secret)
        commit, box = decoded(sealed["commit"]), decoded(sealed["box"])
        if len(raw) != 32 or len(commit) != 32 or len(box) < 12 + 16:
            raise SealError("a secret and a commitment have 32 bytes, and a box a nonce and a tag")
        if not hmac.compare_digest(hashlib.sha256(b"jit commit\0" + raw).digest(), commit):
            raise SealError("the secret is not that of this field")
        key = hashlib.sha256(b"jit seal\0" + raw).digest()
        opened = AESGCM(key).decrypt(box[:12], box[12:], f"{fact_id}\0{path}".encode())
        return strict_json(opened)
    except InvalidTag:
        raise SealError("the field was changed, or taken from another place") from None
    except SealError:
        raise
    except (Refused, UnicodeEncodeError):
        raise SealError("not a sealed field, or not a secret") from None


def sealed_fields(fact: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every sealed field of a fact's JSON, by its path: `requester`, `counted.0.approver`."""
    waiting: list[tuple[str, Any]] = [("", fact)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            if set(value) == {"sealed"}:
                yield path[1:], value
            else:
                waiting.extend((f"{path}.{name}", inner) for name, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((f"{path}.{place}", inner) for place, inner in enumerate(value))


def strict_json(data: str | bytes) -> Any:
    """JSON with no name twice in one object, no NaN and nothing after it. Raises Refused."""
    try:
        return json.loads(
            data.decode() if isinstance(data, bytes) else data,
            object_pairs_hook=_once_each,
            parse_constant=_no_constant,
        )
    except Refused:
        raise
    except (ValueError, RecursionError):
        raise Refused("not JSON, or nested too deeply") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("a name stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise Refused(f"{name} is no JSON")


def policy_version(files: Iterable[tuple[str, bytes]]) -> str:
    """The version of these policy files, whatever their order: SHA-256 over each one's name and bytes, each of these
    after its length in 8 bytes.
    """
    parts = (part for name, data in sorted(files) for part in (name.encode("utf-8", "surrogateescape"), data))
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


def read_policy(value: object) -> tuple[str, list[tuple[str, bytes]]]:
    """``{"version", "files": [[name, base64]...]}``, where the version must be that of the files. Raises Refused."""
    policy = _object(value, "a policy text", {"version", "files"})
    if not isinstance(policy["files"], list) or not isinstance(policy["version"], str):
        raise Refused("a policy text without its version or its files")
    files = []
    for pair in policy["files"]:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Refused("a policy file is a name and its bytes in base64")
        files.append((pair[0], decoded(pair[1])))
    if len({name for name, _ in files}) != len(files):
        raise Refused("a policy file stands twice")
    try:
        version = policy_version(files)
    except UnicodeEncodeError:
        raise Refused("a policy file with a name that no encoding has") from None
    if version != policy["version"]:
        raise Refused(f"a policy text is not the version {policy['version'][:64]!a} that it says")
    return version, files


def _object(value: object, what: str, names: set[str], may: frozenset[str] = frozenset()) -> dict[str, Any]:
    if not isinstance(value, dict) or not names <= set(value) <= names | may:
        raise Refused(f"{what} has {', '.join(sorted(names))}, and nothing else")
    return value


def check_bundle(data: bytes, trust: Trust) -> Verdict:
    """Judge the evidence bundle of one request. Never raises.

    The reader has to know a key that signed the checkpoint itself: nothing in a bundle ties it to other checkpoints. So
    checkpoints in ``rotations``, which a key and its successor signed both, vouch for nothing: they tell why a key is
    not known.
    """
    findings = Findings()
    # 9. Its form, and its checkpoint.
    try:
        if len(data) > BUNDLE_BYTES:
            raise Refused(f"a bundle of {len(data)} bytes; {BUNDLE_BYTES} are read")
        names = {"format", "request", "made_at", "entries", "checkpoint", "keys", "policies", "anchors"}
        bundle = _object(strict_json(data), "an evidence bundle", names, frozenset({"rotations"}))
        _check_form(bundle)
        offered = tuple(VerifierKey.parse(key) for key in bundle["keys"])
    except Refused as wrong:
        findings.add(Reason.MALFORMED, None, str(wrong))
        return _verdict(findings, _KeyTrust(trust, findings), size=0, root=EMPTY_ROOT, checked=0)
    trust = replace(trust, offered=(*trust.offered, *offered))
    keys = _KeyTrust(trust, findings)
    for rotation in bundle.get("rotations", ()):
        if turned := keys.read(rotation.encode("utf-8", "replace"), "where the key changed"):
            keys.vouch(turned)
    checkpoint = None
    if bundle["checkpoint"] is not None and (
        checkpoint := keys.read(bundle["checkpoint"].encode("utf-8", "replace"), "of the bundle")
    ):
        keys.count(checkpoint)
    # 10. to 13. Each entry.
    check = _BundleCheck(bundle["request"], checkpoint, findings)
    for entry in bundle["entries"]:
        check.take(entry)
    # 14. The rules.
    remarks = [
        "That no entry of the request was left out of the bundle is not shown by it; the whole record shows that.",
        *check.rules(bundle["policies"]),
        *check.whole(),
    ]
    # 7. and 8. The keys, and the verdict.
    size, root = (checkpoint.size, checkpoint.root) if checkpoint else (0, EMPTY_ROOT)
    checked = len(bundle["entries"])
    return _verdict(findings, keys, size=size, root=root, checked=checked, remarks=remarks)


def _check_form(bundle: Mapping[str, Any]) -> None:
    """Raises Refused."""
    if bundle["format"] != BUNDLE_FORMAT:
        raise Refused(f"an evidence bundle says format {BUNDLE_FORMAT!r}")
    if not all(isinstance(bundle[name], str) and 0 < len(bundle[name]) <= 100 for name in ("request", "made_at")):
        raise Refused("an evidence bundle names its request, and when it was made")
    if not isinstance(bundle["checkpoint"], str | None):
        raise Refused("a checkpoint is the text of a signed note, or null")
    for name, kind, most in (
        ("entries", dict, 100_000),
        ("keys", str, 100),
        ("rotations", str, 100),
        ("policies", dict, 1000),
        ("anchors", dict, 10_000),
    ):
        rows = bundle.get(name, [])
        if not isinstance(rows, list) or len(rows) > most or not all(isinstance(row, kind) for row in rows):
            raise Refused(f"{name} is a list of at most {most}, each of one form")
    for anchor in bundle["anchors"]:
        _object(anchor, "an anchor", {"channel", "ts"})
        if not all(isinstance(said, str) and len(said) <= 100 for said in anchor.values()):
            raise Refused("an anchor names a channel and the time stamp of a message")


class _BundleCheck:
    """Steps 10 to 14: the entries of a bundle, one after the other, and the rules that they name."""

    def __init__(self, request: str, checkpoint: _SignedCheckpoint | None, findings: Findings) -> None:
        self._request, self._checkpoint, self._findings = request, checkpoint, findings
        self._about = 0
        self._versions: set[str] = set()
        self._index, self._hash, self._time = 0, "", b""

    def take(self, entry: Mapping[str, Any]) -> None:
        index: int | None = None
        try:
            _object(entry, "an entry of a bundle", {"index", "body", "proof", "disclosed"})
            if type(entry["index"]) is not int or not 0 < entry["index"] <= LARGEST:
                raise Refused("an entry's index counts from 1")
            index = entry["index"]
            if not isinstance(entry["body"], str):
                raise Refused("an entry's body is its exact text")
            body = entry["body"].encode("utf-8", "surrogatepass")
            fact = self._place(index, body)
            proof = [decoded(step) for step in entry["proof"]] if isinstance(entry["proof"], list) else None
            if proof is None or len(proof) > 64:
                raise Refused("a proof is a list of hashes in base64")
        except Refused as wrong:
            self._findings.add(Reason.MALFORMED, index, str(wrong))
            return
        # 11. The path from its bytes to the root.
        if self._checkpoint is not None:
            try:
                check_inclusion(index - 1, self._checkpoint.size, leaf_hash(body), proof, self._checkpoint.root)
            except ProofError:
                says = f"its proof does not lead to the checkpoint of size {self._checkpoint.size}"
                self._findings.add(Reason.PROOF_BAD, index, says)
        self._require_about(index, fact)
        self._open(index, fact, entry["disclosed"])

    def _place(self, index: int, body: bytes) -> dict[str, Any]:
        """10. The fact in these bytes, which stand in their place. Raises Refused."""
        match = _beginning(body)
        if match is None or len(body) > BODY_BYTES:
            raise Refused("not an entry: it does not begin and end as every entry does")
        parsed = strict_json(body)
        if set(parsed) != {"index", "recorded_at", "previous", "fact"}:
            raise Refused("not an entry: it says more than its place and a fact")
        said, time, previous = match.groups()
        if int(said) != index or index <= self._index:
            self._findings.add(Reason.ENTRY_OUT_OF_PLACE, index, f"the entry here says that it is {int(said)}")
        elif index == self._index + 1 and previous.decode() != (self._hash or NO_ENTRY):
            self._findings.add(Reason.CHAIN_BROKEN, index, f"it does not follow entry {index - 1} as that is here")
        if time < self._time:
            self._findings.add(Reason.TIME_BACKWARDS, index, "recorded before the entry before it")
        self._index, self._hash, self._time = index, hashlib.sha256(body).hexdigest(), time
        fact = parsed["fact"]
        assert isinstance(fact, dict)  # noqa: S101  the bytes before it say so
        return fact

    def _require_about(self, index: int, fact: Mapping[str, Any]) -> None:
        """12. It is about the request, or about none; and names the rules that it was decided by."""
        about = fact.get("request_id")
        if about == self._request:
            self._about += 1
        elif about is not None:
            self._findings.add(Reason.WRONG_REQUEST, index, "it is about another request than the bundle")
        self._versions |= {said for name in VERSIONS if isinstance(said := fact.get(name), str)}

    def _open(self, index: int, fact: Mapping[str, Any], disclosed: object) -> None:
        """13. Each secret opens the field it is for."""
        fields = dict(sealed_fields(fact))
        if not isinstance(disclosed, dict):
            self._findings.add(Reason.MALFORMED, index, "what is disclosed is a secret for each field")
            return
        for path, secret in disclosed.items():
            try:
                if path not in fields or not isinstance(secret, str):
                    raise SealError("no such field is sealed")
                open_sealed(fields[path], secret, fact_id=str(fact.get("id")), path=path)
            except SealError as wrong:
                self._findings.add(Reason.SEAL_BAD, index, f"{path[:100]!a}: {wrong}")

    def whole(self) -> Iterator[str]:
        """Once every entry was taken."""
        if not self._about:
            self._findings.add(Reason.WRONG_REQUEST, None, "no entry is about the request that the bundle names")
        if self._checkpoint is None:
            yield "The bundle has no signed checkpoint that could be read: its entries are proven by nothing."

    def rules(self, policies: Iterable[object]) -> Iterator[str]:
        """14. Once every entry was taken: each text has its version, and an entry names that."""
        there = set()
        for policy in policies:
            try:
                version, _ = read_policy(policy)
                if version not in self._versions or version in there:
                    raise Refused("a policy text that no entry names, or that is here twice")
                there.add(version)
            except Refused as wrong:
                self._findings.add(Reason.POLICY_WRONG, None, str(wrong))
        for version in sorted(self._versions - there):
            yield f"The rules {version[:12]!a}, which an entry names, are not in the bundle."


class CannotCheck(Exception):
    """What was to be checked cannot be read."""


def read_lines(path: Path, most: int = BODY_BYTES) -> Iterator[bytes]:
    """The lines of a file, without their newlines. What is no line, being longer than ``most`` or cut off, comes with
    a newline at its end, which nothing that is written here contains.

    Raises CannotCheck.
    """
    try:
        with path.open("rb") as file:
            rest = b""
            while block := file.read(1 << 20):
                *lines, rest = (rest + block).split(b"\n")
                yield from lines
                if len(rest) > most:
                    yield rest + b"\n"
                    rest = b""
            if rest:
                yield rest + b"\n"
    except OSError as wrong:
        raise CannotCheck(f"{path}: {wrong.strerror}") from None


def read_entries(path: Path) -> Iterator[tuple[int, bytes, None]]:
    """Entries of a copy, one a line, for `check_record`. Raises CannotCheck."""
    last = 0
    for line in read_lines(path):
        last += 1
        if not line.startswith(b'{"index": %d, ' % last):
            said = line[10 : max(10, line.find(b",", 10, 30))]
            last = int(said) if said.isdigit() else last
        yield last, line, None


def read_checkpoints(path: Path) -> Iterator[bytes]:
    """Checkpoints of a copy, as JSON, one a line: each with its ``note`` and perhaps ``cosignatures``. What is not that
    comes out as a note that is none. A file that is not there has none.

    Raises CannotCheck.
    """
    if not path.exists():
        return
    for line in read_lines(path):
        try:
            row = strict_json(line)
            added = row.get("cosignatures", [])
            yield "".join([row["note"], *(one.removesuffix("\n") + "\n" for one in added)]).encode()
        except (Refused, AttributeError, KeyError, TypeError, UnicodeEncodeError):
            yield b""


def read_keys(path: Path) -> tuple[VerifierKey, ...]:
    """Keys of a copy, one a line. Raises CannotCheck, and NoteError."""
    if not path.exists():
        return ()
    lines = [line.decode("utf-8", "replace") for line in read_lines(path)]
    return tuple(VerifierKey.parse(line) for line in lines if line)


def check_folder(folder: Path, trust: Trust, channel: Iterable[bytes] = (), locked: Iterable[bytes] = ()) -> Verdict:
    """Judge an exported copy; ``channel`` and ``locked``: checkpoints the reader has from there. Raises CannotCheck."""
    if not (folder / "entries.jsonl").is_file():
        raise CannotCheck(f"{folder} holds no entries.jsonl; `jit audit export` writes one")
    try:
        offered = read_keys(folder / "keys.txt")
    except NoteError as wrong:
        raise CannotCheck(f"{folder / 'keys.txt'}: {wrong}") from None
    log = folder / "checkpoints.jsonl"
    if not log.exists():
        log = folder / "heads.jsonl"  # as copies of earlier versions have it
    sources = Sources(
        log=read_checkpoints(log),
        channel=channel,
        locked=locked,
        beside=chain.from_iterable(read_checkpoints(folder / name) for name in BESIDE),
    )
    trust = replace(trust, offered=(*trust.offered, *offered))
    verdict = check_record(read_entries(folder / "entries.jsonl"), sources, trust)
    beside = [
        f"{name} lay in the copy, so whoever made that put it there: it was held against the copy and raises no grade. "
        f"Name what you have from elsewhere by --{name.removesuffix('.jsonl')}."
        for name in BESIDE
        if (folder / name).exists()
    ]
    return replace(verdict, remarks=(*beside, *verdict.remarks))


def check_path(path: Path, trust: Trust, channel: Path | None = None, locked: Path | None = None) -> Verdict:
    """Judge a folder, a bundle (`*.json`) or entries (`*.jsonl`), by these files of checkpoints. Raises CannotCheck."""
    named = [file for file in (channel, locked) if file is not None]
    if missing := [str(file) for file in named if not file.is_file()]:
        raise CannotCheck(f"{', '.join(missing)} is not there")
    anchored, held = (read_checkpoints(file) if file is not None else () for file in (channel, locked))
    if path.is_dir():
        return check_folder(path, trust, anchored, held)
    if path.suffix == ".jsonl":
        return check_record(read_entries(path), Sources(channel=anchored, locked=held), trust)
    if named:
        raise CannotCheck("--channel and --locked go with a record, not with a bundle")
    try:
        with path.open("rb") as file:
            data = file.read(BUNDLE_BYTES + 1)
    except OSError as wrong:
        raise CannotCheck(f"{path}: {wrong.strerror}") from None
    if data.lstrip()[:1] == b"<":
        raise CannotCheck(f"{path} is a page; give the bundle in JSON, or check the page by `jit audit verify`")
    return check_bundle(data, trust)


def _key(written: str) -> VerifierKey:
    try:
        return VerifierKey.parse(written.strip())
    except NoteError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code that its help tells of."""
    grades = [grade.name.lower() for grade in Grade if grade is not Grade.BROKEN]
    parser = argparse.ArgumentParser(
        description="Checks an exported copy of the record (a folder), bare entries (*.jsonl) or an evidence bundle.",
        epilog="Exit code: 0 intact and as good as required, 1 could not be checked, 2 wrongly called, "
        "3 intact and not as good as required, 4 broken.",
    )
    parser.add_argument("path", type=Path, help="folder, entries.jsonl or bundle.json")
    parser.add_argument("--key", type=_key, action="append", default=[], help="the log's key, as you know it")
    parser.add_argument("--witness", type=_key, action="append", default=[], help="a witness's key; may be repeated")
    parser.add_argument("--witnesses-needed", type=int, default=1, metavar="N", help="how many of them (1)")
    parser.add_argument(
        "--channel", type=Path, metavar="FILE", help="checkpoints that you saved from the audit channel"
    )
    parser.add_argument(
        "--locked", type=Path, metavar="FILE", help="checkpoints that you fetched from the locked store"
    )
    parser.add_argument("--require", choices=grades, default="signed", help="exit with 3 below this (signed)")
    parser.add_argument("--whole", action="store_true", help="the grade asked for must go up to the last entry")
    parser.add_argument("--json", action="store_true", help="for machines")
    asked = parser.parse_args(argv)
    if asked.witnesses_needed < 1:
        parser.error("--witnesses-needed is 1 or more")
    trust = Trust(keys=tuple(asked.key), witnesses=tuple(asked.witness), witnesses_needed=asked.witnesses_needed)
    try:
        verdict = check_path(asked.path, trust, asked.channel, asked.locked)
    except (CannotCheck, OSError) as wrong:
        sys.stderr.write(f"could not be checked: {wrong}\n")
        return 1
    required = Grade[asked.require.upper()]
    code = verdict.exit_code(required, whole=asked.whole)
    lines = [json.dumps(verdict.as_json())] if asked.json else [*verdict.lines()]
    if code == 3 and not asked.json:
        lines.append(f"Required was {asked.require}{', up to the last entry' if asked.whole else ''}.")
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
