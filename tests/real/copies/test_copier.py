"""What is copied, what is not, and what of the copies is told."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from jit.proof.copies import copier as copying
from jit.proof.copies.bucket import Bucket, CopiesUnavailable
from jit.proof.tlog.note import SignerKey
from jit.proof.verifier import Grade, Trust
from tests.world.exhaustive import distinct
from tests.world.killed import KILLED, die, in_a_child
from tests.world.shop import ORIGIN, OTHER_WORDS, Shop

pytestmark = pytest.mark.real


def test_what_a_checkpoint_covers_is_copied_and_nothing_else(shop: Shop) -> None:
    note = shop.grow(3)
    shop.append(2)
    assert shop.copier().turn() == copying.LOOK_EVERY
    assert shop.names() == [
        f"checkpoints/000000000003-{shop.signed_at}.note",
        "segments/000000000001-000000000003.jsonl",
    ]
    found = shop.read()
    assert list(found.checkpoints()) == [note]
    assert list(found.entries()) == [(n, body, None) for n, body in enumerate(shop.bodies()[:3], 1)]
    assert found.faults == found.remarks == []
    assert shop.troubles == {}


def test_a_copy_can_neither_be_deleted_nor_replaced(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    name = shop.names("segments/")[0]
    [version] = shop.s3.list_object_versions(Bucket=shop.bucket, Prefix=f"log/one/{name}")["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        shop.s3.delete_object(Bucket=shop.bucket, Key=version["Key"], VersionId=version["VersionId"])
    with pytest.raises(ClientError, match="PreconditionFailed"):
        shop.s3.put_object(Bucket=shop.bucket, Key=version["Key"], Body=b"other", IfNoneMatch="*")
    assert shop.verdict().grade is Grade.LOCKED


@pytest.mark.parametrize("over", ["a newer version", "a delete marker"])
def test_what_is_laid_over_a_copy_is_told_and_the_copy_is_read(shop: Shop, over: str) -> None:
    shop.grow(3)
    shop.copier().turn()
    name = shop.names("segments/")[0]
    if over == "a newer version":
        shop.put(name, b'{"index": 1}\n')
    else:
        shop.s3.delete_object(Bucket=shop.bucket, Key=f"log/one/{name}")

    found = shop.read()
    assert (shop.verdict(found).grade, found.faults) == (Grade.LOCKED, [])
    assert over in found.remarks[0]

    shop.grow(1)
    shop.copier().turn()
    assert over in shop.troubles[copying.DISTURBED]
    assert shop.read().segments[-1].last == 4


def test_a_copier_started_again_goes_on_where_the_copy_ends(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    shop.grow(2)
    again = shop.copier()
    again.turn()
    again.turn()
    assert shop.segments() == [(1, 3), (4, 5)]
    assert shop.troubles == {}
    assert len(shop.names("checkpoints/")) == 2


@pytest.mark.fault
@pytest.mark.parametrize("objects", distinct([1, 2, 3, 4], [1, 3, 4], "kills of the copier after every object"))
def test_a_copier_killed_after_any_object_is_followed_by_another(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, objects: int
) -> None:
    """Of three segments and a checkpoint: amid the segments, before the checkpoint, before it is noted anywhere."""
    monkeypatch.setattr(copying, "MOST_ENTRIES", 4)
    shop.grow(10)
    put, left = Bucket.put, objects

    def put_and_die(*given: Any) -> Any:
        nonlocal left
        left -= 1
        found = put(*given)
        return found if left else die()

    def copy() -> None:
        shop.ledger.engine.dispose(close=False)  # its connections are the parent's
        Bucket.put = put_and_die  # type: ignore[method-assign]
        shop.copier().turn()

    assert in_a_child(copy) == KILLED
    there = [(1, 4), (5, 8), (9, 10)][:objects]
    assert shop.segments() == there
    shop.append(2)
    shop.sign()
    shop.copier().turn()
    assert shop.troubles == {}
    assert shop.segments()[: len(there)] == there
    found = shop.read()
    assert (shop.verdict(found).grade, found.faults) == (Grade.LOCKED, [])
    assert [body for _, body, _ in found.entries()] == shop.bodies()


def test_another_history_in_the_copy_is_told_and_nothing_more_is_copied(shop: Shop) -> None:
    shop.grow(3)
    shop.put("segments/000000000001-000000000003.jsonl", b'{"index": 1}\n{"index": 2}\n{"index": 3}\n')
    copier = shop.copier()
    assert copier.turn() == copying.LOOK_AFTER_REFUSAL
    assert "holds other entries than the record" in shop.troubles[copying.DIFFERENT]
    shop.grow(2)
    copier.turn()
    assert shop.names() == ["segments/000000000001-000000000003.jsonl"]


@pytest.mark.parametrize("same", [True, False], ids=["the same", "another history"])
def test_what_another_put_first_while_we_copy_is_told_if_it_differs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, *, same: bool
) -> None:
    """It is there by the time ours is put, and was not when the copier looked."""
    shop.grow(3)
    copier = shop.copier()
    put = Bucket.put

    def overtaken(bucket: Bucket, name: str, data: bytes, until: Any) -> Any:
        shop.lock(name, data if same else b"other\n")
        return put(bucket, name, data, until)

    monkeypatch.setattr(Bucket, "put", overtaken)
    copier.turn()
    if same:
        assert (shop.troubles, shop.segments()) == ({}, [(1, 3)])
    else:
        assert "holds other entries" in shop.troubles[copying.DIFFERENT]


def test_a_record_rewritten_and_signed_anew_is_told(shop: Shop) -> None:
    """By somebody who owns the database and holds the log's key."""
    shop.grow(3)
    shop.copier().turn()
    shop.rewrite(OTHER_WORDS)
    shop.rewrite("DELETE FROM checkpoints")
    shop.sign()
    shop.copier().turn()
    assert "holds other entries than the record" in shop.troubles[copying.DIFFERENT]


