"""Against the values that other implementations are held to; `tests/vectors/README.md` says whose."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from jit.proof.tlog.note import NotASigningKey, SignerKey, cosign, sign
from jit.proof.tlog.tiles import hash_tile, read_tiles, tile_path, tiles_of, unbundle
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import (
    EMPTY_ROOT,
    Frontier,
    NoteError,
    ProofError,
    VerifierKey,
    check_inclusion,
    cosigned_at,
    leaf_hash,
    parse_checkpoint,
    parse_note,
    signed,
)
from jit.proof.witness.consistency import check_consistency
from tests.world.raised import raised

VECTORS = Path(__file__).parents[2] / "vectors"
NOT_HASHES = {"additional/sizes-are-equal-one-and-proof-is-empty"}
"""Accepted there with roots of 12 bytes, which are refused here: a root is a hash."""


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


def raw(value: str | None) -> bytes:
    return base64.b64decode(value or "")


def test_98_inclusion_proofs_are_judged_as_by_transparency_dev():
    cases = load("merkle/inclusion.json")
    assert len(cases) == 98
    for name, case in cases.items():
        proof = [raw(step) for step in case["proof"] or ()]
        given = (case["leafIdx"], case["treeSize"], raw(case["leafHash"]), proof, raw(case["root"]))
        assert bool(raised(ProofError, check_inclusion, *given)) is case["wantErr"], name


def test_98_consistency_proofs_are_judged_as_by_transparency_dev():
    cases = load("merkle/consistency.json")
    assert len(cases) == 98
    for name, case in cases.items():
        proof = [raw(step) for step in case["proof"] or ()]
        given = (case["size1"], raw(case["root1"]), case["size2"], raw(case["root2"]), proof)
        assert bool(raised(ProofError, check_consistency, *given)) is (case["wantErr"] or name in NOT_HASHES), name


def tessera(name: str) -> bytes:
    return (VECTORS / "tessera" / "log" / name).read_bytes()


def tessera_leaves(size: int) -> list[bytes]:
    return [leaf_hash(entry) for entry in unbundle(tessera(f"tile/entries/000.p/{size}"))] if size else []


def test_each_of_16_checkpoints_of_tessera_is_signed_over_its_entries_and_extends_the_others():
    key = VerifierKey.parse((VECTORS / "tessera" / "key.txt").read_text().strip())
    whole = HashTree(tessera_leaves(15))
    last = parse_checkpoint(parse_note(tessera("checkpoint.15")).text)
    for size in range(16):
        note = parse_note(tessera(f"checkpoint.{size}"))
        checkpoint = parse_checkpoint(note.text)
        assert signed(note, key), size
        assert (checkpoint.origin, checkpoint.size) == (key.name, size)
        frontier = Frontier()
        for leaf in tessera_leaves(size):
            frontier.push(leaf)
        assert checkpoint.root == frontier.root() == HashTree(tessera_leaves(size)).root(), size
        if size:
            check_consistency(size, checkpoint.root, 15, last.root, whole.consistency(size, 15))
            ((level, place, width),) = tiles_of(size)
            assert tessera(tile_path(level, place, width)) == hash_tile(whole, level, place, width), size


def test_a_log_of_tessera_reads_as_a_folder_of_tiles():
    assert read_tiles(VECTORS / "tessera" / "log").size == 15


GO = load("go-note/sumdb.json")
PETER, ENOCH = (VerifierKey.parse(GO["vkeys"][name]) for name in ("peter", "enoch"))


def manglings(text: str) -> list[str]:
    """Every part of it, and every one of its characters as the next one, as Go's tests have it."""
    parts = [text[i:j] for i in range(len(text) + 1) for j in range(i + 1, len(text) + 1) if (i, j) != (0, len(text))]
    return parts + [text[:i] + chr(ord(char) + 1) + text[i + 1 :] for i, char in enumerate(text)]


def test_no_mangled_verifier_key_of_go_is_taken():
    assert str(PETER) == GO["vkeys"]["peter"]
    for mangled in [*manglings(GO["vkeys"]["peter"]), *GO["bad_vkeys"]]:
        assert raised(NoteError, VerifierKey.parse, mangled), mangled


def test_no_mangled_signing_key_of_go_is_taken():
    assert SignerKey.parse(GO["skey"]).skey() == GO["skey"]
    for mangled in manglings(GO["skey"]):
        assert raised(NotASigningKey, SignerKey.parse, mangled), mangled


def test_a_note_is_signed_to_the_byte_as_by_go():
    key = SignerKey.parse(GO["skey"])
    assert key.verifier() == PETER
    assert sign(GO["text"].encode(), key).decode() == GO["text"] + "\n" + GO["peter"]


def test_both_signatures_of_a_note_of_go_hold():
    note = parse_note((GO["text"] + "\n" + GO["peter"] + GO["enoch"]).encode())
    assert note.text.decode() == GO["text"]
    assert signed(note, PETER)
    assert signed(note, ENOCH)


def test_a_note_of_go_is_not_signed_by_who_did_not_sign_it():
    note = parse_note((GO["text"] + "\n" + GO["peter"]).encode())
    assert not signed(note, ENOCH)


