"""Locked copies of the record: where they lie, and reading them.

`segments/<first>-<last>.jsonl` hold the exact bytes of entries, one a line; `heads/<size>-<signed at>.note` signed
heads over them, with what witnesses added. Nothing is read as true here: `jit.verifier` judges what comes out.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from jit.copies.bucket import Bucket, CopiesUnavailable, Kept
from jit.ports import Clock

_SEGMENT = re.compile(r"segments/([0-9]{12})-([0-9]{12})\.jsonl")
_HEAD = re.compile(r"heads/([0-9]{12})-([0-9]{1,12})\.note")
LONGEST_HEAD = 1 << 20
"""Bytes, as for any signed note."""
_MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Segment:
    """Entries ``first`` to ``last``, both in it."""

    first: int
    last: int
    kept: Kept


@dataclass(frozen=True, slots=True)
class LockedHead:
    """A head as its name has it: a claim until its note was read."""

    size: int
    at: int
    kept: Kept


def segment_name(first: int, last: int) -> str:
    return f"segments/{first:012d}-{last:012d}.jsonl"


def head_name(size: int, at: int) -> str:
    """``at`` in POSIX seconds."""
    return f"heads/{size:012d}-{at}.note"


def segments_in(bucket: Bucket) -> list[Segment]:
    """By where they begin. What has no name of ours is passed over. Raises CopiesUnavailable."""
    found = [(_SEGMENT.fullmatch(kept.name), kept) for kept in bucket.all("segments/")]
    all_ = [Segment(int(match[1]), int(match[2]), kept) for match, kept in found if match]
    return sorted((each for each in all_ if 1 <= each.first <= each.last), key=lambda each: (each.first, each.last))


def heads_in(bucket: Bucket) -> list[LockedHead]:
    """By size and time. Raises CopiesUnavailable."""
    found = [(_HEAD.fullmatch(kept.name), kept) for kept in bucket.all("heads/")]
    return sorted(
        (LockedHead(int(match[1]), int(match[2]), kept) for match, kept in found if match),
        key=lambda each: (each.size, each.at),
    )


def gaps(segments: list[Segment]) -> Iterator[tuple[int, int]]:
    """Places, first and last, that no segment holds though a later one is there."""
    reach = 0
    for each in segments:
        if each.first > reach + 1:
            yield reach + 1, each.first - 1
        reach = max(reach, each.last)


def hidden(segments: list[Segment], heads: list[LockedHead]) -> list[Kept]:
    """What somebody tried to replace or delete."""
    all_ = [*(each.kept for each in segments), *(each.kept for each in heads)]
    return [kept for kept in all_ if kept.covered]


@dataclass
class Copies:
    """What lies in a store of copies; made by `open_copies`. What it says of them is whole once all was read."""

    bucket: Bucket
    clock: Clock
    segments: list[Segment]
    locked: list[LockedHead]
    faults: list[str] = field(default_factory=list)
    """Where the copies contradict themselves or lack something, in sentences. The first hundred."""
    remarks: list[str] = field(default_factory=list)
    """What breaks nothing that was read: copies that others laid something over, or whose lock ran out. As many."""
    locked_until: datetime | None = None
    """Until then nothing of what was read can be replaced or deleted; None if something can be now."""
    _unlocked: bool = False

    def heads(self) -> Iterator[bytes]:
        """The signed notes that a lock is on, in order. Raises CopiesUnavailable."""
        for each in self.locked:
            content = self.bucket.get(each.kept)
            if self._is_locked(each.kept.name, content.until):
                yield content.all(LONGEST_HEAD)

    def entries(self) -> Iterator[tuple[int, bytes, None]]:
        """Index, bytes and no hash beside them, in order; one that is told in two ways comes twice.

        Raises CopiesUnavailable.
        """
        reach = 0
        doubled = _Doubled(self.segments)
        for each in self.segments:
            content = self.bucket.get(each.kept)
            self._is_locked(each.kept.name, content.until)
            index = each.first - 1
            for body in content.lines():
                index += 1
                same = doubled.same(index, body)
                if not same:
                    self._fault(f"Entry {index} is another in {each.kept.name} than in a segment before it.")
                if index > reach or not same:
                    yield index, body, None
            if index != each.last:
                self._fault(f"{each.kept.name} holds {index - each.first + 1} entries.")
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
    heads, segments = heads_in(bucket), segments_in(bucket)  # in this order: what is copied meanwhile cuts no tail
    if not segments and not heads:
        raise CopiesUnavailable(f"there are no copies at {url}")
    copies = Copies(bucket, clock, segments, heads)
    for kept in hidden(segments, heads):
        _say(copies.remarks, f"{kept.name} lies under {kept.covered}: somebody tried to replace or delete it.")
    for first, last in gaps(segments):
        _say(copies.faults, f"Entries {first} to {last} are in no segment.")
    return copies


def _say(told: list[str], says: str) -> None:
    if len(told) < _MOST_FAULTS:
        told.append(says)
