"""What the doctor notes about the way to a Redis on another host."""

from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis, ResponseError
from redis.exceptions import NoPermissionError

from jit.doctor import Line, State
from jit.doctor.queue import look_at_queue
from jit.runtime.queue import QueueMisconfigured, require_durable


def test_another_host_wants_a_password_and_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"role": "master", "maxmemory_policy": "noeviction", "aof_enabled": 1}
    monkeypatch.setattr(Redis, "info", lambda _: whole)
    monkeypatch.setattr(Redis, "waitaof", lambda *_: [0, 0])
    monkeypatch.setattr(Redis, "config_get", lambda *_: {})
    for url, notes in {
        "unix:///run/valkey.sock": 0,
        "redis://127.0.0.1:6379": 0,
        "redis://[::1]": 0,
        "redis://localhost": 0,
        "redis://cache.example": 2,
        "redis://:word@cache.example": 1,
        "rediss://cache.example": 1,
        "rediss://jit:word@cache.example:6380": 0,
    }.items():
        states = [line.state for line in look_at_queue(SecretStr(url))]
        assert states.count(State.NOTE) == notes, url
        assert State.MEND not in states, url


WHOLE = {"role": "master", "maxmemory_policy": "noeviction", "aof_enabled": 1}


def found(patch: pytest.MonkeyPatch, told: dict[str, Any], refuses: Exception | None = None, **how: Any) -> list[Line]:
    def refuse(*_: Any) -> dict[str, Any]:
        if refuses is not None:
            raise refuses
        return {}

    patch.setattr(Redis, "info", lambda _: told)
    patch.setattr(Redis, "waitaof", lambda *_: [0, 0])
    patch.setattr(Redis, "config_get", refuse)
    return [line for line in look_at_queue(SecretStr("redis://:word@127.0.0.1"), **how) if line.state is not State.OK]


def test_a_managed_service_that_takes_no_config_is_not_told_to_be_configured_by_it(monkeypatch: pytest.MonkeyPatch):
    told = WHOLE | {"aof_enabled": 0}
    (line,) = found(monkeypatch, told, ResponseError("unknown command 'CONFIG', with args beginning with: 'GET'"))
    assert line.state is State.MEND
    assert "redis-cli" not in line.remedy
    assert "set appendonly to yes on its settings page" in line.remedy


def test_a_login_that_may_not_set_anything_is_told_who_may(monkeypatch: pytest.MonkeyPatch):
    told = WHOLE | {"maxmemory_policy": "volatile-lru"}
    (line,) = found(
        monkeypatch, told, NoPermissionError("this user has no permissions to run the 'config|get' command")
    )
    assert "whoever runs it" in line.remedy
    assert line.remedy.endswith("redis-cli -h 127.0.0.1 CONFIG SET maxmemory-policy noeviction")


def test_a_cluster_and_a_sentinel_are_named_as_what_they_are(monkeypatch: pytest.MonkeyPatch):
    (cluster,) = found(monkeypatch, WHOLE | {"cluster_enabled": 1})
    assert "Redis Cluster" in cluster.what
    (sentinel,) = found(monkeypatch, {"redis_mode": "sentinel"})
    assert "Sentinel" in sentinel.what
    assert "primary" in sentinel.remedy


def test_a_worker_starts_on_no_cluster(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Redis, "info", lambda *_: WHOLE | {"cluster_enabled": 1})
    monkeypatch.setattr(Redis, "waitaof", lambda *_: [0, 0])
    with pytest.raises(QueueMisconfigured, match="Redis Cluster"):
        require_durable(Redis())


def test_a_bot_that_may_not_ask_how_redis_is_set_up_need_not(monkeypatch: pytest.MonkeyPatch):
    def refuse(_: Any) -> dict[str, Any]:
        raise NoPermissionError("this user has no permissions to run the 'info' command")

    monkeypatch.setattr(Redis, "info", refuse)
    for works, state in ((False, State.NOTE), (True, State.MEND)):
        (line,) = look_at_queue(SecretStr("redis://127.0.0.1"), works=works)
        assert line.state is state
