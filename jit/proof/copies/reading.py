"""Locked copies of the record: where they lie, and reading them.

`segments/<first>-<last>.jsonl` hold the exact bytes of entries, one a line; `checkpoints/<size>-<signed at>.note`
signed checkpoints over them, with what witnesses added. Earlier versions put those under `heads/`, and a lock keeps
them there. Nothing is read as true here: `jit.proof.verifier` judges what comes out.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jit.ports import Clock
from jit.proof.copies.bucket import Bucket, Content, CopiesUnavailable, StoredObject, TooLong
from jit.proof.copies.segments import Segment, way_to
from jit.proof.verifier import NoteError, VerifierKey, cosigned_at, parse_checkpoint, parse_note, signed

_SEGMENT = re.compile(r"segments/([0-9]{12})-([0-9]{12})\.jsonl")
_CHECKPOINT = re.compile(r"(?:checkpoints|heads)/([0-9]{12})-([0-9]{1,12})\.note")
LONGEST_CHECKPOINT = 1 << 20
"""Bytes, as for any signed note."""
MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class LockedCheckpoint:
    """A checkpoint as its name has it: a claim until its note was read."""

    size: int
    at: int
    stored: StoredObject


def segment_name(first: int, last: int) -> str:
    return f"segments/{first:012d}-{last:012d}.jsonl"


def checkpoint_name(size: int, at: int) -> str:
    """``at`` in POSIX seconds."""
    return f"checkpoints/{size:012d}-{at}.note"


def segments_in(bucket: Bucket) -> list[Segment]:
    """By where they begin. What has no name of ours is passed over. Raises CopiesUnavailable."""
    found = [(_SEGMENT.fullmatch(stored.name), stored) for stored in bucket.all("segments/")]
    all_ = [Segment(int(match[1]), int(match[2]), stored) for match, stored in found if match]
    return sorted((each for each in all_ if 1 <= each.first <= each.last), key=lambda each: (each.first, each.last))


def checkpoints_in(bucket: Bucket) -> list[LockedCheckpoint]:
    """By size and time. Raises CopiesUnavailable."""
    stored = [*bucket.all("checkpoints/"), *bucket.all("heads/")]
    found = [(_CHECKPOINT.fullmatch(each.name), each) for each in stored]
    return sorted(
        (LockedCheckpoint(int(match[1]), int(match[2]), each) for match, each in found if match),
        key=lambda each: (each.size, each.at),
    )


def gaps(segments: list[Segment]) -> Iterator[tuple[int, int]]:
    """Places, first and last, that no segment holds though a later one is there."""
    reach = 0
    for each in segments:
        if each.first > reach + 1:
            yield reach + 1, each.first - 1
        reach = max(reach, each.last)


def hidden(segments: list[Segment], checkpoints: list[LockedCheckpoint]) -> list[StoredObject]:
    """What somebody tried to replace or delete."""
    all_ = [*(each.stored for each in segments), *(each.stored for each in checkpoints)]
    return [stored for stored in all_ if stored.covered]


@dataclass
class Copies:
    """What lies in a store of copies; made by `open_copies`. What it says of them is whole once all was read."""

    bucket: Bucket
    clock: Clock
    segments: list[Segment]
    locked: list[LockedCheckpoint]
    faults: list[str] = field(default_factory=list)
    """Where the copies contradict themselves or lack something, in sentences. The first hundred."""
    remarks: list[str] = field(default_factory=list)
    """What breaks nothing that was read: copies that others laid something over, or whose lock ran out. As many."""
    locked_until: datetime | None = None
    """Until then nothing of what was read can be replaced or deleted; None if something can be now."""
    _unlocked: bool = False
    _roots: dict[int, set[bytes]] = field(default_factory=dict)
    """By size, of the checkpoints given out."""

    def checkpoints(self, keys: Sequence[VerifierKey] = (), witnesses: Sequence[VerifierKey] = ()) -> Iterator[bytes]:
        """The signed notes that a lock is on, in order; with ``keys``, those that one of them has signed.

        Who may put objects may put others here, under a lock as well: those are remarked on. Raises CopiesUnavailable.
        """
        for each in self.locked:
            for stored in (each.stored, *each.stored.later):
                content = self.bucket.get(stored)
                note = _note_in(content)
                if note is None or not _is_ours(note, keys, witnesses):
                    _say(self.remarks, f"{stored.name} is no checkpoint of this record: somebody else put it there.")
                    continue
                if self._is_locked(stored.name, content.until):
                    checkpoint = parse_checkpoint(parse_note(note).text)
                    self._roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
                    yield note
                break

    def entries(self) -> Iterator[tuple[int, bytes, None]]:
        """Index, bytes and no hash beside them, in order, as the checkpoints given before cover them.

        Who may put objects may put other segments here: where some lead to the checkpoints, all others are remarked on.
        Where none do, all are read, and what is told in two ways comes twice. Raises CopiesUnavailable.
        """
        way = self._way()
        if way is None:
            for first, last in gaps(self.segments):
                self._fault(f"Entries {first} to {last} are in no segment.")
            yield from self._all_entries()
            return
        reach = 0
        for each in way:
            content = self.bucket.get(each.stored)
            self._is_locked(each.stored.name, content.until)
            for index, body in enumerate(content.lines(), each.first):
                if index > reach:
                    yield index, body, None
            reach = each.last

    def _way(self) -> list[Segment] | None:
        """The segments that lead from the beginning to the last checkpoint; None if they all do, or none."""
        end = max(self._roots, default=0)
        plain = not any(each.stored.later for each in self.segments) and _follow_each_other(self.segments)
        if not end or (plain and (not self.segments or self.segments[-1].last <= end)):
            return None
        given = [Segment(s.first, s.last, stored) for s in self.segments for stored in (s.stored, *s.stored.later)]
        given.sort(key=lambda each: (each.stored.put_at, each.stored.name))
        way = way_to(end, self.bucket, given, self._roots)
        if way is not None:
            taken = {(each.stored.name, each.stored.version) for each in way}
            for each in given:
                if (each.stored.name, each.stored.version) not in taken:
                    _say(
                        self.remarks, f"{each.stored.name} is not needed: a second copy, or somebody else put it there."
                    )
        return way

    def _all_entries(self) -> Iterator[tuple[int, bytes, None]]:
        reach = 0
        doubled = _Doubled(self.segments)
        for each in self.segments:
            content = self.bucket.get(each.stored)
            self._is_locked(each.stored.name, content.until)
            index = each.first - 1
            for body in content.lines():
                index += 1
                same = doubled.same(index, body)
                if not same:
                    self._fault(f"Entry {index} is another in {each.stored.name} than in a segment before it.")
                if index > reach or not same:
                    yield index, body, None
            if index != each.last:
                self._fault(f"{each.stored.name} holds {index - each.first + 1} entries.")
            reach = max(reach, index)

    def _fault(self, says: str) -> None:
        _say(self.faults, says)

    def _is_locked(self, name: str, until: datetime | None) -> bool:
        if until is None or until <= self.clock.now():
            self._unlocked = True
            self.locked_until = None
            _say(self.remarks, f"{name} is not locked any more, as far as we may see: it could have been replaced.")
            return False
        if not self._unlocked:
            self.locked_until = until if self.locked_until is None else min(until, self.locked_until)
        return True


class _Doubled:
    """Entries that more than one segment holds."""

    def __init__(self, segments: list[Segment]) -> None:
        self._spans: list[tuple[int, int]] = []
        self._seen: dict[int, bytes] = {}
        reach = 0
        for each in segments:
            if each.first <= reach:
                self._spans.append((each.first, min(reach, each.last)))
            reach = max(reach, each.last)

    def same(self, index: int, body: bytes) -> bool:
        """Whether this is the one there was before, if there was one."""
        if not any(first <= index <= last for first, last in self._spans):
            return True
        digest = hashlib.sha256(body).digest()
        return self._seen.setdefault(index, digest) == digest


def open_copies(url: str, clock: Clock, *, endpoint: str = "") -> Copies:
    """Copies at `s3://bucket/prefix`, looked through by name.

    Raises:
        CannotStart: no such address, or no boto3.
        CopiesUnavailable: the store does not answer, or there is nothing.
    """
    bucket = Bucket(url, endpoint)
    checkpoints, segments = (
        checkpoints_in(bucket),
        segments_in(bucket),
    )  # in this order: what is copied meanwhile cuts no tail
    if not segments and not checkpoints:
        raise CopiesUnavailable(f"there are no copies at {url}")
    copies = Copies(bucket, clock, segments, checkpoints)
    for stored in hidden(segments, checkpoints):
        _say(copies.remarks, f"{stored.name} lies under {stored.covered}: somebody tried to replace or delete it.")
    return copies


def _follow_each_other(segments: list[Segment]) -> bool:
    """From the first entry on, without a gap or an entry twice."""
    return [each.first for each in segments] == [1, *(each.last + 1 for each in segments)][: len(segments)]


def _note_in(content: Content) -> bytes | None:
    """None if it is no checkpoint, whoever signed it."""
    try:
        note = content.all(LONGEST_CHECKPOINT)
        parse_checkpoint(parse_note(note).text)
    except (NoteError, TooLong):
        return None
    return note


def _is_ours(data: bytes, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey]) -> bool:
    """Whether a known key has signed it, and what is written in it as a known key's is that."""
    if not keys:
        return True
    note = parse_note(data)
    origin = parse_checkpoint(note.text).origin
    mine = [key.signing() for key in keys if key.name == origin]
    try:
        for key in (*mine, *(key.cosigning() for key in witnesses)):
            cosigned_at(note, key)
        found = [signed(note, key) for key in mine]  # each: one that does not hold raises
    except NoteError:
        return False
    return any(found)


def _say(told: list[str], says: str) -> None:
    if len(told) < MOST_FAULTS:
        told.append(says)
