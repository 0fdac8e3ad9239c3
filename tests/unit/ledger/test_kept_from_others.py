"""Whatever holds a record is made for its owner alone, also under the umask that most accounts have."""

import os

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.facts import Alert, AlertName, Source
from jit.ledger import Ledger, Spool, connect, create_tables
from jit.ledger.spool_files import FILE, PUT_ASIDE
from jit.testing import ManualClock, Story
from tests.world.hands import Hands
from tests.world.spooling import SIGNED, put_in
from workers.end_orders.signed import load_key


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_ledger_in_a_file_and_what_sqlite_puts_beside_it_are_read_by_nobody_else(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    ledger = Ledger(engine, ManualClock())
    with engine.connect() as open_still:
        Story(ledger, ledger.clock).active()
        assert open_still
        assert {each.name: mode(each) for each in tmp_path.iterdir()} == {
            "ledger.db": 0o600,
            "ledger.db-wal": 0o600,
            "ledger.db-shm": 0o600,
        }
    engine.dispose()


def test_a_ledger_in_memory_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for address in ("sqlite://", "sqlite:///:memory:"):
        engine = connect(address)
        with engine.connect():
            pass
        engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_up_makes_its_folder_for_nobody_else(tmp_path, monkeypatch):
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("JIT_POLICIES", str(tmp_path / "nowhere"))
    assert CliRunner().invoke(cli, ["up"]).exit_code == 1
    assert mode(tmp_path / "var") == 0o700


def test_a_worker_makes_its_folder_for_nobody_else(tmp_path):
    load_key(None, tmp_path / "var")
    assert mode(tmp_path / "var") == 0o700


def test_the_spool_is_read_by_nobody_else(tmp_path):
    house = Hands(tmp_path)
    folder = tmp_path / "spool-of-ours"
    spool = Spool(folder)
    alert = Alert(at=house.clock.now(), actor="bot@here", source=Source.BOT, name=AlertName.FOREIGN_SLACK, says="x")
    spool.write([alert])
    put_in(folder / FILE, [(2, b"no fact", "")])
    assert spool.take_in(house.ledger, SIGNED).refused == 1
    assert [mode(folder), mode(folder / FILE), mode(folder / PUT_ASIDE)] == [0o700, 0o600, 0o600]
