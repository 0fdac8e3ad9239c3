"""Which of many segments lead to the signed checkpoints. Who may put objects into the store may put others beside ours.

An entry names the one before it by its hash, so the hash of the last entry reached names all before it: each such
place is looked at once, however many segments lead there.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jit.proof.copies.bucket import Bucket, StoredObject, TooLong
from jit.proof.verifier import NO_ENTRY, Frontier, leaf_hash

MOST_PLACES = 10_000
"""That are looked at; beyond it what lies there is not sorted out."""
_BEGINS = re.compile(
    rb'\{"index": ([1-9][0-9]{0,18}), "recorded_at": "[^"]{1,40}", "previous": "([0-9a-f]{64})", "fact": \{'
)


@dataclass(frozen=True, slots=True)
class Segment:
    """Entries ``first`` to ``last``, both in it."""

    first: int
    last: int
    stored: StoredObject


@dataclass(frozen=True, slots=True)
class _Chained:
    """A segment whose entries follow each other. ``hashes`` begins with what its first entry names as before it."""

    segment: Segment
    hashes: tuple[bytes, ...]
    leaves: tuple[bytes, ...]

    def follows(self, reach: int, head: bytes) -> bool:
        first, last = self.segment.first, self.segment.last
        return first <= reach + 1 <= last and self.hashes[reach + 1 - first] == head


@dataclass(frozen=True, slots=True)
class _Reached:
    """``head``: the hash of entry ``reach``, which is the last so far."""

    reach: int
    head: bytes
    nodes: tuple[bytes, ...]
    way: tuple["_Reached", Segment] | None = None


def way_to(
    end: int, bucket: Bucket, segments: Sequence[Segment], roots: Mapping[int, set[bytes]]
) -> list[Segment] | None:
    """Segments that hold all entries up to ``end`` without contradicting a root on the way, earlier ones first where
    there is a choice, and as little beyond as can be. None if there are none such. Raises CopiesUnavailable.
    """
    chained = [found for each in segments if (found := _chained(bucket, each))]
    waiting = [_Reached(0, NO_ENTRY.encode(), ())]
    seen = {waiting[0].head}
    best: _Reached | None = None
    while waiting and len(seen) < MOST_PLACES:
        at = waiting.pop()
        if at.reach >= end:
            best = at if best is None or at.reach < best.reach else best
            continue
        following = (_after(at, each, roots) for each in reversed(chained) if each.follows(at.reach, at.head))
        for place in following:
            if place and place.head not in seen:
                seen.add(place.head)
                waiting.append(place)
    return list(_way_of(best))[::-1] if best else None


def _after(at: _Reached, chained: _Chained, roots: Mapping[int, set[bytes]]) -> _Reached | None:
    """None where a checkpoint says otherwise."""
    tree = Frontier(at.reach, at.nodes)
    for leaf in chained.leaves[at.reach + 1 - chained.segment.first :]:
        tree.push(leaf)
        if tree.size in roots and tree.root() not in roots[tree.size]:
            return None
    return _Reached(tree.size, chained.hashes[-1], tree.nodes, (at, chained.segment))


def _way_of(place: _Reached) -> Iterator[Segment]:
    while place.way:
        place, segment = place.way
        yield segment


def _chained(bucket: Bucket, segment: Segment) -> _Chained | None:
    """None for what is no segment: entries that do not follow each other, or others than its name says."""
    hashes: list[bytes] = []
    leaves: list[bytes] = []
    try:
        for index, body in enumerate(bucket.get(segment.stored).lines(), segment.first):
            begins = _BEGINS.match(body)
            if index > segment.last or begins is None or int(begins[1]) != index:
                return None
            hashes = hashes or [begins[2]]
            if begins[2] != hashes[-1]:
                return None
            hashes.append(hashlib.sha256(body).hexdigest().encode())
            leaves.append(leaf_hash(body))
    except TooLong:
        return None
    return _Chained(segment, tuple(hashes), tuple(leaves)) if segment.first + len(leaves) - 1 == segment.last else None
