"""What the doctor says of targets and of the workers' key, as far as no server is needed."""

import shlex
import subprocess

import pytest
from pydantic import SecretStr

from jit.doctor import State, examine
from jit.people.person import NO_GROUPS, Groups
from jit.policy import load_policy
from jit.ports import Finding
from jit.testing import T0, InMemoryTarget
from tests.world.hands import RULES
from workers import doctor
from workers.end_orders.signed import KEY_FILE, load_key

LONG = SecretStr("k" * 32)


@pytest.fixture
def policy(tmp_path):
    text = RULES.replace("orders-db: {kind: fake}", 'orders-db: {kind: fake, dsn: "env:ORDERS_DSN"}')
    text = text.replace("ledger-db: {kind: fake}", 'ledger-db: {kind: fake, dsn: "env:BOOKS_DSN"}')
    (tmp_path / "a.policy.yml").write_text(text)
    return load_policy(tmp_path)


@pytest.fixture
def targets(monkeypatch):
    """Opened with their secrets only."""
    made = {name: InMemoryTarget(name) for name in ("orders-db", "ledger-db")}

    def opened(name, _kind, settings, resolve):
        resolve(settings["dsn"])
        return made[name]

    monkeypatch.setattr(doctor, "open_target", opened)
    for name in ("ORDERS_DSN", "BOOKS_DSN"):
        monkeypatch.delenv(name, raising=False)
    return made


def states(policy, tmp_path, key=LONG):
    found = examine(doctor.checks(policy, key, tmp_path), 10)
    return {line.what: line.state for line in found[1:]}


def test_targets_whose_secrets_are_elsewhere_are_not_looked_at(policy, targets, tmp_path):
    assert states(policy, tmp_path, None) == {"orders-db": State.NOT_LOOKED_AT, "ledger-db": State.NOT_LOOKED_AT}


def test_one_missing_secret_among_others_that_are_here_is_to_be_mended(policy, targets, tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERS_DSN", "there")
    assert states(policy, tmp_path) == {
        "orders-db: gives orders_read": State.OK,
        "ledger-db: its secret is not to be had": State.MEND,
    }


def test_a_target_that_falls_over_is_one_line(policy, targets, tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERS_DSN", "there")
    monkeypatch.setenv("BOOKS_DSN", "there")

    def falls(*_):
        raise RuntimeError("hunter2")

    targets["ledger-db"].check = falls
    targets["orders-db"].check = lambda given, _: [Finding(ok=False, what=f"cannot give {given[0]}", remedy="GRANT")]
    found = examine(doctor.checks(policy, LONG, tmp_path), 10)
    assert [line.what for line in found if line.ok is False] == [
        "ledger-db: looking at it failed (RuntimeError)",
        "orders-db: cannot give orders_read",
    ]


def test_connections_that_a_target_keeps_are_closed(policy, targets, tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERS_DSN", "there")
    closed = []
    targets["orders-db"].close = lambda: closed.append("orders-db")
    examine(doctor.checks(policy, LONG, tmp_path), 10)
    assert closed == ["orders-db"]


def test_with_broken_rules_no_target_is_looked_at(tmp_path):
    _, line = examine(doctor.checks(None, LONG, tmp_path), 10)
    assert line.state is State.NOT_LOOKED_AT


def key_line(given, data):
    return examine(doctor.checks(None, given, data)[:1], 10)


def test_a_key_that_is_not_there_is_not_made(tmp_path):
    (line,) = key_line(None, tmp_path)
    assert line.state is State.NOT_LOOKED_AT
    assert list(tmp_path.iterdir()) == []


def test_a_key_open_to_others_is_mended_by_the_command_printed(tmp_path):
    load_key(None, tmp_path)
    assert [line.state for line in key_line(None, tmp_path)] == [State.OK]
    (tmp_path / KEY_FILE).chmod(0o644)
    line = key_line(None, tmp_path)[0]
    assert line.state is State.MEND
    subprocess.run(shlex.split(line.remedy), check=True)
    assert [line.state for line in key_line(None, tmp_path)] == [State.OK]


def test_a_key_that_is_too_short_says_how_to_make_one(tmp_path):
    (line,) = key_line(SecretStr("short"), tmp_path)
    assert line.state is State.MEND
    assert "openssl rand -hex 32" in line.remedy
    (tmp_path / KEY_FILE).write_text("short")
    (tmp_path / KEY_FILE).chmod(0o600)
    (line,) = key_line(None, tmp_path)
    assert "openssl rand -hex 32" in line.remedy


def test_a_login_that_the_rules_name_is_looked_up_where_the_person_may_ask(policy, targets, tmp_path, monkeypatch):
    """Of those in a Slack group by what the bot last saw."""
    monkeypatch.setenv("ORDERS_DSN", "there")
    monkeypatch.setenv("BOOKS_DSN", "there")
    for target in targets.values():
        target.missing = frozenset({"alice"})

    def named(rules, groups=NO_GROUPS):
        lines = examine(doctor.checks(rules, LONG, tmp_path, lambda: groups), 10)
        return [line.what for line in lines if "no alice here" in line.what]

    assert named(policy) == ["ledger-db: no alice here", "orders-db: no alice here"]
    text = (tmp_path / "a.policy.yml").read_text().replace("request: [U01ALICE0]", 'request: ["slack:S0ENGIN01"]', 1)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.policy.yml").write_text(text)
    in_a_group = load_policy(tmp_path / "rules")
    assert len(named(in_a_group)) == 1
    assert len(named(in_a_group, Groups(as_of=T0, members={"S0ENGIN01": frozenset({"U01ALICE0"})}))) == 2
