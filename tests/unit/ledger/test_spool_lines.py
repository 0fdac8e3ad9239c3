"""A spool of an earlier version, lines of JSON, is taken in once, and that is told."""

import hashlib
from pathlib import Path

import pytest

from jit.facts import write_fact
from jit.ledger import TakenIn
from tests.world.spooling import Host, late, make_host

Lines = list[bytes]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = make_host(tmp_path)
    host.folder.mkdir()
    return host


def plain(says: str) -> bytes:
    return write_fact(late(says).model_copy(update={"spooled": True}))


def chained(*says: str) -> Lines:
    lines: Lines = []
    for n, text in enumerate(says, 1):
        previous = hashlib.sha256(lines[-1]).hexdigest() if lines else "0" * 64
        lines.append(b'{"n": %d, "previous": "%s", "fact": %s}' % (n, previous.encode(), plain(text)))
    return lines


def put(host: Host, lines: Lines, file: str = "spool.jsonl") -> None:
    (host.folder / file).write_bytes(b"".join(line + b"\n" for line in lines))
    (host.folder / "spool.chain").write_text("{}")


@pytest.mark.parametrize("lines", [chained("a", "b"), [plain("a"), plain("b")]], ids=["chained", "plain"])
def test_what_waits_there_is_taken_in_and_told_and_the_files_go(host: Host, lines: Lines) -> None:
    put(host, lines)
    host.write("c")
    assert host.take_in() == TakenIn(recorded=3)
    assert host.take_in() == TakenIn()
    assert host.recorded() == ["a", "b", "c"]
    assert "2 lines lay in spool.jsonl" in host.broken()[0]
    assert sorted(path.name for path in host.folder.iterdir()) == ["spool.db", "spool.lock"]
    host.write("d")
    assert host.take_in() == TakenIn(recorded=1)
    assert len(host.broken()) == 1


def test_one_of_which_all_was_taken_in_is_removed_and_no_loss(host: Host) -> None:
    put(host, [])
    assert host.take_in() == TakenIn()
    assert host.broken() == []
    assert sorted(path.name for path in host.folder.iterdir()) == ["spool.db", "spool.lock"]


def test_a_line_cut_off_by_a_crash_is_put_aside(host: Host) -> None:
    put(host, [*chained("a", "b"), b'{"half a li'])
    assert host.take_in() == TakenIn(recorded=2, refused=1)
    assert (host.folder / "spool.unreadable").read_bytes() == b'{"half a li\n'


def test_what_a_disk_had_failed_is_taken_in_too(host: Host) -> None:
    three = chained("a", "b", "c")
    put(host, three[:2], file="spool.suspect.000000000000002.000000.aaaaaaaa")
    put(host, three[1:])
    host.take_in()
    assert host.recorded() == ["a", "b", "c"]
