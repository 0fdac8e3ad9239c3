"""The spool with full disks, failing disks, killed processes and many at once: what `write` took is recorded, once."""

import errno
import os
import random  # noqa: TID251  seeded
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import Pool

from jit.facts import AlertName
from jit.ledger import LedgerUnavailable, Spool, SpoolFailed, TakenIn
from tests.world.exhaustive import exhaustive
from tests.world.killed import KILLED, die, in_a_child
from tests.world.processes import forkserver
from tests.world.spooling import SIGNED, Host, change, late, make_host, rows_in
from tests.world.waiting import HUNG

pytestmark = pytest.mark.fault
STEPS = ("open", "write", "pwrite", "fsync", "replace", "rename", "ftruncate", "unlink", "mkdir")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


@contextmanager
def listening(target: type, name: str, does: Callable[..., object]) -> Iterator[None]:
    event.listen(target, name, does)
    try:
        yield
    finally:
        event.remove(target, name, does)


def is_of_a_spool(connection: Connection) -> bool:
    return (connection.engine.url.database or "").rpartition("/")[2].startswith("spool.")


def failure(says: str, code: int) -> OperationalError:
    failed = sqlite3.OperationalError(says)
    failed.sqlite_errorcode = code
    return OperationalError("COMMIT", {}, failed)


@contextmanager
def failing_fsync(times: int = 1, *, kept: bool = False) -> Iterator[list[str]]:
    """The first ``times`` that a spool is to be on disk. Gives the files that failed. ``kept``: it was there anyway."""
    failed: list[str] = []

    def fails(connection: Connection) -> None:
        database = connection.engine.url.database
        if not is_of_a_spool(connection) or len(failed) == times:
            return
        assert database not in failed, "a failed fsync was tried again"
        failed.append(database or "")
        if kept:
            connection.exec_driver_sql("COMMIT")
        raise failure("disk I/O error", sqlite3.SQLITE_IOERR_FSYNC)

    with listening(Engine, "commit", fails):
        yield failed


@pytest.mark.parametrize("kept", [False, True])
def test_a_failed_fsync_is_never_retried_and_the_fact_goes_to_a_new_file(host: Host, *, kept: bool) -> None:
    """Whatever of it the disk has kept."""
    host.write("a")
    with failing_fsync(kept=kept) as failed:
        host.write("b")
    assert failed == [str(host.file)]
    second = host.folder / "spool.2.db"
    assert [index for index, _, _ in rows_in(second)] == [2]
    assert len(host.rows()) == (2 if kept else 1)
    host.write("c")
    assert host.take_in().broken == ()
    assert host.recorded() == ["a", "b", "c"]
    assert [(fact.first, fact.last) for fact in host.taken()] == [(1, 3)]
    assert sorted(host.folder.glob("*.db*")) == [second]
    host.write("d")
    assert host.take_in() == TakenIn(recorded=1)


def test_a_fsync_that_fails_twice_is_said_and_the_next_write_goes_on(host: Host) -> None:
    host.write("a")
    with failing_fsync(times=2) as failed, pytest.raises(SpoolFailed, match="disk I/O error"):
        host.spool.write([late("b")])
    assert len(failed) == 2
    host.write("c")
    assert host.take_in().broken == ()
    assert set(host.recorded()) >= {"a", "c"}
    assert len(host.recorded()) == len(set(host.recorded()))


def test_a_suspect_file_that_lost_more_is_told(host: Host) -> None:
    host.write("a")
    with failing_fsync():
        host.write("b")
    host.file.unlink()
    host.take_in()
    assert host.recorded() == ["b"]
    assert "entry 1: missing" in host.broken()[0]


@pytest.mark.parametrize("written_on", [True, False])
def test_a_damaged_file_is_kept_and_told_and_costs_no_new_fact(host: Host, *, written_on: bool) -> None:
    host.write("a", "b")
    content = host.file.read_bytes()
    host.file.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    damaged = host.file.stat().st_ino
    if written_on:
        host.write("c")
    host.take_in()
    assert "spool.db cannot be read from the disk" in host.broken()[0]
    assert [path.stat().st_ino for path in host.folder.glob("spool.lost.*")] == [damaged]
    host.write("d")
    assert host.take_in() == TakenIn(recorded=1)
    assert host.recorded() == (["c", "d"] if written_on else ["d"])
    assert len(host.broken()) == 1


def test_a_damaged_place_in_the_file_costs_only_what_lies_there(host: Host) -> None:
    host.write(*(f"{number} " + "x" * 3000 for number in range(20)))
    content = bytearray(host.file.read_bytes())
    place = content.index(b"19 xxx") // 4096 * 4096
    content[place : place + 4096] = b"\xff" * 4096
    host.file.write_bytes(content)
    host.take_in()
    assert len(host.recorded()) == 19
    assert "cannot be read from the disk" in host.broken()[0]