def test_100_signatures_are_read_and_no_more():
    assert len(parse_note((GO["text"] + "\n" + GO["peter"] * 100).encode()).signatures) == 100
    with pytest.raises(NoteError, match="101 signatures"):
        parse_note((GO["text"] + "\n" + GO["peter"] * 101).encode())


def test_a_bad_signature_by_a_known_key_is_an_error_and_not_a_no():
    for line in GO["bad_signatures"]:
        assert raised(NoteError, signed, parse_note((GO["text"] + "\n" + line).encode()), PETER), line


def test_what_is_no_note_to_go_is_none_here():
    for note in (*GO["bad_notes"], "\udcff" + GO["text"] + "\n" + GO["peter"]):
        assert raised(NoteError, parse_note, note.encode("utf-8", "surrogateescape")), note


def test_a_tree_of_go_reads_as_a_checkpoint():
    checkpoint = parse_checkpoint(GO["trees"]["good"].encode())
    assert (checkpoint.size, checkpoint.root) == (GO["trees"]["size"], leaf_hash(GO["trees"]["leaf"].encode()))
    for junk in GO["trees"]["junk_after_it"]:
        assert parse_checkpoint((GO["trees"]["good"] + junk).encode()) == checkpoint
    for text in GO["trees"]["bad"]:
        assert raised(NoteError, parse_checkpoint, text.encode()), text


REKOR = load("rekor2/entries.json")


def check_rekor(entry: dict[str, Any]) -> None:
    """The part of verifying a bundle that is about the log."""
    proof = entry["inclusionProof"]
    note = parse_note(proof["checkpoint"]["envelope"].encode())
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin not in entry["keys"]:
        raise NoteError("another log")
    key = VerifierKey.of(checkpoint.origin, 1, raw(entry["keys"][checkpoint.origin])[-32:])
    assert key.key_id == raw(entry["logId"]["keyId"])[:4]
    if not signed(note, key):
        raise NoteError("unsigned")
    assert (checkpoint.size, checkpoint.root) == (int(proof["treeSize"]), raw(proof["rootHash"]))
    path = [raw(step) for step in proof["hashes"]]
    check_inclusion(
        int(proof["logIndex"]), checkpoint.size, leaf_hash(raw(entry["canonicalizedBody"])), path, checkpoint.root
    )


def test_entries_of_rekor_are_proven_and_damaged_checkpoints_of_it_prove_nothing():
    for name, entry in REKOR.items():
        assert bool(raised(NoteError, check_rekor, entry)) is name.endswith("_fail"), name


def test_a_changed_entry_of_rekor_is_not_proven():
    entry = REKOR["rekor2-happy-path"]
    changed = base64.b64encode(raw(entry["canonicalizedBody"]) + b" ").decode()
    with pytest.raises(ProofError):
        check_rekor(entry | {"canonicalizedBody": changed})


C2SP = load("c2sp/examples.json")


def test_the_example_note_of_the_specification_holds():
    note = parse_note(C2SP["note"]["signed"].encode())
    assert note.text == b"This is an example message.\n"
    assert signed(note, VerifierKey.parse(C2SP["note"]["vkey"]))


def test_a_note_may_have_empty_lines():
    note = parse_note(C2SP["note_with_empty_line"].encode())
    assert "\n\ned è subito sera.\n" in note.text.decode()
    assert len(note.signatures[0].blob) == 64


def test_example_checkpoints_of_the_specification_are_read():
    for name in ("checkpoint", "cosigned_checkpoint"):
        checkpoint = parse_checkpoint(parse_note(C2SP[name].encode()).text)
        assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163), name


def test_the_example_cosignature_has_its_time_before_the_signature():
    of_witness = parse_note(C2SP["cosigned_checkpoint"].encode()).signatures[1]
    assert len(of_witness.blob) == 72
    assert int.from_bytes(of_witness.blob[:8], "big") == 1679315147


def test_a_cosignature_signs_what_the_specification_says():
    key = SignerKey.parse(GO["skey"])
    text = parse_note(C2SP["checkpoint"].encode()).text
    note = parse_note(text + b"\n" + cosign(text, key, 1679315147))
    message = b"cosignature/v1\ntime 1679315147\n" + text
    assert key.private.sign(message) == note.signatures[0].blob[8:]
    expected_id = hashlib.sha256(b"PeterNeumann\n\x04" + key.verifier().public).digest()[:4]
    assert note.signatures[0].key_id == expected_id
    assert cosigned_at(note, key.verifier()) == 1679315147


def test_tile_paths_are_those_of_the_specification():
    for place, path in C2SP["tile_paths"].items():
        assert tile_path(0, int(place)) == f"tile/0/{path}"
        assert tile_path(None, int(place), 8) == f"tile/entries/{path}.p/8"


def test_a_tree_of_70000_has_the_tiles_of_the_specification():
    expected = C2SP["tiles_of_70000"]
    tiles = list(tiles_of(70_000))
    for level in (0, 1):
        assert sum(1 for at, _, width in tiles if (at, width) == (level, 256)) == expected[f"full_{level}"]
    partial = {at: width for at, _, width in tiles if width < 256}
    assert partial == {0: expected["partial_0"], 1: expected["partial_1"], 2: expected["partial_2"]}
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]


def test_the_empty_tree_has_the_hash_of_nothing():
    assert Frontier().root() == HashTree().root() == EMPTY_ROOT == hashlib.sha256().digest()
