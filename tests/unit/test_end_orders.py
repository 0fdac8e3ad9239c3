"""Orders to end access can be made by nobody but a worker."""

import base64
import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from jit.testing import T0
from tests.world.hands import KEY
from workers.end_orders import BadEndOrder, BadKey, EndOrder, load_key, sign, verify

ORDER = EndOrder(
    request_id="R-TEST",
    target="orders-db",
    principal="alice",
    ends_at=T0,
    requester="U01ALICE0",
    access="orders-db/read",
    permissions=("orders_read",),
    policy_version="f" * 64,
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
        verify(KEY, f"end1.{body}.{plain}")


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
