"""What whoever can write the spool's folder leaves there for SQLite, which opens files by their names and does what
stands in them.
"""

import os
import shutil
import signal
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from jit.ledger.spool_files import waiting_in
from tests.world.spooling import SIGNED, Host, late, make_host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


def journal_that_deletes(file: Path, victim: Path) -> None:
    """As SQLite leaves it behind when it is killed in a transaction over several files: it deletes what it names."""
    with file.open("r+b") as spool:
        spool.seek(18)
        spool.write(b"\x01\x01")
    name, magic = str(victim).encode(), bytes.fromhex("d9d505f920a163d7")
    pages = file.stat().st_size // 4096
    header = magic + struct.pack(">IIIII", 0, 1, pages, 512, 4096)
    ends = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    Path(f"{file}-journal").write_bytes(header.ljust(512, b"\0") + ends)


BESIDE = {
    "a pipe where SQLite looks for a journal": lambda file, _: os.mkfifo(f"{file}-journal"),
    "a pipe in the place of its log": lambda file, _: os.mkfifo(f"{file}-wal"),
    "a link in the place of its log": lambda file, victim: Path(f"{file}-wal").symlink_to(victim),
    "a link in the place of its index": lambda file, victim: Path(f"{file}-shm").symlink_to(victim),
    "a folder in the place of its log": lambda file, _: Path(f"{file}-wal").mkdir(),
    "another file as its log": lambda file, victim: Path(f"{file}-wal").hardlink_to(victim),
    "a journal that names a file to delete": journal_that_deletes,
}


@pytest.mark.parametrize("beside", BESIDE)
def test_what_somebody_puts_beside_a_file_holds_up_nothing_and_changes_nothing_elsewhere(
    host: Host, tmp_path: Path, beside: str
) -> None:
    """SQLite opens what has such a name: at a pipe it waited for ever, and with it every end on this host."""
    victim = tmp_path / "key"
    victim.write_bytes(b"precious" * 1000)
    host.write("a")
    BESIDE[beside](host.file, victim)
    signal.alarm(60)  # what waits within SQLite nothing else gets out
    try:
        host.write("b")
        assert waiting_in(host.folder)
        host.take_in()
        host.write("c")
        host.take_in()
    finally:
        signal.alarm(0)
    assert {"b", "c"} <= set(host.recorded())
    assert "a" in host.recorded() or host.broken()
    assert victim.read_bytes() == b"precious" * 1000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hash VARCHAR(64) NOT NULL", "hash VARCHAR(64) NOT NULL, x AS (hex(zeroblob(400000000)))"),
        ("UNIQUE (id)", "UNIQUE (id), UNIQUE (kind) ON CONFLICT IGNORE"),
        ("UNIQUE (id)", "UNIQUE (id), UNIQUE (kind) ON CONFLICT REPLACE"),
        ("UNIQUE (id)", "UNIQUE (id), CHECK (length(hex(zeroblob(400000000))))"),
    ],
)
def test_a_table_made_anew_so_that_it_drops_or_slows_what_is_written_costs_no_fact(
    host: Host, old: str, new: str
) -> None:
    host.write("a")
    with closing(sqlite3.connect(host.file)) as spool, spool:
        (made,) = spool.execute("SELECT sql FROM sqlite_master WHERE name = 'entries'").fetchone()
        assert old in made
        spool.execute("DROP TABLE entries")
        spool.execute(made.replace(old, new))
    for says in ("b", "c", "d"):
        host.write(says)
    host.take_in()
    assert host.recorded() == ["b", "c", "d"]
    assert host.broken()


@pytest.mark.parametrize("number", ["999999999", "9" * 246])
def test_a_file_with_the_highest_number_there_is_stops_nothing(host: Host, number: str) -> None:
    """After it no name was short enough: nothing was written any more, and nothing taken in."""
    host.write("a")
    (host.folder / f"spool.{number}.db").write_bytes(b"junk" * 1000)
    host.write("b")
    host.write("c")
    host.take_in()
    host.write("d")
    host.take_in()
    assert set(host.recorded()) == {"a", "b", "c", "d"}


@pytest.mark.parametrize("written_on", [False, True])
def test_a_folder_put_back_as_it_was_last_taken_in_is_told_by_whoever_wrote_since(
    host: Host, tmp_path: Path, *, written_on: bool
) -> None:
    """Nothing in the folder or the ledger tells that; what waited was gone unseen."""
    spool = host.spool
    spool.write([late("a")])
    spool.take_in(host.ledger, SIGNED)
    shutil.copytree(host.folder, tmp_path / "copy")
    spool.write([late("b")])
    shutil.rmtree(host.folder)
    shutil.copytree(tmp_path / "copy", host.folder)
    if written_on:
        spool.write([late("c")])
    spool.take_in(host.ledger, SIGNED)
    assert host.recorded() == ["a", "c"][: 1 + written_on]
    assert len(host.broken()) == 1
    spool.write([late("d")])
    spool.take_in(host.ledger, SIGNED)
    assert len(host.broken()) == 1
