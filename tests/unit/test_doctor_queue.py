"""What the doctor notes about the way to a Redis on another host."""

import pytest
from pydantic import SecretStr
from redis import Redis

from jit.doctor import State
from jit.doctor.queue import look_at_queue


def test_another_host_wants_a_password_and_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"role": "master", "maxmemory_policy": "noeviction", "aof_enabled": 1}
    monkeypatch.setattr(Redis, "info", lambda _: whole)
    monkeypatch.setattr(Redis, "waitaof", lambda *_: [0, 0])
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
