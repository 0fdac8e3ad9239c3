"""The store of the copies: how it is set up, what is refused, and what happens while it is away."""

import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from jit.proof.copies import copier as copying
from jit.proof.copies.bucket import Bucket
from jit.runtime.settings import CannotStart, CopySettings
from tests.world.shop import NOBODY, Shop

pytestmark = pytest.mark.real


@pytest.fixture
def asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer is given up at once."""
    monkeypatch.setattr("jit.proof.copies.bucket.ATTEMPTS", 1)


def test_an_outage_is_waited_out_and_after_an_hour_told(shop: Shop, asked_once: None) -> None:
    shop.grow(3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        copier = shop.copier(f"http://127.0.0.1:{port}")
        assert copier.turn() == copying.LOOK_EVERY
        assert shop.troubles == {}
        shop.clock.ticked += copying.SILENT_FOR
        copier.turn()
        assert copying.AWAY in shop.troubles
    back = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)  # with the same buckets
    back.start()
    try:
        copier.turn()
    finally:
        back.stop()
    assert shop.troubles == {}
    assert shop.segments() == [(1, 3)]


def test_a_store_that_is_away_holds_up_no_start(shop: Shop, asked_once: None) -> None:
    assert shop.opened(copies_endpoint=NOBODY) is not None


def test_a_store_that_ignores_the_lock_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.grow(3)
    monkeypatch.setattr(Bucket, "locked_until", lambda *_: None)
    shop.copier().turn()
    assert "without the lock asked for" in shop.troubles[copying.AWAY]


def test_of_two_signers_one_copies_until_it_is_gone(shop: Shop) -> None:
    one, two = shop.opened(), shop.opened()
    assert one is not None
    assert two is not None
    shop.grow(2)
    one.turn()
    shop.grow(2)
    two.turn()
    assert shop.segments() == [(1, 2)]
    shop.clock.ahead = copying.LEASE_LASTS + timedelta(seconds=1)
    two.turn()
    shop.grow(2)
    one.turn()
    assert shop.segments() == [(1, 2), (3, 4)]


def test_it_ends_when_told(shop: Shop) -> None:
    stop = Event()
    stop.set()
    shop.copier().keep_copying(stop)
    assert shop.names() == []


def test_it_is_set_up_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CopySettings().copies == ""
    monkeypatch.setenv("JIT_COPIES", "s3://bucket/prefix")
    monkeypatch.setenv("JIT_COPIES_KEEP", "90")
    monkeypatch.setenv("JIT_COPIES_ENDPOINT", "https://store.example")
    given = CopySettings()
    assert (given.copies, given.copies_keep, given.copies_endpoint) == (
        "s3://bucket/prefix",
        90,
        "https://store.example",
    )
    monkeypatch.setenv("JIT_COPIES_KEEP", "0")
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        CopySettings()


def test_without_an_address_nothing_is_copied(shop: Shop) -> None:
    assert shop.opened(copies="") is None


def keeps_by_default(shop: Shop, days: int) -> None:
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}}
    shop.s3.put_object_lock_configuration(Bucket=shop.bucket, ObjectLockConfiguration=default)


def test_a_bucket_with_object_lock_will_do(shop: Shop) -> None:
    assert shop.opened() is not None
    keeps_by_default(shop, 30)
    assert shop.opened() is not None


def default_of_10_days(shop: Shop) -> dict[str, Any]:
    keeps_by_default(shop, 10)
    return {}


def no_lock(shop: Shop) -> dict[str, Any]:
    shop.s3.create_bucket(Bucket=f"plain-{shop.bucket}")
    return {"copies": f"s3://plain-{shop.bucket}/log"}


UNFIT: dict[str, tuple[Callable[[Shop], dict[str, Any]], str]] = {
    "a default of ten days": (default_of_10_days, "keeps objects for 10 days by default.*lower JIT_COPIES_KEEP"),
    "a bucket without Object Lock": (no_lock, "has no Object Lock.*Make a bucket with Object Lock"),
    "no such bucket": (lambda _: {"copies": "s3://nowhere/log"}, "There is no bucket nowhere"),
    "no address": (lambda _: {"copies": "https://copies/log"}, "s3://bucket/prefix"),
    "a login in the address": (lambda _: {"copies": "s3://key:secret@bucket/log"}, "s3://bucket/prefix"),
    "no endpoint": (lambda _: {"copies_endpoint": "nonsense"}, "cannot be set up"),
}


@pytest.mark.parametrize("how", UNFIT)
def test_a_store_that_cannot_keep_copies_is_refused_at_the_start(shop: Shop, how: str) -> None:
    make, says = UNFIT[how]
    with pytest.raises(CannotStart, match=says):
        shop.opened(**make(shop))


def test_without_credentials_it_is_refused_at_the_start(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # which has found them
    with pytest.raises(CannotStart, match="AWS_PROFILE"):
        shop.opened()


def test_without_boto3_it_is_refused_at_the_start(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(CannotStart, match=r"pip install 'jit\[s3\]'"):
        shop.opened()
