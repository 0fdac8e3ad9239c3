"""What the processes of `jit up` see of its environment, and the doctor with them."""

import os
from pathlib import Path

import pytest

from jit.cli.environment import ROOMS, as_processes_see, environment
from jit.policy import load_policy

POLICY = load_policy(Path(__file__).parents[3] / "policies")
LEDGER = "postgresql://jit_bot@db/jit"
ALL = {
    "HTTPS_PROXY": "http://me:secret@proxy:3128",
    "no_proxy": "db.internal",
    "SSL_CERT_FILE": "/etc/ssl/ours.pem",
    "REQUESTS_CA_BUNDLE": "/etc/ssl/ours.pem",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": "/etc/ssl/db.pem",
    "PGPASSFILE": "/etc/jit/pgpass",
    "PGPASSWORD": "secret",
    "AWS_CA_BUNDLE": "/etc/ssl/ours.pem",
    "SLACK_BOT_TOKEN": "xoxb-1",
    "ORDERS_DB_ADMIN_DSN": "postgresql://worker@db/orders",
    "JIT_SIGNING_KEY": "file:key",
    "EDITOR": "vi",
}


def seen(room, **more):
    return set(environment(room, ALL | more, POLICY))


def test_every_process_gets_certificates_and_how_postgresql_is_reached():
    for room in ROOMS:
        wanted = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PGSSLMODE", "PGSSLROOTCERT", "PGPASSFILE"}
        assert wanted <= seen(room), room
        assert "EDITOR" not in seen(room)


def test_who_speaks_to_the_world_gets_the_proxy_which_may_hold_a_login():
    got = {room for room in ROOMS if {"HTTPS_PROXY", "no_proxy"} <= seen(room)}
    assert got == {"bot", "signer"}
    assert {room for room in ROOMS if "HTTPS_PROXY" in seen(room)} == got


def test_a_password_for_targets_is_not_the_bots_unless_it_is_the_ledgers_too():
    with_it = {room for room in ROOMS if "PGPASSWORD" in seen(room)}
    assert with_it == {"worker", "timekeeper"}
    assert "PGPASSWORD" in seen("bot", JIT_LEDGER_URL=LEDGER)
    assert "PGPASSWORD" not in seen("bot", JIT_LEDGER_URL=LEDGER.replace("jit_bot", "jit_bot:own"))
    assert "PGPASSWORD" not in seen("bot", JIT_LEDGER_URL="file:/etc/jit/ledger_url")


def test_secrets_stay_in_their_room():
    assert {room for room in ROOMS if "SLACK_BOT_TOKEN" in seen(room)} == {"bot"}
    assert {room for room in ROOMS if "ORDERS_DB_ADMIN_DSN" in seen(room)} == {"worker", "timekeeper"}
    assert {room for room in ROOMS if "JIT_SIGNING_KEY" in seen(room)} == {"signer"}


def test_naming_another_rooms_secret_as_a_targets_hands_it_to_nobody():
    """Who writes the policies, or the targets known before, is not thereby given Slack's tokens or the signing key."""
    named = {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "JIT_SIGNING_KEY", "AWS_SECRET_ACCESS_KEY", "OLD_DSN"}
    everything = ALL | dict.fromkeys(named, "x")
    for room in ("worker", "timekeeper"):
        assert set(environment(room, everything, POLICY, named)) & named == {"OLD_DSN"}


def test_the_doctor_sees_what_the_processes_see_and_afterwards_all_is_as_it_was(monkeypatch):
    """What only this shell has would make the doctor well and the bot silent."""
    for name, value in {**ALL, "REDISCLI_AUTH": "x"}.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with as_processes_see(POLICY):
        assert "REDISCLI_AUTH" not in os.environ
        assert {name: os.environ.get(name) for name in ALL if name != "EDITOR"} == {
            name: value for name, value in ALL.items() if name != "EDITOR"
        }
    assert dict(os.environ) == before


def test_a_look_that_fails_leaves_the_environment_as_it_was():
    before = dict(os.environ)
    with pytest.raises(RuntimeError), as_processes_see(None):
        raise RuntimeError
    assert dict(os.environ) == before
