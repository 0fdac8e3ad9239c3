"""The spool with full disks, failing disks, killed processes and many at once: what `write` took is recorded, once."""

import errno
import itertools
import json
import os
import resource
import secrets
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jit.facts import AlertName
from jit.ledger import LedgerUnavailable, Spool, SpoolFailed, TakenIn
from tests.world.exhaustive import exhaustive
from tests.world.killed import KILLED, die, in_a_child
from tests.world.processes import forkserver
from tests.world.spooling import SIGNED, Host, late, make_host
from tests.world.waiting import HUNG

pytestmark = pytest.mark.fault
STEPS = ("open", "write", "fsync", "replace", "rename", "ftruncate", "unlink", "mkdir")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


@contextmanager
def failing_fsync(path: Path, times: int = 1) -> Iterator[list[int]]:
    """The first ``times`` that this name is fsynced. Gives the inodes whose fsync failed."""
    failed: list[int] = []
    fsync = os.fsync

    def fails(handle: int) -> None:
        status = os.fstat(handle)
        assert status.st_ino not in failed, "a failed fsync was tried again"
        if path.exists() and path.stat().st_ino == status.st_ino and len(failed) < times:
            failed.append(status.st_ino)
            raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        yield failed


def test_a_failed_fsync_is_never_retried_and_the_fact_goes_to_a_new_file(host: Host) -> None:
    host.write("a")
    with failing_fsync(host.file) as failed:
        host.write("b")
    assert len(failed) == 1
    assert [json.loads(line)["n"] for line in host.lines()] == [2]
    assert len(list(host.folder.glob("spool.suspect.*"))) == 1
    host.write("c")
    assert host.take_in().broken == ()
    assert host.recorded() == ["a", "b", "c"]
    assert [(fact.first, fact.last) for fact in host.taken()] == [(1, 3)]
    assert list(host.folder.glob("spool.suspect.*")) == []


@pytest.mark.parametrize("turn", [1, -1])
def test_a_fsync_that_fails_twice_is_said_and_the_next_write_goes_on(
    host: Host, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    numbers = itertools.count(1000, turn)
    monkeypatch.setattr(secrets, "token_hex", lambda _: f"{next(numbers):08x}")
    host.write("a")
    with failing_fsync(host.file, times=2) as failed, pytest.raises(SpoolFailed, match="Input/output"):
        host.spool.write([late("b")])
    assert len(failed) == 2
    host.write("c")
    assert host.take_in().broken == ()
    assert set(host.recorded()) >= {"a", "c"}
    assert len(host.recorded()) == len(set(host.recorded()))


def test_what_a_suspect_file_lost_was_told_of_by_nobody(host: Host) -> None:
    """The disk kept only what was on it before the failed fsync."""
    host.write("a")
    kept = host.file.read_bytes()
    with failing_fsync(host.file):
        host.write("b")
    [suspect] = host.folder.glob("spool.suspect.*")
    suspect.write_bytes(kept)
    assert host.take_in().broken == ()
    assert host.recorded() == ["a", "b"]


def test_a_suspect_file_that_lost_more_is_told(host: Host) -> None:
    host.write("a")
    with failing_fsync(host.file):
        host.write("b")
    [suspect] = host.folder.glob("spool.suspect.*")
    suspect.unlink()
    host.take_in()
    assert host.recorded() == ["b"]
    assert "line 1 is missing" in host.broken()[0]


def test_a_file_that_the_disk_does_not_give_back_is_kept_and_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write("a")
    with failing_fsync(host.file):
        host.write("b")
    [suspect] = host.folder.glob("spool.suspect.*")
    inode, fdopen = suspect.stat().st_ino, os.fdopen

    def unreadable(handle: int, *given: Any) -> Any:
        if os.fstat(handle).st_ino == inode:
            raise OSError(errno.EIO, "Input/output error")
        return fdopen(handle, *given)

    monkeypatch.setattr(os, "fdopen", unreadable)
    host.take_in()
    assert host.recorded() == ["b"]
    assert "cannot be read from the disk" in host.broken()[0]
    assert [path.stat().st_ino for path in host.folder.glob("spool.lost.*")] == [inode]


@pytest.mark.parametrize("first", [True, False], ids=["the first fact", "after a taking"])
def test_facts_and_the_names_of_their_files_are_on_disk_when_it_is_said(
    host: Host, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    if not first:
        host.write("a")
        host.take_in()
    synced: list[int] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    host.write("b")
    file, chain, folder, above = (
        path.stat().st_ino for path in (host.file, host.chain, host.folder, host.folder.parent)
    )
    assert synced[-4:] == [file, folder, chain, folder]
    assert (above in synced) == first
    synced.clear()
    host.take_in()
    assert file in synced


@pytest.mark.parametrize("took", [0, 1, 100])
def test_what_a_full_disk_took_of_a_fact_is_cut_off_again(
    host: Host, monkeypatch: pytest.MonkeyPatch, took: int
) -> None:
    host.write("a")
    before, write = host.file.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:took]))
    with pytest.raises(SpoolFailed, match="full"):
        host.spool.write([late("b")])
    monkeypatch.undo()
    assert host.file.read_bytes() == before
    host.write("c")
    assert host.take_in().broken == ()
    assert host.recorded() == ["a", "c"]


