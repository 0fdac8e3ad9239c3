"""One closed value: both that close and both that open it agree byte for byte, and it opens nowhere else."""

import base64
import json
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from jit.ledger.privacy.sealing import CannotOpen, PersonKey, Sealed, close, field_secret, new_key, open_with_key
from jit.proof.verifier import SealError, open_sealed
from tests.world.raised import raised

VECTORS = json.loads((Path(__file__).parents[1] / "sealed_vectors.json").read_text())["vectors"]
FACT = "2f2188bd-b7dd-45d6-9ff8-1fa8d0acb439"


def raw(text):
    return base64.b64decode(text)


def test_vectors_open_with_the_key_and_with_their_own_secret_for_who_checks_without_us():
    for each in VECTORS:
        sealed, key, place = Sealed.read(each["sealed"]), raw(each["key"]), (each["fact"], each["path"])
        assert open_with_key(sealed, key, *place) == each["value"], each["name"]
        assert open_sealed(each["sealed"], each["secret"], fact_id=each["fact"], path=each["path"]) == each["value"]
        assert field_secret(key, *place) == raw(each["secret"]), each["name"]
        if each["name"] != "without blanks at its end":
            person = PersonKey(each["sealed"]["sealed"]["key"], key)
            assert close(each["value"], person, *place, raw(each["nonce"])) == each["sealed"], each["name"]


def test_no_value_opens_in_the_place_of_another():
    for one, other in permutations(VECTORS, 2):
        sealed, place, names = Sealed.read(one["sealed"]), (other["fact"], other["path"]), (one["name"], other["name"])
        assert raised(CannotOpen, open_with_key, sealed, raw(other["key"]), *place), names
        where = {"fact_id": other["fact"], "path": other["path"]}
        assert raised(SealError, open_sealed, one["sealed"], other["secret"], **where), names


def test_a_flipped_bit_anywhere_is_seen():
    for each in VECTORS:
        inner = each["sealed"]["sealed"]
        for part in ("commit", "box"):
            whole = raw(inner[part])
            for place in range(len(whole)):
                changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
                sealed = Sealed.read({"sealed": inner | {part: base64.b64encode(changed).decode()}})
                key = raw(each["key"])
                assert raised(CannotOpen, open_with_key, sealed, key, each["fact"], each["path"]), (each["name"], place)


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


def test_what_has_not_its_shape_is_refused():
    for value in (
        *({}, [GOOD], "sealed", None, {"sealed": GOOD, "more": 1}, {"sealed": GOOD | {"more": 1}}),
        *({"sealed": inner} for inner in (None, [], "x", {})),
        *({"sealed": GOOD | {"key": key}} for key in ("x", GOOD["key"].upper(), GOOD["key"] + "\n", 7, None)),
        *({"sealed": GOOD | {"commit": commit}} for commit in (7, "", GOOD["commit"] + "\n", "ü")),
        *({"sealed": GOOD | {"box": box}} for box in ({}, "", GOOD["box"][:16], "!" + GOOD["box"])),
    ):
        assert raised(CannotOpen, Sealed.read, value), value
