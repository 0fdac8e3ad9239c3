"""Whatever is done to a record, a bundle or a note: a verdict, never a crash, and never that it is what it was."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.proof.verifier import (
    Grade,
    NoteError,
    Refused,
    Sources,
    Verdict,
    VerifierKey,
    check_bundle,
    check_record,
    open_sealed,
    parse_checkpoint,
    parse_note,
)
from tests.fuzz.verifier import holds_only_for_its_text, says_nothing_new
from tests.world.evidence import TRUST, WITNESS, fact_id, record, sealed

MADE = record()
BUNDLE = MADE.bundle(witnesses=[WITNESS])
BYTES = json.dumps(BUNDLE).encode()
NOTE = MADE.checkpoint(witnesses=[WITNESS])
often = settings(max_examples=150, derandomize=True, deadline=None)

edits = st.lists(
    st.tuples(
        st.integers(0, 2**31),
        st.sampled_from(["flip", "drop", "add", "copy", "cut"]),
        st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, changes) -> bytes:
    for where, how, what in changes:
        at = where % max(1, len(data))
        if how == "flip":
            data = (
                data[:at] + bytes(old ^ new for old, new in zip(data[at:], what, strict=False)) + data[at + len(what) :]
            )
        elif how == "drop":
            data = data[:at] + data[at + len(what) :]
        elif how == "add":
            data = data[:at] + what + data[at:]
        elif how == "copy":
            data = data[:at] + data[at // 2 : at // 2 + 40] + data[at:]
        else:
            data = data[: len(data) - at % 50]
    return data


@often
@given(edits)
def test_an_edited_bundle_says_what_it_said_or_is_refused(changes):
    data = edited(BYTES, changes)
    verdict = check_bundle(data, TRUST)
    assert says_nothing_new(data, verdict, BUNDLE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value, at=()):
    """Every place in a JSON value."""
    yield at
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*at, name))


PLACES = [place for place in places(BUNDLE) if place]


@often
@given(st.data())
def test_a_bundle_with_other_values_says_what_it_said_or_is_refused(data):
    changed = json.loads(BYTES)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(PLACES))
        how = data.draw(st.sampled_from(["other value", "value from elsewhere", "gone"]))
        try:
            holder = changed
            for name in place[:-1]:
                holder = holder[name]
            if how == "gone":
                del holder[place[-1]]
            elif how == "other value":
                holder[place[-1]] = data.draw(json_values)
            else:
                elsewhere = BUNDLE
                for name in data.draw(st.sampled_from(PLACES)):
                    elsewhere = elsewhere[name]
                holder[place[-1]] = json.loads(json.dumps(elsewhere))
        except (KeyError, IndexError, TypeError):
            continue
    written = json.dumps(changed).encode()
    assert says_nothing_new(written, check_bundle(written, TRUST), BUNDLE)


@often
@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_at_all_is_no_bundle(data):
    assert check_bundle(data, TRUST).grade is Grade.BROKEN


@often
@given(edits)
def test_an_edited_note_is_not_signed(changes):
    assert holds_only_for_its_text(edited(NOTE, changes), NOTE)


@often
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_anything_at_all_is_refused_in_words(data):
    for read in (parse_note, parse_checkpoint):
        with pytest.raises(NoteError):
            read(data)
    with pytest.raises(NoteError):
        VerifierKey.parse(data.decode("utf-8", "surrogateescape"))


entry = st.tuples(
    st.integers(-1, 12) | st.none(),
    st.sampled_from(MADE.bodies) | st.binary(max_size=60),
    st.none() | st.sampled_from([kept for _, _, kept in MADE.entries]) | st.text(max_size=5),
)


@often
@given(st.data())
def test_a_changed_record_is_never_as_good_as_it_was(data):
    entries = list(MADE.entries)
    for _ in range(data.draw(st.integers(1, 3))):
        how = data.draw(st.sampled_from(["edit", "drop", "swap", "add", "unhash"]))
        if not entries:
            break
        at = data.draw(st.integers(0, len(entries) - 1))
        index, body, _ = entries[at]
        if how == "edit":
            body = edited(body, data.draw(edits)) if isinstance(body, bytes) else body
            entries[at] = (index, body, None)
        elif how == "drop":
            del entries[at]
        elif how == "swap":
            entries[0], entries[at] = entries[at], entries[0]
        elif how == "add":
            entries.insert(at, data.draw(entry))
        else:
            entries[at] = (index, body, None)
    verdict = check_record(entries, Sources(log=MADE.checkpoints, channel=[NOTE]), TRUST)
    if verdict.grade is not Grade.BROKEN:
        assert [body for _, body, _ in entries] == MADE.bodies


@often
@given(
    st.lists(entry, max_size=10), st.lists(st.binary(max_size=40) | st.just(NOTE) | st.sampled_from(MADE.checkpoints))
)
def test_any_entries_and_checkpoints_end_in_a_verdict(entries, checkpoints):
    verdict = check_record(entries, Sources(log=checkpoints, channel=checkpoints, locked=[NOTE]), TRUST)
    assert isinstance(verdict, Verdict)
    assert verdict.grade is Grade.BROKEN or [body for _, body, _ in entries] == MADE.bodies
    json.dumps(verdict.as_json())
    assert all(line.isprintable() for line in verdict.lines())


@often
@given(json_values, st.binary(max_size=40) | st.text(max_size=50))
def test_any_value_and_secret_open_nothing(value, secret):
    for given_value in (value, {"sealed": value}, sealed("x", 1, "requester")):
        with pytest.raises(Refused):
            open_sealed(given_value, secret, fact_id=fact_id(1), path="requester")