def test_a_disk_without_room_is_said(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write("a")

    def full(_handle: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SpoolFailed, match="No space left"):
        host.spool.write([late("b")])
    monkeypatch.undo()
    assert host.take_in().recorded == 1
    assert host.broken() == []


@contextmanager
def full_disk() -> Iterator[None]:
    """No file grows; what needs no room goes on."""

    def full(_handle: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", full)
        yield


def looks(spool: Spool, host: Host, *, minutes: int = 30) -> list[TakenIn]:
    """As a timekeeper does in these minutes, if less often."""
    moments = (SIGNED["at"] + timedelta(minutes=n) for n in range(minutes))
    return [spool.take_in(host.ledger, {**SIGNED, "at": at}) for at in moments]


def test_a_full_disk_before_the_first_fact_is_no_tampering(host: Host, tmp_path: Path) -> None:
    earlier = Host(tmp_path / "earlier" / "spool", host.ledger)
    earlier.write("x")
    earlier.take_in()
    host.folder.mkdir()
    spool = host.spool
    with full_disk():
        for says in ("a", "b"):
            with pytest.raises(SpoolFailed, match="disk of JIT_DATA is full"):
                spool.write([late(says)])
            looks(spool, host)
        looks(host.spool, host)
    looks(spool, host)
    host.write("room again")
    assert spool.take_in(host.ledger, SIGNED) == TakenIn(recorded=1)
    assert host.broken() == []
    [told] = host.alerts(AlertName.SPOOL_FULL)
    assert "the disk of JIT_DATA is full" in told.says
    assert host.recorded() == ["x", "room again"]


@pytest.mark.parametrize("left", ["an empty file", "lines", "a whole spool"])
def test_a_full_disk_while_taking_in_is_told_once_and_accuses_nobody(host: Host, left: str) -> None:
    host.write("a")
    host.take_in()
    host.write("b")
    if left != "a whole spool":
        host.chain.unlink()
    if left == "an empty file":
        host.put([])
    before = host.file.read_bytes()
    spool, other = host.spool, host.spool
    with full_disk():
        looks(spool, host, minutes=300)
        looks(other, host)
    assert host.broken() == []
    assert len(host.alerts(AlertName.SPOOL_FULL)) == 1
    assert host.file.read_bytes() == before
    looks(spool, host)
    looks(other, host)
    assert host.recorded() == (["a"] if left == "an empty file" else ["a", "b"])
    assert len(host.broken()) == (left != "a whole spool")
    assert host.file.read_bytes() == b""


def test_a_spool_that_is_gone_while_the_disk_is_full_is_told_once_there_is_room(host: Host) -> None:
    host.write("a")
    spool = host.spool
    spool.take_in(host.ledger, SIGNED)
    shutil.rmtree(host.folder)
    with full_disk():
        looks(spool, host)
    assert host.broken() == []
    looks(spool, host)
    assert len(host.broken()) == 1


def test_lines_that_a_full_disk_cannot_put_aside_are_put_aside_once(host: Host) -> None:
    host.write("a")
    with host.file.open("ab") as file:
        file.write(b"none of ours\n")
    spool, write = host.spool, os.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:4] if data[:4] == b"none" else data))
        assert sum(taken.refused for taken in looks(spool, host)) == 0
    assert sum(taken.refused for taken in looks(spool, host)) == 1
    assert (host.folder / "spool.unreadable").read_bytes() == b"none of ours\n"
    assert host.recorded() == ["a"]


