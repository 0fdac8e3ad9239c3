"""One closed value: both that close and both that open it agree byte for byte, and it opens nowhere else."""

import base64
import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.privacy.sealing import CannotOpen, PersonKey, Sealed, close, field_secret, new_key, open_with_key
from jit.verifier import SealError, open_sealed

VECTORS = json.loads((Path(__file__).parent / "sealed_vectors.json").read_text())["vectors"]
FACT = "2f2188bd-b7dd-45d6-9ff8-1fa8d0acb439"
BY_NAME = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])


def raw(text):
    return base64.b64decode(text)


@BY_NAME
def test_a_vector_opens_with_the_key(vector):
    sealed = Sealed.read(vector["sealed"])
    assert open_with_key(sealed, raw(vector["key"]), vector["fact"], vector["path"]) == vector["value"]


@BY_NAME
def test_a_vector_opens_with_its_own_secret_for_who_checks_without_us(vector):
    opened = open_sealed(vector["sealed"], vector["secret"], fact_id=vector["fact"], path=vector["path"])
    assert opened == vector["value"]


@BY_NAME
def test_a_vector_has_the_secret_that_is_disclosed(vector):
    assert field_secret(raw(vector["key"]), vector["fact"], vector["path"]) == raw(vector["secret"])


@pytest.mark.parametrize("vector", [each for each in VECTORS if each["name"] != "without blanks at its end"])
def test_a_vector_is_what_is_written(vector):
    key = PersonKey(vector["sealed"]["sealed"]["key"], raw(vector["key"]))
    written = close(vector["value"], key, vector["fact"], vector["path"], raw(vector["nonce"]))
    assert written == vector["sealed"]


@pytest.mark.parametrize(("one", "other"), list(permutations(VECTORS, 2)), ids=lambda vector: vector["name"])
def test_no_value_opens_in_the_place_of_another(one, other):
    with pytest.raises(CannotOpen):
        open_with_key(Sealed.read(one["sealed"]), raw(other["key"]), other["fact"], other["path"])
    with pytest.raises(SealError):
        open_sealed(one["sealed"], other["secret"], fact_id=other["fact"], path=other["path"])


@BY_NAME
@pytest.mark.parametrize("part", ["commit", "box"])
def test_a_flipped_bit_anywhere_is_seen(vector, part):
    inner = vector["sealed"]["sealed"]
    whole = raw(inner[part])
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        value = {"sealed": inner | {part: base64.b64encode(changed).decode()}}
        with pytest.raises(CannotOpen):
            open_with_key(Sealed.read(value), raw(vector["key"]), vector["fact"], vector["path"])


@given(st.one_of(st.text(alphabet=st.characters(exclude_categories=("Cs",))), st.lists(st.just("left"), min_size=1)))
def test_any_value_comes_back(value):
    key = new_key()
    assert open_with_key(Sealed.read(close(value, key, FACT, "why")), key.key, FACT, "why") == value


def test_a_box_does_not_tell_how_long_a_name_is():
    key = new_key()
    lengths = {len(Sealed.read(close("x" * length, key, FACT, "principal")).box) for length in range(1, 30)}
    assert len(lengths) == 1


def test_the_same_is_never_closed_to_the_same():
    key = new_key()
    assert close("U01ALICE0", key, FACT, "actor") != close("U01ALICE0", key, FACT, "actor")


def test_a_key_does_not_print_itself():
    key = new_key()
    assert key.key.hex() not in f"{key!r}{key}"
    assert str(key.key) not in f"{key!r}{key}"


GOOD = VECTORS[0]["sealed"]["sealed"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"sealed": None},
        {"sealed": []},
        {"sealed": "x"},
        {"sealed": {}},
        {"sealed": GOOD, "more": 1},
        {"sealed": GOOD | {"more": 1}},
        {"sealed": GOOD | {"key": "x"}},
        {"sealed": GOOD | {"key": GOOD["key"].upper()}},
        {"sealed": GOOD | {"key": GOOD["key"] + "\n"}},
        {"sealed": GOOD | {"key": 7}},
        {"sealed": GOOD | {"key": None}},
        {"sealed": GOOD | {"commit": 7}},
        {"sealed": GOOD | {"commit": ""}},
        {"sealed": GOOD | {"commit": GOOD["commit"] + "\n"}},
        {"sealed": GOOD | {"commit": "ü"}},
        {"sealed": GOOD | {"box": {}}},
        {"sealed": GOOD | {"box": ""}},
        {"sealed": GOOD | {"box": GOOD["box"][:16]}},
        {"sealed": GOOD | {"box": "!" + GOOD["box"]}},
        [GOOD],
        "sealed",
        None,
    ],
    ids=repr,
)
def test_what_has_not_its_shape_is_refused(value):
    with pytest.raises(CannotOpen):
        Sealed.read(value)