@pytest.mark.parametrize("first", [True, False], ids=["the first fact", "after a taking"])
def test_facts_and_the_names_of_their_files_are_on_disk_when_it_is_said(
    host: Host, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    if not first:
        host.write("a")
        host.take_in()
    synced: list[int] = []
    modes: list[tuple[str, int]] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        fsync(handle)

    def looked(connection: Connection) -> None:
        asked = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous"))
        modes.append(tuple(asked))  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", noted)
    with listening(Engine, "commit", looked):
        host.write("b")
    assert modes == [("wal", 2)]
    folder, above = host.folder.stat().st_ino, host.folder.parent.stat().st_ino
    assert (folder in synced) == (above in synced) == first
    assert sorted(path.name for path in host.folder.iterdir()) == ["spool.db", "spool.lock"]


@contextmanager
def pages(most: int) -> Iterator[None]:
    """No database may have more than so many: SQLite says by itself then that the disk is full."""

    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={most}")

    with listening(Engine, "connect", limit):
        yield


def test_what_a_full_disk_took_of_a_fact_is_taken_back_again(host: Host) -> None:
    with pages(16):
        host.write("a")
        before = host.rows()
        with pytest.raises(SpoolFailed, match="the disk of JIT_DATA is full"):
            host.spool.write([late("b"), late("x" * 50_000)])
        assert host.rows() == before
        host.write("c")
        assert [path.name for path in host.folder.glob("*.db")] == ["spool.db"]
    assert host.take_in().broken == ()
    assert host.recorded() == ["a", "c"]


@contextmanager
def full_disk() -> Iterator[None]:
    """Nothing more is kept; what needs no room goes on."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def fails(connection: Connection) -> None:
        if is_of_a_spool(connection):
            raise failure("disk I/O error", sqlite3.SQLITE_IOERR_WRITE)

    with pytest.MonkeyPatch.context() as patch, listening(Engine, "commit", fails):
        patch.setattr(os, "write", full)
        patch.setattr(os, "pwrite", full)
        yield


def looks(spool: Spool, host: Host, *, minutes: int = 30) -> list[TakenIn]:
    """As a timekeeper does in these minutes, if less often."""
    moments = (SIGNED["at"] + timedelta(minutes=n) for n in range(0, minutes, 3))
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


@pytest.mark.parametrize("left", ["an empty file", "entries", "a whole spool"])
def test_a_full_disk_while_taking_in_is_told_once_and_accuses_nobody(host: Host, left: str) -> None:
    host.write("a")
    host.take_in()
    host.write("b")
    if left == "an empty file":
        host.file.write_bytes(b"")
    elif left == "entries":
        host.forget_chain()
    before = host.rows() if left != "an empty file" else []
    spool, other = host.spool, host.spool
    with full_disk():
        looks(spool, host, minutes=300)
        looks(other, host)
    assert host.broken() == []
    assert len(host.alerts(AlertName.SPOOL_FULL)) == 1
    assert left == "an empty file" or host.rows() == before
    looks(spool, host)
    looks(other, host)
    assert host.recorded() == (["a"] if left == "an empty file" else ["a", "b"])
    assert len(host.broken()) == (left != "a whole spool")
    assert host.rows() == []


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


def test_what_a_full_disk_cannot_put_aside_is_put_aside_once(host: Host) -> None:
    host.write("a", "b")
    change(host.file, "UPDATE entries SET body = 'none of ours' WHERE \"index\" = 2")
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


@pytest.mark.parametrize("at", ["INSERT INTO notes", "DELETE FROM entries"])
def test_damage_is_told_once_though_a_full_disk_keeps_the_file_from_being_emptied(host: Host, at: str) -> None:
    host.write("a", "b")
    change(host.file, 'DELETE FROM entries WHERE "index" = 1')
    spool, other = host.spool, host.spool

    def fails(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if is_of_a_spool(connection) and statement.startswith(at):
            raise failure("database or disk is full", sqlite3.SQLITE_FULL)

    with listening(Engine, "before_cursor_execute", fails):
        looks(spool, host)
        looks(other, host)
        assert len(host.broken()) == (at == "DELETE FROM entries")
    looks(spool, host)
    looks(other, host)
    assert len(host.broken()) == 1
    assert host.recorded() == ["b"]


def test_somebody_who_has_the_file_to_himself_costs_no_fact(host: Host) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jit.ledger.database.BUSY_SECONDS", 0)
        host.write("a")
        held = sqlite3.connect(host.file, isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        host.write("b")
        with pytest.raises(OSError, match="locked"):
            host.take_in()
        held.close()
    host.write("c")
    host.take_in()
    assert host.recorded() == ["a", "b", "c"]
    assert list(host.folder.glob("spool.lost.*")) == []


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param(lambda log: sorted({0, 1, 31, log // 2, log - 1, log, *range(32, log, 4120)}), id="distinct"),
        pytest.param(lambda log: range(0, log, 97), id="many", marks=exhaustive("cuts of a spool at many bytes")),
    ],
)
def test_a_spool_cut_off_at_any_byte_by_a_crash_loses_nothing_that_was_taken(
    host: Host, tmp_path: Path, cuts: Callable[[int], Iterable[int]]
) -> None:
    """Power goes while the third fact is written: of what SQLite writes for it any part is on disk."""
    host.write("a", "b")

    def cut_short() -> None:
        event.listen(Pool, "close", lambda *_: die())
        host.spool.write([late("c")])

    assert in_a_child(cut_short) == KILLED
    before = tmp_path / "before"
    shutil.copytree(host.folder, before)
    log = host.folder / "spool.db-wal"
    whole = log.read_bytes()
    for cut in cuts(len(whole)):
        for goes_on in (False, True):
            shutil.rmtree(host.folder)
            shutil.copytree(before, host.folder)
            (host.folder / "spool.db-shm").unlink()
            log.write_bytes(whole[:cut])
            fresh = tmp_path / f"{cut}-{goes_on}"
            fresh.mkdir()
            at = Host(host.folder, make_host(fresh).ledger)
            if goes_on:
                at.write("d")
            assert at.take_in().broken == ()
            said = at.recorded()
            assert [says for says in said if says != "c"] == ["a", "b", *(["d"] if goes_on else [])]
            assert said.count("c") == (cut == len(whole))
            at.ledger.engine.dispose()


def die_at(step: int, *, after: bool) -> None:
    """This process ends at its ``step``-th call that touches the disk: before it, or right after. What SQLite does, it
    does in a statement, a commit, or as it closes the file.
    """
    left = step

    def counted(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            die()

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
    event.listen(Engine, "before_cursor_execute", lambda connection, *_: is_of_a_spool(connection) and counted())
    event.listen(Engine, "commit", counted)
    event.listen(Pool, "close", counted)


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
@pytest.mark.parametrize(
    "damaged",
    [False, pytest.param(True, marks=exhaustive("kills at every step of taking in what is damaged"))],
    ids=["whole", "damaged"],
)
def test_a_taker_killed_at_any_step_is_followed_by_another(tmp_path: Path, *, damaged: bool, after: bool) -> None:
    def take(folder: Path) -> None:
        Spool(folder / "spool").take_in(make_host(folder).ledger, SIGNED)

    before = tmp_path / "before"
    before.mkdir()
    host = make_host(before)
    host.write("a")
    with failing_fsync():
        host.write("b")
    host.write(*(["lost"] if damaged else []))
    if damaged:
        change(host.folder / "spool.2.db", 'DELETE FROM entries WHERE "index" = 3')
    host.ledger.engine.dispose()

    for step in range(1, 400):
        folder = tmp_path / str(step)
        shutil.copytree(before, folder)
        host = make_host(folder)
        killed = killed_at(step, lambda: take(folder), after=after)  # noqa: B023  called at once
        host.write("c")
        host.take_in()
        host.take_in()
        assert sorted(host.recorded()) == ["a", "b", "c"]
        assert len(host.broken()) == damaged
        if not damaged:
            assert [(fact.first, fact.last) for fact in host.taken()] in ([(1, 3)], [(1, 2), (3, 3)])
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


def test_writers_killed_at_random_lose_and_double_nothing(host: Host, tmp_path: Path) -> None:
    chosen, acknowledged = random.Random(8), []
    for round_ in range(5):
        says = forkserver.SimpleQueue()
        writer = forkserver.Process(target=write_many, args=(tmp_path, f"r{round_}", says))
        writer.start()
        acknowledged += [says.get() for _ in range(chosen.randint(1, 20))]
        writer.kill()
        writer.join(HUNG)
        while not says.empty():
            acknowledged.append(says.get())
        if round_ % 3 == 0:
            host.take_in()
    host.take_in()
    assert host.broken() == []
    assert set(acknowledged) <= set(host.recorded())
    assert len(host.recorded()) == len(set(host.recorded())) <= len(acknowledged) + 5


def fill(folder: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, 64_000))
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
