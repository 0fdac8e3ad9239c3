"""What the bytes of entries hold of people: nothing that can be read without the key of that person."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from jit.facts import (
    MODELS,
    Alert,
    AlertName,
    Approved,
    Counted,
    Ended,
    RecordRead,
    Refused,
    Source,
    Started,
    read_fact,
)
from jit.ledger import Ledger, TamperedEntry, store
from jit.ledger.entry import NO_ENTRY, hash_of, open_entry
from jit.ledger.privacy.disclosure import disclose
from jit.ledger.privacy.fields import places, whose
from jit.ledger.privacy.sealing import new_key
from jit.proof.verifier import open_sealed, sealed_fields
from jit.testing import ALICE, BOB, CAROL, InMemoryLedger, ManualClock, Story
from tests.world.entries import people_in, seal_with
from tests.world.raised import raised
from tests.world.tamper import past_the_guards

STORED = [open_entry(body) for body in (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()]
T0 = STORED[0].recorded_at


@pytest.fixture
def ledger(tmp_path):
    return InMemoryLedger(ManualClock())


@pytest.fixture
def story(ledger):
    return Story(ledger, ledger.clock)


def filled(fact):
    """The fact with another text in each of its personal fields, and those texts."""
    told = fact.model_dump(mode="json")
    for name in ("requester", "principal", "access", "incident", "how_to_connect"):
        if name in type(fact).model_fields and told[name] is None:
            told[name] = "somebody"
    if "left_behind" in told:
        told["left_behind"] = ["somebody"]
    if "request_id" in told:
        told["request_id"] = "R-7F3K"
    texts = []
    for number, place in enumerate(places(told)):
        text = f"UVERY{number}SECRET"
        place.within[place.name] = [text, text] if place.listed else text
        texts.append(text)
    return read_fact(json.dumps(told)), texts


def closed(fact):
    keys = {person: new_key() for person in people_in(fact)}
    return seal_with(keys, fact, index=1, recorded_at=T0, previous=NO_ENTRY), keys


def opening(keys):
    return {key.id: key.key for key in keys.values()}


def test_no_kind_of_fact_says_in_plain_what_is_personal():
    for stored in STORED:
        fact, texts = filled(stored.fact)
        entry, keys = closed(fact)
        assert len(texts) >= 1, stored.fact.kind
        assert b"SECRET" not in entry.body, stored.fact.kind
        assert open_entry(entry.body, keys=opening(keys)).fact == fact == entry.fact, stored.fact.kind


def test_no_log_line_of_a_recorded_fact_says_what_the_record_seals():
    for stored in STORED:
        fact, _ = filled(stored.fact)
        entry, _ = closed(fact)
        with capture_logs() as lines:
            store.log_recorded([entry])
        assert lines == [
            {
                "event": "entry.recorded",
                "log_level": "info",
                "index": entry.index,
                "hash": entry.hash,
                "kind": fact.kind,
                "request_id": getattr(fact, "request_id", None),
            }
        ], fact.kind
        assert "SECRET" not in str(lines), fact.kind


def test_without_the_keys_an_entry_is_read_and_says_what_is_closed():
    for stored in STORED:
        fact, _ = filled(stored.fact)
        entry, keys = closed(fact)
        unopened = open_entry(entry.body)
        assert "SECRET" not in unopened.fact.model_dump_json(), stored.fact.kind
        assert unopened.fact.actor == f"sealed:{keys[fact.actor].id[:8]}", stored.fact.kind
        erased = open_entry(entry.body, keys=dict.fromkeys(opening(keys)))
        assert "SECRET" not in erased.fact.model_dump_json(), stored.fact.kind
        assert erased.fact.actor == f"erased:{keys[fact.actor].id[:8]}", stored.fact.kind
        assert (unopened.hash, erased.hash, unopened.body) == (entry.hash, entry.hash, entry.body), stored.fact.kind


def test_what_is_personal_in_a_list_of_models_is_found():
    counted = [Counted(approval=STORED[0].fact.id, approver=who, quorum="dba") for who in (BOB, CAROL)]
    fact = next(each.fact for each in STORED if isinstance(each.fact, Approved))
    fact = fact.model_copy(update={"counted": tuple(counted)})
    found = {place.path: whose(place, fact.model_dump(mode="json")) for place in places(fact.model_dump(mode="json"))}
    assert (found["counted.0.approver"], found["counted.1.approver"]) == (BOB, CAROL)
    entry, keys = closed(fact)
    without_carol = opening(keys) | {keys[CAROL].id: None}
    read = open_entry(entry.body, keys=without_carol).fact
    assert [each.approver for each in read.counted] == [BOB, f"erased:{keys[CAROL].id[:8]}"]


def owners(fact):
    told = fact.model_dump(mode="json")
    return {place.path: whose(place, told) for place in places(told)}


def test_who_is_named_is_told_of_and_words_tell_of_the_requester(story):
    story.active()
    entry = story.revoked(by=CAROL)
    assert owners(entry.fact) == {
        "actor": CAROL,
        "requester": ALICE,
        "principal": ALICE,
        "why": ALICE,
        "incident": ALICE,
        "reason": ALICE,
    }


def test_processes_stay_plain_and_what_they_say_tells_of_the_requester(story):
    story.active()
    found = owners(story.ending().fact) | owners(story.not_ended("alice has a session").fact)
    assert (found["actor"], found["reason"]) == (None, ALICE)


def test_words_without_a_request_tell_of_whoever_typed_them():
    read = RecordRead(at=T0, actor="cli:eve@host", source=Source.CLI, how="search", asked="--person U01", after=0)
    assert owners(read) == {"actor": "cli:eve@host", "asked": "cli:eve@host"}


def test_of_a_grant_without_a_request_the_name_in_the_target_is_whom_it_tells_of():
    common = {"at": T0, "actor": "timekeeper@host", "source": Source.TIMEKEEPER, "name": AlertName.FOREIGN_GRANT}
    alert = Alert(**common, says="orders-db holds R-9 for mallory", requester="", principal="mallory")
    assert owners(alert) == {
        "actor": None,
        "says": "principal:mallory",
        "requester": None,
        "principal": "principal:mallory",
    }
    assert b"mallory" not in closed(alert)[0].body


def test_what_a_process_says_tells_of_whom_it_names():
    for says, person in (
        ("Message 17 of the audit channel was edited by U04EVE000.", "U04EVE000"),
        ("W012345A6 deleted it, not U04EVE000", "W012345A6"),
        ("the key was changed by cli:eve@host.example.", "cli:eve@host.example"),
        ("UNREACHABLE, and WITHDRAWN", None),
        ("nobody", None),
    ):
        alert = Alert(at=T0, actor="bot@host", source=Source.BOT, name=AlertName.AUDIT_CHANGED, says=says)
        assert owners(alert)["says"] == person, says
        assert (says.encode() in closed(alert)[0].body) is (person is None), says


def test_what_tells_of_nobody_stays_plain():
    started = Started(at=T0, actor="bot@host", source=Source.BOT, process="bot", version="1", policy_version="v")
    alert = Alert(at=T0, actor="bot@host", source=Source.BOT, name=AlertName.POLICY_BROKEN, says="mend them")
    for fact in (started, alert):
        assert people_in(fact) == set()
        assert b"sealed" not in closed(fact)[0].body


def test_what_was_read_of_somebody_erased_is_recorded_again_as_it_reads(story):
    """A late end repeats its request: the placeholders are nobody's, and the new words are the placeholder's own."""
    story.active()
    nobody = {"requester": "erased:0123abcd", "principal": "[erased]", "why": "[erased]", "incident": "[erased]"}
    about = replace(story.request, **nobody)
    rest = {"cause": "late", "existed": True, "sessions": 0, "left_behind": ("a table of alice",)}
    ended = Ended.about(about, at=T0, actor="worker@host", source=Source.WORKER, **rest)
    assert owners(ended) == {
        "actor": None,
        "requester": None,
        "principal": None,
        "why": None,
        "incident": None,
        "left_behind": "erased:0123abcd",
    }


def test_a_refused_press_names_nobody_in_its_bytes(story):
    story.asked()
    entry = story.refused()
    assert isinstance(entry.fact, Refused)
    assert b"U04EVE000" not in entry.body
    assert ALICE.encode() not in entry.body


def test_the_ledger_gives_back_what_it_took(ledger, story):
    story.active()
    story.alert("alice does not leave")
    told = [entry.fact for entry in ledger.read()]
    anew = Ledger(ledger.engine, ledger.clock)
    assert [entry.fact for entry in anew.read()] == told
    assert told[0].requester == ALICE
    assert anew.request(story.id) == story.request
    assert [entry.fact for entry in anew.history(story.id)] == told


def test_each_person_has_one_key(ledger, story):
    story.active()
    with ledger.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT person, id, length(key) FROM person_keys ORDER BY person").all()
    assert [(person, length) for person, _, length in rows] == [(ALICE, 32), (BOB, 32)]
    assert len({key_id for _, key_id, _ in rows}) == 2


def test_a_secret_disclosed_opens_its_field_and_no_other(ledger, story):
    story.active()
    entry = ledger.read()[2]
    fact = json.loads(entry.body)["fact"]
    secrets = disclose(entry, ledger.ring)
    sealed = dict(sealed_fields(fact))
    assert (
        secrets.keys()
        == sealed.keys()
        == {
            "actor",
            "requester",
            "principal",
            "why",
            "incident",
            "digest",
            "counted.0.approver",
        }
    )
    opened = {path: open_sealed(value, secrets[path], fact_id=fact["id"], path=path) for path, value in sealed.items()}
    assert (opened["requester"], opened["counted.0.approver"]) == (ALICE, BOB)
    assert opened["why"] == entry.fact.why
    assert len(set(secrets.values())) == len(secrets)


def test_nothing_is_disclosed_of_plain_entries(ledger):
    assert disclose(STORED[0], ledger.ring) == {}


class TestSomebodyWritesToTheDatabase:
    """What is closed is worth no more than the record: a box moved or changed is a broken entry, and no crash."""

    @pytest.fixture
    def two(self, ledger, story):
        story.asked()
        Story(ledger, ledger.clock, "R-9999", {"requester": BOB, "principal": "bob"}).asked()
        return ledger

    def rewritten(self, ledger, change):
        """Whether the first entry reads as broken with ``change`` made to it; it is put back after that."""
        with ledger.engine.connect() as connection:
            bodies = connection.exec_driver_sql('SELECT body FROM entries ORDER BY "index"').scalars()
            before, other = map(bytes, bodies)
        first, second = json.loads(before), json.loads(other)
        change(first["fact"], second["fact"])
        head = json.dumps({key: value for key, value in first.items() if key != "fact"})
        self.put(ledger, f'{head[:-1]}, "fact": {json.dumps(first["fact"], separators=(",", ":"))}}}'.encode())
        broken = self.is_broken(ledger)
        self.put(ledger, before)
        return broken

    def put(self, ledger, body):
        with ledger.engine.begin() as connection, past_the_guards(connection):
            how = 'UPDATE entries SET body = ?, hash = ? WHERE "index" = 1'
            connection.exec_driver_sql(how, (body, hash_of(body)))

    def is_broken(self, ledger):
        anew = Ledger(ledger.engine, ledger.clock)
        readable = [entry.index for entry in anew.read(skip_unreadable=True)]
        broken = raised(TamperedEntry, anew.read)
        assert bool(broken) == bool(raised(TamperedEntry, anew.request, "R-7F3K"))
        assert readable == ([2] if broken else [1, 2])
        return bool(broken) and "entry 1" in str(broken)

    def test_and_rewrites_it_without_changing_it(self, two):
        assert not self.rewritten(two, lambda _, __: None)

    def test_and_moves_what_is_closed_to_another_place(self, two):
        for field in ("requester", "principal", "why", "actor"):
            assert self.rewritten(two, lambda one, other, field=field: one.update({field: other[field]})), field
        assert self.rewritten(two, lambda one, _: one.update(principal=one["why"], why=one["principal"]))
        assert self.rewritten(two, lambda one, _: one.update(id="2f2188bd-b7dd-45d6-9ff8-1fa8d0acb439"))

    def test_and_names_another_key_or_one_that_never_was(self, two):
        assert self.rewritten(two, lambda one, other: one["why"]["sealed"].update(key=other["why"]["sealed"]["key"]))
        assert self.rewritten(two, lambda one, _: one["why"]["sealed"].update(key="0" * 32))

    def test_and_puts_something_else_there(self, two):
        nothing = {"key": "0" * 32, "commit": "", "box": ""}
        for field in ("requester", "access", "needs", "kind", "id"):
            for value in ({}, {"sealed": 1}, {"sealed": {}}, {"sealed": nothing}, 7, [{}]):
                change = {field: value}
                assert self.rewritten(two, lambda one, _, change=change: one.update(change)), change

    def test_and_deletes_changes_or_cuts_a_key_without_a_word(self, two):
        """An erasure is recorded: who only takes the key away has broken the record, and nobody reads it as erased."""
        whose = "WHERE person = 'U01ALICE0'"
        for how in ("UPDATE person_keys SET key = zeroblob(32)", "UPDATE person_keys SET key = zeroblob(7)"):
            with two.engine.connect() as connection:
                key = connection.exec_driver_sql(f"SELECT key FROM person_keys {whose}").scalar_one()
            with two.engine.begin() as connection:
                connection.exec_driver_sql(f"{how} {whose}")
            assert self.is_broken(two), how
            with two.engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE person_keys SET key = ? {whose}", (key,))
        assert not self.is_broken(two)
        with two.engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM person_keys {whose}")
        assert self.is_broken(two)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sealed", "key", "commit", "box"]) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(STORED),
    st.sampled_from(["kind", "id", "actor", "requester", "why", "counted", "left_behind", "needs", "says", "at"]),
    ANYTHING,
    st.booleans(),
)
def test_whatever_stands_in_a_field_an_entry_is_read_or_refused(stored, field, value, looked):
    entry, keys = closed(filled(stored.fact)[0])
    data = json.loads(entry.body)
    data["fact"][field] = value
    with suppress(ValueError):
        open_entry(json.dumps(data).encode(), keys=opening(keys) if looked else None)


@given(ANYTHING)
def test_whatever_is_no_entry_is_refused(value):
    with pytest.raises(ValueError):
        open_entry(json.dumps({"fact": value}).encode(), keys={})
    with pytest.raises(ValueError):
        open_entry(json.dumps(value).encode(), keys={})


def test_what_is_nested_without_end_is_refused():
    with pytest.raises(ValueError):
        open_entry(b'{"fact": ' + b"[" * 100_000)


def test_every_kind_has_a_plan():
    for model in MODELS.values():
        assert {place.path for place in places(next(e.fact for e in STORED if type(e.fact) is model).model_dump())}
