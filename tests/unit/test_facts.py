"""Facts stand for themselves: they come back from their bytes as they were, and say which fields are about people."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jit.facts import (
    MODELS,
    Alert,
    AlertName,
    Counted,
    Denied,
    Ended,
    Fact,
    GrantFailed,
    Lapsed,
    Life,
    RecordRead,
    Refused,
    Revoked,
    RevokeFailed,
    Source,
    Withdrawn,
    life_kinds,
    personal_fields,
    read_fact,
    write_fact,
)
from jit.facts.sentence import flat, in_words
from jit.ledger.entry import open_entry
from tests.world.raised import raised

T0 = datetime(2026, 11, 21, 14, 2, 9, 123456, tzinfo=UTC)
REQUEST = SimpleNamespace(
    id="R-7F3K",
    requester="U01ALICE0",
    access="orders-db/read",
    target="orders-db",
    permissions=("orders_read",),
    principal="alice",
    why="INC-42: db down",
    incident="INC-42",
    policy_version="ab" * 32,
)
STORED = [open_entry(body).fact for body in (Path(__file__).parent / "entries.jsonl").read_bytes().splitlines()]
OF_KIND = {fact.kind: fact for fact in STORED}


@pytest.mark.parametrize(
    ("old", "name"),
    [("head_missing", AlertName.CHECKPOINT_MISSING), ("head_refused", AlertName.CHECKPOINT_REFUSED)],
)
def test_an_alert_under_a_name_of_an_earlier_version_is_read_and_told_under_its_name_of_today(old, name):
    stored = write_fact(sample("alert", name=name)).replace(name.value.encode(), old.encode())
    fact = read_fact(stored)
    assert fact.name is name
    assert in_words(name) in str(fact.told())
    assert old.encode() not in write_fact(fact)


def test_an_alert_under_no_name_is_none():
    with pytest.raises(ValidationError):
        sample("alert", name="head_lost")


def sample(kind, **changes):
    """What is stored of this kind, recorded anew."""
    stored, model = OF_KIND[kind], MODELS[kind]
    fields = model.model_fields.keys() - {"id"}
    if issubclass(model, Life):
        rest = fields - (Life.model_fields.keys() - Fact.model_fields.keys())
        return model.about(REQUEST, **{name: getattr(stored, name) for name in rest} | changes)
    return model(**{name: getattr(stored, name) for name in fields} | changes)


def test_a_fact_of_each_kind_comes_back_from_its_bytes_as_it_was():
    for kind, model in MODELS.items():
        fact = sample(kind)
        again = read_fact(write_fact(fact))
        assert again == fact
        assert type(again) is model
        assert write_fact(again) == write_fact(fact)


def test_a_fact_cannot_be_changed_and_takes_nothing_unknown():
    for kind in MODELS:
        assert "frozen" in str(raised(ValidationError, setattr, sample(kind), "actor", "U04EVE000")), kind
        assert "extra" in str(raised(ValidationError, sample, kind, no_such_field="more")), kind


def test_a_step_repeats_its_request():
    assert {MODELS[kind] for kind in life_kinds()} == {model for model in MODELS.values() if issubclass(model, Life)}
    names = ("requester", "permissions", "why", "incident", "policy_version")
    for kind in life_kinds():
        fact = sample(kind)
        assert fact.request_id == REQUEST.id, kind
        assert [getattr(fact, name) for name in names] == [getattr(REQUEST, name) for name in names], kind
        assert sample(kind, policy_version="newer").policy_version == "newer", kind


def test_two_facts_are_never_the_same_fact():
    assert sample("withdrawn").id != sample("withdrawn").id


def test_a_moment_is_in_utc_to_the_microsecond():
    elsewhere = T0.astimezone(timezone(timedelta(hours=5, minutes=30)))
    fact = read_fact(write_fact(sample("withdrawn", at=elsewhere)))
    assert fact.at == T0
    assert fact.at.utcoffset() == timedelta(0)
    assert fact.at.microsecond == 123456
    with pytest.raises(ValidationError):
        sample("withdrawn", at=T0.replace(tzinfo=None))


def test_what_is_no_fact_is_not_read():
    for data in (b"", b"{}", b"null", b'{"kind": "nothing"}', b'{"kind": "withdrawn"}', b"\xff", b"[" * 10_000):
        assert raised(ValidationError, read_fact, data), data[:30]


def test_people_are_marked_in_every_kind():
    assert set(personal_fields(Withdrawn)) == {"actor", "requester", "principal", "why", "incident"}
    assert {"approver", "reason", "digest"} <= set(personal_fields(Denied))
    for step in (Revoked, GrantFailed, RevokeFailed):
        assert "reason" in set(personal_fields(step))
    assert "left_behind" in set(personal_fields(Ended))
    assert set(personal_fields(Counted)) == {"approver"}
    assert set(personal_fields(Refused)) == {"actor", "requester"}
    assert set(personal_fields(Alert)) == {"actor", "says", "requester", "principal"}
    assert set(personal_fields(RecordRead)) == {"actor", "asked"}
    for model in MODELS.values():
        assert "actor" in set(personal_fields(model))


def test_what_was_typed_is_told_as_a_text_a_name_or_a_person_and_never_as_our_own_words():
    """Whoever shows a fact takes a bare str for ours: into a terminal it goes as it is."""
    typed = "\x1b[2J*typed*"
    for kind, model in MODELS.items():
        for name, info in model.model_fields.items():
            parts = get_args(info.annotation)
            if str not in {info.annotation, *parts, *(get_args(part)[0] for part in parts if get_args(part))}:
                continue
            value = (typed,) if get_origin(info.annotation) is tuple else typed
            told = sample(kind).model_copy(update={name: value}).told()
            ours = [part for part in flat((told.what, told.about, told.more, told.in_full)) if isinstance(part, str)]
            assert typed not in "".join(ours), f"{kind}: told() has {name} bare; make it a Text, Name or Person"


def test_only_known_causes_of_a_lapse():
    with pytest.raises(ValidationError):
        Lapsed.about(REQUEST, at=T0, actor="x", source=Source.TIMEKEEPER, because="boredom")


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=200))
def test_words_come_back_byte_for_byte(why):
    assert read_fact(write_fact(sample("revoked", why=why, reason=why))).reason == why


def test_longer_words_than_a_form_takes_are_no_fact():
    sample("revoked", reason="x" * 2000)
    with pytest.raises(ValidationError):
        sample("revoked", reason="x" * 2001)
