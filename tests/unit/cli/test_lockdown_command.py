"""`jit lockdown` on a terminal, with a ledger and without."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.cli.opening import LedgerSilent
from jit.ledger import Ledger, connect, create_tables
from jit.ledger.lockdown_orders import LockdownOrders
from jit.testing import ManualClock
from tests.world.base import RULES

SILENT = "postgresql://jit@127.0.0.1:1/jit"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "test.policy.yml").write_text(RULES)
    for name, value in (("JIT_DATA", tmp_path), ("JIT_POLICIES", policies), ("JIT_LEDGER_URL", "")):
        monkeypatch.setenv(name, str(value))
    engine = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    create_tables(engine)
    return Ledger(engine, ManualClock())


def jit(*words: str, code: int = 0) -> str:
    told = CliRunner().invoke(cli, ["lockdown", *words])
    assert told.exit_code == code, told.output
    return told.output


def test_it_is_recorded_as_this_user_and_shown(ledger: Ledger) -> None:
    assert "No lockdown is in force." in jit()
    said = jit("orders-db/read", "laptop", "stolen")
    [lockdown] = ledger.lockdowns()
    assert (lockdown.access, lockdown.reason, lockdown.by[:4]) == ("orders-db/read", "laptop stolen", "cli:")
    assert lockdown.id in said
    assert "stopped already" in jit("laptop stolen", "access", "orders-db/read")
    assert f"{lockdown.id}  access orders-db/read" in jit()


def test_a_piece_of_a_name_or_no_reason_locks_nothing(ledger: Ledger) -> None:
    assert "jit lockdown target orders-db laptop stolen" in jit("order", "laptop", "stolen", code=1)
    assert "say why" in jit("everything", code=1)
    assert ledger.lockdowns() == ()


def test_it_is_not_lifted_from_a_terminal_and_that_is_on_the_record(ledger: Ledger) -> None:
    jit("everything", "laptop", "stolen")
    [lockdown] = ledger.lockdowns()
    for words in (["--lift", lockdown.id, "it", "is", "over"], ["lift", lockdown.id, "over"]):
        assert "Two different people lift a lockdown" in jit(*words, code=1)
    assert [entry.fact.kind for entry in ledger.read()] == ["lockdown.begun", "refused", "refused"]
    assert ledger.lockdowns() == (lockdown,)


def test_while_the_ledger_is_silent_the_order_lies_on_the_disk(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIT_LEDGER_URL", SILENT)
    said = jit("person", "U01ALICE0", "laptop", "stolen")
    [order] = LockdownOrders(tmp_path).read()
    assert order.lockdown_id in said
    assert (order.scope, order.requester, order.reason) == ("person", "U01ALICE0", "laptop stolen")
    assert "jit lockdown person U01ALICE0 stolen" in jit("person", "alic", "stolen", code=1)
    assert isinstance(CliRunner().invoke(cli, ["lockdown"]).exception, LedgerSilent)
    assert LockdownOrders(tmp_path).read() == (order,)
