"""What `jit doctor` says of a spool that its disk, or somebody, was at."""

import os
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from jit.doctor.line import Line, State
from jit.ledger.doctor.spool import look_at_spool
from tests.world.spooling import Host, make_host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = make_host(tmp_path)
    host.write("a")
    return host


def to_mend(host: Host) -> list[Line]:
    return [line for line in look_at_spool(host.folder.parent, host.folder) if line.state is State.MEND]


def test_a_spool_as_it_is_written_needs_no_mending(host: Host) -> None:
    assert to_mend(host) == []


def test_files_that_others_can_read_are_closed_by_the_command_printed(host: Host) -> None:
    host.folder.chmod(0o755)
    host.file.chmod(0o644)
    [line] = to_mend(host)
    subprocess.run(shlex.split(line.remedy), check=True)
    assert to_mend(host) == []


def test_a_disk_that_failed_is_said(host: Host) -> None:
    for name, named in (("spool.2.db", ": spool.db"), ("spool.lost.1.spool.db", ": spool.lost.1.spool.db")):
        (host.folder / name).touch(0o600)
        [line] = to_mend(host)
        assert line.what.endswith(named)
        (host.folder / name).unlink()


def test_a_disk_without_room_is_said(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not count its files has room for them."""
    for blocks, files, of_files, fits in (
        (256, 9, 100, True),
        (255, 9, 100, False),
        (256, 0, 100, False),
        (256, 0, 0, True),
    ):
        room = SimpleNamespace(f_bavail=blocks, f_frsize=4096, f_favail=files, f_files=of_files)
        monkeypatch.setattr(os, "statvfs", lambda _, room=room: room)
        assert ["has no room" in line.what for line in to_mend(host)] == [True] * (not fits), room


def test_a_file_that_is_gone_is_said(host: Host) -> None:
    host.file.unlink()
    [line] = to_mend(host)
    assert "is gone" in line.what
