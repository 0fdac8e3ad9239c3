import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import (
    Frontier,
    ProofError,
    check_inclusion,
    leaf_hash,
    node_hash,
)
from jit.proof.witness.consistency import check_consistency
from tests.world.raised import raised

SIZES = [*range(1, 34), 64, 65, 127, 128, 130]
LEAVES = [leaf_hash(str(place).encode()) for place in range(130)]
TREE = HashTree(LEAVES)


def by_definition(leaves):
    """MTH of RFC 6962, 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


def test_roots_of_130_sizes_are_those_of_the_definition():
    whole = Frontier()
    for size, leaf in enumerate(LEAVES, 1):
        kept = Frontier(whole.size, whole.nodes)
        for frontier in (whole, kept):
            frontier.push(leaf)
            assert frontier.size == size
            assert frontier.root() == TREE.root(size) == by_definition(LEAVES[:size]), size


def test_every_leaf_is_proven():
    for size in SIZES:
        for index in range(size):
            proof = TREE.inclusion(index, size)
            assert not raised(ProofError, check_inclusion, index, size, LEAVES[index], proof, TREE.root(size))


def test_every_beginning_is_proven():
    for new in SIZES:
        for old in range(1, new + 1):
            proof = TREE.consistency(old, new)
            assert not raised(ProofError, check_consistency, old, TREE.root(old), new, TREE.root(new), proof)


def test_a_proof_holds_for_its_two_roots_alone():
    for old, new in ((1, 8), (6, 8), (2, 5), (6, 7), (4, 8), (7, 7)):
        proof, wrong = TREE.consistency(old, new), LEAVES[100]
        for roots in ((wrong, TREE.root(new)), (TREE.root(old), wrong)):
            assert raised(ProofError, check_consistency, old, roots[0], new, roots[1], proof), (old, new)


def test_a_frontier_refuses_what_does_not_fit_its_size():
    for size, nodes in ((1, []), (0, [b"x" * 32]), (3, [b"x" * 32]), (1, [b"x" * 31]), (-1, [])):
        assert raised(ValueError, Frontier, size, nodes), size


def test_no_proof_is_made_of_what_is_not_there():
    for ask, *numbers in (
        (TREE.inclusion, 130),
        (TREE.inclusion, -1),
        (TREE.inclusion, 0, 131),
        (TREE.consistency, 0, 5),
        (TREE.consistency, 6, 5),
        (TREE.root, 131),
        (TREE.root, -1),
        (TREE.perfect, 3, 16),
        (TREE.perfect, 0, -1),
    ):
        assert raised(ValueError, ask, *numbers), numbers


def test_an_empty_old_tree_proves_nothing():
    with pytest.raises(ProofError):
        check_consistency(0, Frontier().root(), 5, TREE.root(5), [])


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.data())
def test_a_changed_inclusion_proof_is_refused(data):
    size = data.draw(st.integers(2, 130))
    index = data.draw(st.integers(0, size - 1))
    proof = TREE.inclusion(index, size)
    other_index = data.draw(st.integers(-1, 140))
    other_size = data.draw(st.integers(0, 140))
    changed = _damaged(data, proof)
    if (other_index, changed) != (index, proof):
        with pytest.raises(ProofError):
            check_inclusion(other_index, size, LEAVES[index], changed, TREE.root(size))
    if other_size != size:
        with pytest.raises(ProofError):
            check_inclusion(index, size, LEAVES[index], proof, _root(other_size))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.data())
def test_a_changed_consistency_proof_is_refused(data):
    new = data.draw(st.integers(2, 130))
    old = data.draw(st.integers(1, new - 1))
    proof = TREE.consistency(old, new)
    changed = _damaged(data, proof)
    if changed != proof:
        with pytest.raises(ProofError):
            check_consistency(old, TREE.root(old), new, TREE.root(new), changed)
    with pytest.raises(ProofError):
        check_consistency(old, TREE.root(new), new, TREE.root(old), proof)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.integers(-5, 2**64), st.integers(-5, 2**64), st.lists(st.binary(max_size=40), max_size=70))
def test_any_numbers_and_hashes_end_in_a_verdict(first, second, proof):
    for check in (
        lambda: check_inclusion(first, second, LEAVES[0], proof, LEAVES[1]),
        lambda: check_consistency(first, LEAVES[0], second, LEAVES[1], proof),
    ):
        try:
            check()
        except ProofError:
            continue


def _root(size):
    return TREE.root(size) if size <= 130 else b"\0" * 32


def _damaged(data, proof):
    changed = list(proof)
    how = data.draw(st.sampled_from(["bit", "drop", "add", "swap", "nothing"]))
    if how == "add":
        changed.insert(data.draw(st.integers(0, len(proof))), data.draw(st.sampled_from([LEAVES[3], b"", b"x"])))
    elif proof and how != "nothing":
        place = data.draw(st.integers(0, len(proof) - 1))
        if how == "drop":
            del changed[place]
        elif how == "bit":
            flipped = bytearray(changed[place])
            flipped[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
            changed[place] = bytes(flipped)
        else:
            changed[0], changed[place] = changed[place], changed[0]
    return changed