def test_a_disk_that_is_full_again_is_told_again(host: Host) -> None:
    spool = host.spool
    for hours in (0, 3):
        signed = {**SIGNED, "at": SIGNED["at"] + timedelta(hours=hours)}
        with full_disk(), pytest.raises(SpoolFailed):
            spool.write([late("a")])
        spool.take_in(host.ledger, signed)
        spool.write([late("b")])
        spool.take_in(host.ledger, signed)
    assert len(host.alerts(AlertName.SPOOL_FULL)) == 2


def test_a_chain_that_cannot_be_put_in_its_place_is_told_no_more_than_twice(host: Host) -> None:
    spool = host.spool
    host.write("a")
    spool.take_in(host.ledger, SIGNED)
    host.chain.unlink()
    host.chain.mkdir()
    looks(spool, host)
    assert 1 <= len(host.broken()) <= 2


def test_room_for_the_fact_alone_is_enough(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is noted of the chain does not fit: the fact is on disk, and the next finds its place from it."""
    host.write("a")
    write = os.write

    def nearly_full(handle: int, data: bytes) -> int:
        return write(handle, data) if data.startswith(b'{"n"') and b"fact" in data else 0

    monkeypatch.setattr(os, "write", nearly_full)
    host.write("b")
    assert host.number() == 1
    monkeypatch.undo()
    host.write("c")
    assert host.number() == 3
    assert host.take_in().broken == ()
    assert host.recorded() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param(lambda line: (0, 1, line // 2, line - 2, line - 1, line), id="distinct"),
        pytest.param(lambda line: range(line + 1), id="all", marks=exhaustive("cuts at every byte of a line")),
    ],
)
def test_a_spool_cut_off_at_any_byte_by_a_crash_loses_nothing_that_was_taken(
    host: Host, tmp_path: Path, cuts: Callable[[int], Iterable[int]]
) -> None:
    """Power goes while the third fact is written: of its line any part is on disk, and nothing noted of it."""
    host.write("a", "b")
    before = tmp_path / "before"
    shutil.copytree(host.folder, before)
    whole = len(host.file.read_bytes())
    host.spool.write([late("c")])
    lines = host.file.read_bytes()
    for cut in cuts(len(lines) - whole):
        for goes_on in (False, True):
            shutil.rmtree(host.folder)
            shutil.copytree(before, host.folder)
            host.file.write_bytes(lines[: whole + cut])
            fresh = tmp_path / f"{cut}-{goes_on}"
            fresh.mkdir()
            at = Host(host.folder, make_host(fresh).ledger)
            if goes_on:
                at.write("d")
            assert at.take_in().broken == ()
            said = at.recorded()
            assert [says for says in said if says != "c"] == ["a", "b", *(["d"] if goes_on else [])]
            assert said.count("c") == (whole + cut >= len(lines) - 1)
            at.ledger.engine.dispose()


def die_at(step: int, *, after: bool) -> None:
    """This process ends at its ``step``-th call that touches the disk: before it, or right after."""
    left = step

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                die()
            try:
                return call(*given, **named)
            finally:
                if left == 0:
                    die()

        return called

    for name in STEPS:
        setattr(os, name, deadly(getattr(os, name)))


def killed_at(step: int, does: Callable[[], object], *, after: bool) -> bool:
    """Whether it was; if not, it came to its end."""

    def until_killed() -> None:
        die_at(step, after=after)
        does()

    code = in_a_child(until_killed)
    assert code in {KILLED, 0}
    return code == KILLED


before_and_after = pytest.mark.parametrize(
    "after",
    [False, pytest.param(True, marks=exhaustive("kills right after every step of the spool"))],
    ids=["before", "after"],
)
"""What one after a step leaves on disk is what one before the next step leaves."""


@before_and_after
@pytest.mark.parametrize("first", [True, False], ids=["the first fact", "a later fact"])
def test_a_writer_killed_at_any_step_leaves_what_was_taken(tmp_path: Path, *, first: bool, after: bool) -> None:
    for step in range(1, 200):
        (tmp_path / str(step)).mkdir()
        host = make_host(tmp_path / str(step))
        before = [] if first else ["a", "b"]
        host.write(*before)
        killed = killed_at(step, lambda: host.spool.write([late("killed")]), after=after)  # noqa: B023  at once
        host.write("next")
        taken = host.take_in()
        assert taken.broken == ()
        assert [says for says in host.recorded() if says != "killed"] == [*before, "next"]
        assert host.recorded().count("killed") <= 1
        host.ledger.engine.dispose()
        if not killed:
            assert host.recorded().count("killed") == 1
            assert step > 5
            return
    pytest.fail("it never came to an end")


@before_and_after
@pytest.mark.parametrize("behind", [False, True], ids=["noted", "not noted"])
def test_a_taker_killed_at_any_step_is_followed_by_another(tmp_path: Path, *, behind: bool, after: bool) -> None:
    """Also where a writer was killed before it could note what it wrote."""

    def take(folder: Path) -> None:
        Spool(folder / "spool").take_in(make_host(folder).ledger, SIGNED)

    for step in range(1, 400):
        folder = tmp_path / str(step)
        folder.mkdir()
        host = make_host(folder)
        host.write("a")
        noted = host.chain.read_bytes()
        host.write("b")
        if behind:
            host.chain.write_bytes(noted)
        host.ledger.engine.dispose()
        killed = killed_at(step, lambda: take(folder), after=after)  # noqa: B023  called at once
        if not behind:
            host.write("c")
        assert host.take_in().broken == ()
        if behind:
            host.write("c")
            assert host.take_in().broken == ()
        assert sorted(host.recorded()) == ["a", "b", "c"]
        assert host.broken() == []
        spans = [(fact.first, fact.last) for fact in host.taken()]
        assert spans in ([(1, 3)], [(1, 2), (3, 3)])[behind:]
        host.ledger.engine.dispose()
        if not killed:
            assert step > 5
            return
    pytest.fail("it never came to an end")


def test_a_ledger_that_goes_in_the_middle_of_a_taking_gets_the_rest_later(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    for goes_at in range(1, 6):
        host.write(*(f"{goes_at}-{part}" for part in range(4)))
        left, append = goes_at, host.ledger.append

        def gone(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise LedgerUnavailable("gone")
            return append(*given, **named)  # noqa: B023  called in this round

        with monkeypatch.context() as patch:
            patch.setattr(host.ledger, "append", gone)
            with pytest.raises(LedgerUnavailable):
                host.take_in()
        assert host.take_in().broken == ()
    said = [fact.says for fact in host.written]
    assert host.recorded() == said
    assert [(fact.first, fact.last) for fact in host.taken()] == [(4 * n + 1, 4 * n + 4) for n in range(5)]


def write_many(folder: Path, name: str, says: Any) -> None:
    spool = Spool(folder / "spool")
    for number in range(25):
        spool.write([late(f"{name}-{number}")])
        says.put(f"{name}-{number}")


def take_many(folder: Path, done: Any) -> None:
    host = make_host(folder)
    spool = host.spool
    while not done.is_set():
        try:
            spool.take_in(host.ledger, SIGNED)
        except LedgerUnavailable:
            continue


def test_many_writers_and_takers_on_one_host_lose_and_double_nothing(host: Host, tmp_path: Path) -> None:
    says, done = forkserver.Queue(), forkserver.Event()
    writers = [forkserver.Process(target=write_many, args=(tmp_path, f"w{n}", says)) for n in range(4)]
    takers = [forkserver.Process(target=take_many, args=(tmp_path, done)) for _ in range(2)]
    for process in [*takers, *writers]:
        process.start()
    acknowledged = [says.get(timeout=HUNG) for _ in range(100)]
    done.set()
    for process in [*writers, *takers]:
        process.join(HUNG)
        assert process.exitcode == 0
    host.take_in()
    entries = [entry.fact for entry in host.ledger.read(limit=1000)]
    recorded = [fact.says for fact in entries if fact.kind == "alert"]
    assert sorted(recorded) == sorted(acknowledged)
    spans = [(fact.first, fact.last) for fact in entries if fact.kind == "spool.taken"]
    assert [first for first, _ in spans] == [1, *(last + 1 for _, last in spans[:-1])]
    assert spans[-1][1] == 100


def fill(folder: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    with pytest.raises(SpoolFailed):
        write_on(Spool(folder))


def write_on(spool: Spool) -> None:
    for _ in range(100):
        spool.write([late("late " * 20)])


def test_a_full_disk_breaks_no_chain(host: Host) -> None:
    assert in_a_child(lambda: fill(host.folder)) == 0
    host.write("room again")
    assert host.take_in().broken == ()
    assert len(host.recorded()) > 2
    assert host.recorded()[-1] == "room again"
    assert host.broken() == []
