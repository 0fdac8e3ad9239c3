import shutil
from contextlib import contextmanager, nullcontext

import pytest

from jit.proof.tlog.tiles import TilesError, read_tiles, tile_path, unbundle, write_tiles
from tests.world.evidence import ORIGIN, Record, record
from tests.world.raised import raised


@pytest.fixture(scope="module")
def long():
    return record(600, every=1000)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write(folder, made: Record, size=None):
    return write_tiles(folder, made.checkpoint(size), lambda: nullcontext(iter(made.bodies)))


def test_what_is_written_reads_back_whole(tmp_path, long):
    for size in (1, 255, 256, 257, 512, 600):
        folder = tmp_path / str(size)
        written = write(folder, long, size)
        assert read_tiles(folder) == written.checkpoint, size
        assert written.checkpoint.size == size
        assert written.files == len(files(folder)), size


def test_entries_stand_in_their_bundles_byte_for_byte(tmp_path, long):
    write(tmp_path, long)
    bundles = [tile_path(None, 0), tile_path(None, 1), tile_path(None, 2, 88)]
    assert [entry for name in bundles for entry in unbundle((tmp_path / name).read_bytes())] == long.bodies


def test_going_on_writes_only_what_is_new_and_ends_as_writing_at_once(tmp_path, long):
    step, once = tmp_path / "step", tmp_path / "once"
    write(step, long, 300)
    before = {name: (step / name).stat().st_mtime_ns for name in files(step) if name != "checkpoint"}
    added = write(step, long, 600)
    write(once, long, 600)
    kept = {name: (step / name).stat().st_mtime_ns for name in before if (step / name).exists()}
    assert kept == {name: before[name] for name in kept}
    assert "tile/0/000" in kept
    assert {name for name in files(once) if name not in before or name == "checkpoint"} <= set(files(step))
    assert added.files == len(set(files(step)) - set(before))
    assert read_tiles(step) == read_tiles(once)


def test_a_partial_tile_goes_when_the_full_one_is_there(tmp_path, long):
    write(tmp_path, long, 200)
    assert (tmp_path / "tile/entries/000.p/200").exists()
    write(tmp_path, long, 300)
    assert not (tmp_path / "tile/entries/000.p").exists()
    assert not (tmp_path / "tile/0/000.p").exists()


def test_writing_again_changes_nothing_but_the_checkpoint(tmp_path, long):
    write(tmp_path, long)
    before = files(tmp_path)
    written = write_tiles(tmp_path, long.checkpoint(at=1_800_000_000), lambda: nullcontext(iter(long.bodies)))
    after = files(tmp_path)
    assert written.files == 1
    assert {name for name in after if after[name] != before.get(name)} == {"checkpoint"}


def test_nothing_is_left_but_what_is_served(tmp_path, long):
    write(tmp_path, long)
    assert not [name for name in files(tmp_path) if "/." in f"/{name}"]


def test_an_entry_that_is_too_long_is_refused_before_anything_is_written(tmp_path):
    made = record(2)
    made.append({"id": "x", "kind": "alert", "says": "x" * 65535})
    with pytest.raises(TilesError, match=r"entry 3 has 65[0-9]{3} bytes"):
        write(tmp_path, made)
    assert not files(tmp_path)


def test_a_checkpoint_over_other_entries_is_not_published(tmp_path, long):
    with pytest.raises(TilesError, match="other entries"):
        write_tiles(tmp_path, long.checkpoint(10), lambda: nullcontext(iter(record(9).bodies)))
    assert not files(tmp_path)


def test_a_folder_of_a_longer_record_is_left_alone(tmp_path, long):
    write(tmp_path, long, 300)
    with pytest.raises(TilesError, match="the record was cut"):
        write(tmp_path, long, 299)


def test_a_folder_of_another_record_is_left_alone(tmp_path, long):
    write(tmp_path, long, 300)
    other = Record()
    for place in range(1, 401):
        other.append({"id": str(place), "kind": "other"})
    before = files(tmp_path)
    with pytest.raises(TilesError, match="take another folder"):
        write(tmp_path, other)
    assert files(tmp_path)["checkpoint"] == before["checkpoint"]


def test_a_changed_file_is_found(tmp_path, long):
    write(tmp_path, long, 300)
    for name in ("tile/0/000", "tile/0/001.p/44", "tile/entries/000", "tile/1/000.p/1", "checkpoint"):
        whole = (tmp_path / name).read_bytes()
        changed = bytearray(whole)
        changed[40 if name == "checkpoint" else len(whole) // 2] ^= 1
        (tmp_path / name).write_bytes(changed)
        assert raised(TilesError, read_tiles, tmp_path), name
        (tmp_path / name).write_bytes(whole)


def test_a_missing_file_is_found(tmp_path, long):
    write(tmp_path, long, 300)
    shutil.rmtree(tmp_path / "tile" / "1")
    with pytest.raises(TilesError, match=r"tile/1/000\.p/1"):
        read_tiles(tmp_path)


def test_a_failure_half_way_leaves_the_old_checkpoint_and_is_made_good(tmp_path, long):
    write(tmp_path, long, 300)
    before = (tmp_path / "checkpoint").read_bytes()
    reads = iter([long.bodies, long.bodies[:550]])
    with pytest.raises(TilesError, match="changed while it was read"):
        write_tiles(tmp_path, long.checkpoint(600), lambda: nullcontext(iter(next(reads))))
    assert (tmp_path / "checkpoint").read_bytes() == before
    assert read_tiles(tmp_path).size == 300
    write(tmp_path, long, 600)
    assert read_tiles(tmp_path).size == 600


def test_a_bundle_that_ends_in_the_middle_is_refused():
    for data in (b"\0", b"\0\5abc", b"\0\1a\0"):
        assert raised(TilesError, unbundle, data), data


def test_an_origin_of_another_log_is_refused(tmp_path, long):
    write(tmp_path, long, 3)
    path = tmp_path / "checkpoint"
    path.write_bytes(path.read_bytes().replace(ORIGIN.encode(), b"other.example.com/log"))
    with pytest.raises(TilesError, match="another log"):
        write(tmp_path, long, 4)


def test_the_record_is_closed_although_the_folder_cannot_be_written(tmp_path):
    made, happened = record(3), []

    @contextmanager
    def entries():
        happened.append("opened")
        try:
            yield iter(made.bodies)
        finally:
            happened.append("closed")

    (tmp_path / "tile").write_text("a file")
    with pytest.raises(OSError, match="tile"):
        write_tiles(tmp_path, made.checkpoint(3), entries)
    assert happened == ["opened", "closed"] * 2
