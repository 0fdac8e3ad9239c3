"""What the doctor notes about the way to a Redis on another host."""

import pytest

from jit.doctor.queue import _reached
from jit.rq_queue import open_redis


@pytest.mark.parametrize(
    ("url", "notes"),
    [
        ("unix:///run/valkey.sock", 0),
        ("redis://127.0.0.1:6379", 0),
        ("redis://[::1]", 0),
        ("redis://localhost", 0),
        ("redis://cache.example", 2),
        ("redis://:word@cache.example", 1),
        ("rediss://cache.example", 1),
        ("rediss://jit:word@cache.example:6380", 0),
    ],
)
def test_another_host_wants_a_password_and_encryption(url, notes):
    assert len([*_reached(open_redis(url))]) == notes
