"""Whether one tree is a beginning of another: what a witness checks before it cosigns. Nothing else here asks that."""

from collections.abc import Sequence

from jit.proof.verifier import HASH_SIZE, LARGEST, ProofError, node_hash


def check_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Whether the old tree is a beginning of the new one: RFC 6962, 2.1.4.2 (as RFC 9162 has it).

    An empty old tree is refused: it is a beginning of everything, and a proof of it is worth nothing.

    Raises:
        ProofError: it is not, or the proof has another shape than trees of these sizes give.
    """
    if not 0 < old_size <= new_size <= LARGEST:
        raise ProofError(f"nothing proves that a tree of {old_size} is a beginning of one of {new_size}")
    if any(len(value) != HASH_SIZE for value in (old_root, new_root, *proof)):
        raise ProofError(f"a hash has {HASH_SIZE} bytes")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError(f"two trees of {new_size} must have one root, and need no proof")
        return
    inner = ((old_size - 1) ^ (new_size - 1)).bit_length()
    shift = (old_size & -old_size).bit_length() - 1
    seed, rest = (old_root, proof) if old_size == 1 << shift else (proof[0] if proof else b"", proof[1:])
    mask, inner = (old_size - 1) >> shift, inner - shift
    if not seed or len(rest) != inner + (mask >> inner).bit_count():
        raise ProofError(f"trees of {old_size} and {new_size} have no proof of {len(proof)} steps")
    old = new = seed
    for height, sibling in enumerate(rest):
        if height >= inner or (mask >> height) & 1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != old_root or new != new_root:
        raise ProofError(f"the tree of {new_size} does not begin with the tree of {old_size}")
