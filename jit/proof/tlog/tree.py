"""The Merkle tree of RFC 6962 with all its hashes, for making proofs. Checking them is in `jit.proof.verifier`."""

from collections.abc import Iterable

from jit.proof.verifier import EMPTY_ROOT, node_hash

HASH_SIZE = 32


class HashTree:
    """Holds 64 bytes for each leaf. A leaf here is a leaf *hash*; ``size`` counts leaves, from which all else follows.

    A tree of a smaller size is always a beginning of this one, so every question may name one.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        for leaf in leaves:
            self.push(leaf)

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_SIZE

    def push(self, leaf: bytes) -> None:
        if len(leaf) != HASH_SIZE:
            raise ValueError(f"a leaf hash has {HASH_SIZE} bytes, this has {len(leaf)}")
        level, node, place = 0, leaf, self.size
        self._levels[0] += leaf
        while place & 1:
            node = node_hash(self.perfect(level, place - 1), node)
            level, place = level + 1, place >> 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += node

    def perfect(self, level: int, place: int) -> bytes:
        """Root of the ``2**level`` leaves from ``place * 2**level``. Raises ValueError where they are not all here."""
        row = self._levels[level] if level < len(self._levels) else b""
        found = bytes(row[place * HASH_SIZE : (place + 1) * HASH_SIZE])
        if place < 0 or len(found) != HASH_SIZE:
            raise ValueError(f"no full subtree {place} of height {level} in a tree of {self.size}")
        return found

    def root(self, size: int | None = None) -> bytes:
        """Raises ValueError for a size this tree does not have."""
        size = self._known(self.size if size is None else size)
        return self._span(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The path of leaf ``index``, from 0, in the tree of ``size``: RFC 6962, 2.1.1. Raises ValueError."""
        size = self._known(self.size if size is None else size)
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._span(middle, end))
                end = middle
            else:
                path.append(self._span(start, middle))
                start = middle
        path.reverse()
        return path

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """That the tree of ``old`` is a beginning of that of ``new``: RFC 6962, 2.1.2.

        Raises ValueError. ``old`` may not be 0: every tree begins with the empty one, and a proof would say nothing.
        """
        new = self._known(self.size if new is None else new)
        if not 0 < old <= new:
            raise ValueError(f"there is no proof that a tree of {old} is a beginning of one of {new}")
        proof: list[bytes] = []
        start, end, whole = 0, new, True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._span(middle, end))
                end = middle
            else:
                proof.append(self._span(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._span(start, end))
        proof.reverse()
        return proof

    def _known(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"this tree has {self.size} leaves, not {size}")
        return size

    def _span(self, start: int, end: int) -> bytes:
        """Root over leaves ``start`` to ``end``, where ``start`` is where a subtree of that width begins."""
        nodes: list[bytes] = []
        while start < end:
            level = (end - start).bit_length() - 1
            nodes.append(self.perfect(level, start >> level))
            start += 1 << level
        root = nodes.pop()
        while nodes:
            root = node_hash(nodes.pop(), root)
        return root


def _split(width: int) -> int:
    """The largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)
