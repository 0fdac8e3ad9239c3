"""Orders to end access can be made by nobody but a worker."""

import base64
import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from jit.requests.lifecycle import FixedEnd, Request
from jit.testing import T0
from tests.world.end_orders import order_about
from tests.world.hands import KEY, Hands
from workers.end_orders.signed import (
    BadEndOrder,
    BadKey,
    EndOrder,
    OrderStatus,
    TooLong,
    counting,
    judge,
    load_key,
    next_number,
    sign,
    verify,
)

ORDER = EndOrder(
    request_id="R-TEST",
    target="orders-db",
    principal="alice",
    ends_at=T0,
    requester="U01ALICE0",
    access="orders-db/read",
    permissions=("orders_read",),
    policy_version="f" * 64,
    fact=UUID(int=7),
    number=3,
)


def test_what_was_signed_comes_back() -> None:
    assert verify(KEY, sign(KEY, ORDER)) == ORDER


def test_another_key_is_worth_nothing() -> None:
    with pytest.raises(BadEndOrder):
        verify(b"x" * 32, sign(KEY, ORDER))


def test_a_signature_belongs_to_one_order() -> None:
    other = sign(KEY, ORDER.model_copy(update={"principal": "bob"}))
    body, _, _ = other.rpartition(".")
    _, _, signature = sign(KEY, ORDER).rpartition(".")
    with pytest.raises(BadEndOrder):
        verify(KEY, f"{body}.{signature}")


def test_a_signature_made_for_something_else_with_the_same_key_does_not_count() -> None:
    body = base64.urlsafe_b64encode(ORDER.model_dump_json().encode()).decode()
    plain = hmac.new(KEY, body.encode(), hashlib.sha256).hexdigest()
    with pytest.raises(BadEndOrder):
        verify(KEY, f"end2.{body}.{plain}")


@given(place=st.integers(min_value=0), letter=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_letter_can_be_changed(place: int, letter: str) -> None:
    text = sign(KEY, ORDER)
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    if changed == text:
        return
    with pytest.raises(BadEndOrder):
        verify(KEY, changed)


@given(st.text())
def test_any_text_is_refused_quietly(text: str) -> None:
    with pytest.raises(BadEndOrder):
        verify(KEY, text)


def test_a_signed_order_of_another_shape_is_refused() -> None:
    strange = ORDER.model_copy(update={"request_id": "pg_monitor"})
    with pytest.raises(BadEndOrder):
        verify(KEY, sign(KEY, strange))


def test_the_moment_of_the_end_keeps_its_microseconds() -> None:
    exact = ORDER.model_copy(update={"ends_at": T0 + timedelta(microseconds=1)})
    assert verify(KEY, sign(KEY, exact)).ends_at == exact.ends_at


class TestWhatAnOrderIs:
    """By the facts of its request: two that hold orders, and what they may be held against."""

    @pytest.fixture
    def request_(self, tmp_path: Path) -> Request:
        """Given for half an hour, then changed to end after an hour."""
        given = Hands(tmp_path).active(minutes=30)
        changed = self.order(given, 60, fact=UUID(int=9), number=2**60)
        fixed = (*given.fixed_ends, FixedEnd(UUID(int=9), sign(KEY, changed)))
        return replace(given, ends_at=changed.ends_at, fixed_ends=fixed)

    def order(self, request: Request, minutes: float, **other: Any) -> EndOrder:
        return order_about(request, T0 + timedelta(minutes=minutes), **other)

    def test_that_has_the_highest_number_counts(self, request_: Request) -> None:
        counts = counting(KEY, request_)
        assert counts is not None
        assert counts.order.number == 2**60
        assert judge(KEY, counts.order, request_) is OrderStatus.COUNTS

    def test_that_has_it_counts_though_its_fact_is_recorded_again_before_another(self, request_: Request) -> None:
        counts = counting(KEY, replace(request_, fixed_ends=request_.fixed_ends[::-1]))
        assert counts is not None
        assert counts.order.number == 2**60

    def test_the_first_one_is_superseded_by_it(self, request_: Request) -> None:
        first = verify(KEY, request_.fixed_ends[0].order or "")
        assert judge(KEY, first, request_) is OrderStatus.SUPERSEDED

    @pytest.mark.parametrize(
        ("minutes", "number", "status"),
        [
            (10, 2**60 - 1, OrderStatus.SUPERSEDED),
            (10, 2**60, OrderStatus.SUPERSEDED),
            (90, 2**60, OrderStatus.SUPERSEDED),
            (10, 2**60 + 1, OrderStatus.EARLIER),
            (60, 2**60 + 1, OrderStatus.EARLIER),
            (61, 2**60 + 1, OrderStatus.LATER),
        ],
    )
    def test_one_that_no_fact_holds(self, request_: Request, minutes: int, number: int, status: OrderStatus) -> None:
        assert judge(KEY, self.order(request_, minutes, number=number), request_) is status

    @pytest.mark.parametrize(("minutes", "status"), [(60, OrderStatus.EARLIER), (61, OrderStatus.LATER)])
    def test_one_where_none_counts(self, request_: Request, minutes: int, status: OrderStatus) -> None:
        unheld = replace(request_, fixed_ends=tuple(FixedEnd(fixed.fact, None) for fixed in request_.fixed_ends))
        assert counting(KEY, unheld) is None
        assert judge(KEY, self.order(request_, minutes), unheld) is status

    def test_a_number_grows_whatever_the_clock_says(self, request_: Request) -> None:
        assert next_number(KEY, request_, T0) == 2**60 + 1
        tried = [next_number(KEY, replace(request_, fixed_ends=()), T0 + timedelta(microseconds=n)) for n in range(3)]
        assert tried == sorted(set(tried))


class TestTheLength:
    def test_of_one_with_all_that_fits_on_a_card_is_taken(self) -> None:
        many = ORDER.model_copy(update={"permissions": tuple(f"{n:063}" for n in range(20_000 // 63))})
        assert verify(KEY, sign(KEY, many)) == many

    def test_of_one_that_no_worker_would_take_is_refused(self) -> None:
        with pytest.raises(TooLong):
            sign(KEY, ORDER.model_copy(update={"permissions": ("x" * 50_000,)}))


class TestTheKey:
    def test_is_made_once_for_its_owner_alone(self, tmp_path: Path) -> None:
        key = load_key(None, tmp_path / "new")
        assert load_key(None, tmp_path / "new") == key
        assert len(key) >= 32
        assert stat.S_IMODE((tmp_path / "new" / "worker.key").stat().st_mode) == 0o600
        assert [file.name for file in (tmp_path / "new").iterdir()] == ["worker.key"]

    def test_is_the_same_for_all_who_start_at_once(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            keys = set(pool.map(lambda _: load_key(None, tmp_path), range(32)))
        assert len(keys) == 1

    def test_given_in_the_environment_comes_first(self, tmp_path: Path) -> None:
        assert load_key(SecretStr("e" * 32), tmp_path) == b"e" * 32
        assert list(tmp_path.iterdir()) == []

    def test_too_short_is_refused_without_being_shown(self, tmp_path: Path) -> None:
        with pytest.raises(BadKey) as refused:
            load_key(SecretStr("hunter2"), tmp_path)
        assert "JIT_WORKER_KEY" in str(refused.value)
        assert "hunter2" not in str(refused.value)
