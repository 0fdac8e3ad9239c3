"""What an auditor makes of the copies, whatever others put beside them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.proof.copies import reading
from jit.proof.copies.bucket import CopiesUnavailable
from jit.proof.copies.reading import checkpoint_name
from jit.proof.tlog.note import SignerKey, checkpoint_text, sign
from jit.proof.verifier import Grade
from tests.world.exhaustive import exhaustive
from tests.world.shop import KEEP, ORIGIN, Shop

pytestmark = pytest.mark.real

OTHER_ROOT = checkpoint_text(ORIGIN, 3, b"x" * 32)


def test_a_copy_reads_as_locked(shop: Shop) -> None:
    copier = shop.copier()
    for count in (3, 1, 7):
        shop.grow(count)
        copier.turn()
    found = shop.read()
    verdict = shop.verdict(found)
    assert (verdict.grade, verdict.size, verdict.findings) == (Grade.LOCKED, 11, ())
    assert found.locked_until is not None
    assert abs(found.locked_until - shop.clock.now() - KEEP).total_seconds() < 600


def test_a_checkpoint_that_an_earlier_version_locked_is_read_and_not_copied_again(shop: Shop) -> None:
    """Then they were put under heads/."""
    shop.grow(3)
    vouching = shop.sign(shop.key, SignerKey.generate(ORIGIN))
    shop.lock(checkpoint_name(3, shop.signed_at).replace("checkpoints/", "heads/"), vouching)
    shop.lock_segment(1, 3)
    assert list(shop.read().checkpoints()) == [vouching]
    assert shop.verdict().grade is Grade.LOCKED
    shop.copier().turn()
    assert shop.names("checkpoints/") == []
    assert shop.troubles == {}


def test_an_object_without_a_lock_is_told_and_its_checkpoint_is_no_locked_one(shop: Shop) -> None:
    note = shop.grow(3)
    shop.put("segments/000000000001-000000000003.jsonl", shop.lines(1, 3))
    shop.put(f"checkpoints/000000000003-{shop.signed_at}.note", note)
    found = shop.read()
    assert list(found.checkpoints()) == []
    list(found.entries())
    assert found.locked_until is None
    assert len(found.remarks) == 2


def test_a_lock_that_ran_out_is_told(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    shop.clock.ahead = 2 * KEEP
    found = shop.read()
    assert list(found.checkpoints()) == []
    list(found.entries())
    assert found.locked_until is None


def test_two_histories_in_overlapping_segments_are_told(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    shop.put("segments/000000000002-000000000004.jsonl", b"other\n" * 3)
    found = shop.read()
    list(found.entries())
    assert any("Entry 2 is another" in fault for fault in found.faults)


JUNK_CHECKPOINTS = {
    "checkpoints/000000000001-1.note": b"junk",
    "checkpoints/000000000001-2.note": b"x" * ((1 << 20) + 2),
    "checkpoints/000000000999-1.note": b"junk",
}
JUNK_SEGMENTS = {
    "segments/000000000002-000000000004.jsonl": b"other\n" * 3,
    "segments/000000000001-000000000001.jsonl": b"other\n",
    "segments/000000000900-000000000901.jsonl": b"other\n" * 2,
    "segments/000000000004-000000000900.jsonl": b"other\n",  # fewer than its name says
    "segments/000000000002-000000000002.jsonl": b"x" * (2 << 20),  # a line that never ends
    "segments/000000000003-000000000003.jsonl": b"",
}
EACH = [
    pytest.param({name: data}, marks=exhaustive("each junk alone"), id=name)
    for name, data in (JUNK_CHECKPOINTS | JUNK_SEGMENTS).items()
]


@pytest.mark.parametrize(
    "junk", [pytest.param(JUNK_CHECKPOINTS, id="checkpoints"), pytest.param(JUNK_SEGMENTS, id="segments"), *EACH]
)
@pytest.mark.parametrize("before", [False, True], ids=["after ours", "before ours"])
def test_what_somebody_else_locks_in_is_remarked_on_and_breaks_nothing(
    shop: Shop, junk: dict[str, bytes], *, before: bool
) -> None:
    note = shop.grow(3)
    if not before:
        shop.copier().turn()
    for name, data in junk.items():
        shop.lock(name, data)
    if before:
        shop.lock_segment(1, 3)
        shop.lock_checkpoint(3, note)
    found = shop.read()
    verdict = shop.verdict(found)
    assert (verdict.grade, verdict.size, verdict.findings, found.faults) == (Grade.LOCKED, 3, (), [])
    assert [name for name in junk if not any(name in remark for remark in found.remarks)] == []


def test_a_copy_whose_name_somebody_else_took_first_is_read(shop: Shop) -> None:
    note = shop.grow(3)
    shop.lock_segment(1, 3, b"other\n" * 3)
    shop.lock_segment(1, 3)
    shop.lock_checkpoint(3, b"junk")
    shop.lock_checkpoint(3, note)
    verdict = shop.verdict()
    assert (verdict.grade, verdict.size) == (Grade.LOCKED, 3)


def test_entries_that_follow_on_and_that_no_checkpoint_covers_are_remarked_on(shop: Shop) -> None:
    note = shop.grow(5)
    shop.lock_segment(3, 5, shop.forged(3))
    shop.lock_segment(1, 2)
    shop.lock_segment(1, 5)
    shop.lock_checkpoint(5, note)
    verdict = shop.verdict()
    assert (verdict.grade, verdict.size) == (Grade.LOCKED, 5)


def test_a_checkpoint_of_another_key_is_remarked_on_and_one_of_ours_that_contradicts_breaks(shop: Shop) -> None:
    shop.grow(3)
    shop.copier().turn()
    shop.lock("checkpoints/000000000003-7.note", sign(OTHER_ROOT, SignerKey.generate(ORIGIN)))
    assert shop.verdict().grade is Grade.LOCKED
    shop.lock("checkpoints/000000000003-8.note", sign(OTHER_ROOT, shop.key))
    verdict = shop.verdict()
    assert verdict.grade is Grade.BROKEN
    assert "forked" in {finding.reason for finding in verdict.findings}


def test_other_entries_than_a_checkpoint_covers_break_where_no_others_are_there(shop: Shop) -> None:
    note = shop.grow(3)
    shop.lock_segment(1, 3, shop.forged(1))
    shop.lock_segment(2, 3, b"other\n" * 2)
    shop.lock_checkpoint(3, note)
    assert shop.verdict().grade is Grade.BROKEN


def test_names_that_are_none_of_ours_are_passed_over(shop: Shop) -> None:
    shop.grow(3)
    for name in ("segments/1-2.jsonl", "segments/000000000009-000000000002.jsonl", "checkpoints/x.note", "readme"):
        shop.put(name, b"x")
    shop.copier().turn()
    assert shop.verdict().grade is Grade.LOCKED


def test_many_objects_are_listed_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.proof.copies.bucket.PAGE", 2)
    copier = shop.copier()
    for _ in range(5):
        shop.grow(1)
        copier.turn()
    found = shop.read()
    assert len(found.segments) == shop.verdict(found).size == 5


def test_the_verifier_reads_them_and_finds_them_locked(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.grow(3)
    shop.copier().turn()
    monkeypatch.setenv("JIT_COPIES_ENDPOINT", shop.endpoint)
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    command = ["audit", "verify", shop.url, "--key", str(shop.key.verifier()), "--require", "locked"]
    found = CliRunner().invoke(cli, command)
    assert (found.exit_code, json.loads(found.stdout)["grade"]) == (0, "locked")

    shop.put("segments/000000000002-000000000003.jsonl", b"other\n" * 2)
    assert CliRunner().invoke(cli, command).exit_code == 0
    shop.lock("checkpoints/000000000003-8.note", sign(OTHER_ROOT, shop.key))
    assert CliRunner().invoke(cli, command).exit_code == 4


def test_no_copies_are_said_to_be_none(shop: Shop) -> None:
    with pytest.raises(CopiesUnavailable, match="there are no copies"):
        shop.read()


def test_a_line_that_never_ends_is_refused(shop: Shop) -> None:
    shop.put("segments/000000000001-000000000001.jsonl", b"x" * (2 << 20))
    with pytest.raises(CopiesUnavailable, match="too long"):
        list(shop.read().entries())


def test_faults_are_told_up_to_a_number(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_FAULTS", 2)
    for index in range(1, 6):
        shop.put(f"segments/{index:012d}-{index:012d}.jsonl", b"x\n")
    found = shop.read()
    list(found.entries())
    assert len(found.remarks) == 2