def test_a_rewritten_record_is_noticed_by_a_copier_that_runs_on(shop: Shop) -> None:
    copier = shop.copier()
    shop.grow(3)
    copier.turn()
    shop.rewrite(OTHER_WORDS)
    shop.clock.ticked += copying.COMPARE_EVERY
    copier.turn()
    assert copying.DIFFERENT in shop.troubles


def test_a_record_cut_off_with_its_checkpoints_is_told(shop: Shop) -> None:
    shop.grow(3)
    shop.grow(3)
    shop.copier().turn()
    shop.rewrite('DELETE FROM entries WHERE "index" > 3')
    shop.rewrite("DELETE FROM checkpoints WHERE size > 3")
    shop.copier().turn()
    assert "the copy holds 6 entries, and the checkpoints in the database cover 3" in shop.troubles[copying.DIFFERENT]


def test_entries_that_the_checkpoint_was_not_signed_over_are_not_copied(shop: Shop) -> None:
    shop.grow(3)
    shop.rewrite(OTHER_WORDS)
    shop.copier().turn()
    assert "not the one over which the checkpoint of 3 entries was signed" in shop.troubles[copying.DIFFERENT]
    assert shop.names() == []


def test_a_checkpoint_that_the_key_has_not_signed_covers_nothing(shop: Shop) -> None:
    shop.append(3)
    shop.sign(SignerKey.generate(ORIGIN))
    shop.copier().turn()
    assert shop.names() == []


def test_a_missing_segment_is_told_and_copied_again(shop: Shop) -> None:
    for first, last in ((1, 2), (3, 4), (5, 6)):
        note = shop.grow(2)
        if first != 3:
            shop.lock_segment(first, last)
        shop.lock_checkpoint(last, note)

    found = shop.read()
    assert [index for index, _, _ in found.entries()] == [1, 2, 5, 6]
    assert found.faults == ["Entries 3 to 4 are in no segment."]
    assert shop.verdict().grade is Grade.BROKEN

    shop.copier().turn()
    assert "entries 3 to 4 are missing" in shop.troubles[copying.DISTURBED]
    assert shop.segments() == [(1, 2), (3, 4), (5, 6)]
    assert shop.verdict().grade is Grade.LOCKED


def test_a_long_record_is_cut_into_segments(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MOST_ENTRIES", 4)
    shop.grow(10)
    shop.copier().turn()
    assert shop.segments() == [(1, 4), (5, 8), (9, 10)]
    monkeypatch.setattr(copying, "MOST_ENTRIES", 100)
    monkeypatch.setattr(copying, "MOST_BYTES", 1000)
    shop.grow(6)
    shop.copier().turn()
    assert len(shop.segments()) > 4
    assert shop.verdict().grade is Grade.LOCKED


def test_a_heartbeat_is_copied_once_an_hour(shop: Shop) -> None:
    copier = shop.copier()
    shop.grow(2)
    copier.turn()
    for seconds in (300, 300, 3100):
        shop.sign(seconds=seconds)
        copier.turn()
    assert len(shop.names("checkpoints/")) == 2


def test_a_checkpoint_that_vouches_for_a_new_key_is_always_copied(shop: Shop) -> None:
    """Also when another of the same size was, a moment ago."""
    copier = shop.copier()
    shop.grow(2)
    copier.turn()
    before, shop.key = shop.key, SignerKey.generate(ORIGIN)
    vouching = shop.sign(shop.key, before)
    shop.grow(1)
    copier.turn()
    assert vouching in list(shop.read().checkpoints())
    verdict = shop.verdict(trust=Trust(keys=(shop.key.verifier(),), offered=(before.verifier(),)))
    assert (verdict.grade, verdict.size) == (Grade.LOCKED, 3)


def test_an_outage_in_the_middle_costs_no_second_copy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MOST_ENTRIES", 4)
    shop.grow(10)
    put, left = Bucket.put, 2

    def gone(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise CopiesUnavailable("gone")
        return put(*given)

    copier = shop.copier()
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put", gone)
        copier.turn()
    assert shop.segments() == [(1, 4), (5, 8)]
    copier.turn()
    assert shop.segments() == [(1, 4), (5, 8), (9, 10)]


def test_a_fault_of_ours_stops_no_later_copy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.grow(3)
    copier = shop.copier()
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put", lambda *_: 1 / 0)
        copier.turn()
    copier.turn()
    assert shop.segments() == [(1, 3)]
