"""Somebody is erased: nothing in the database says who it was, and the record is what it was."""

import json
import sqlite3
from dataclasses import replace

import pytest
from sqlalchemy import insert, select, text

from jit.facts import Alert, AlertName, PersonErased, RecordRead, Requested, Source, life_kinds
from jit.ledger import (
    Ledger,
    LedgerUnavailable,
    Notes,
    Question,
    StoredDirectory,
    TamperedEntry,
    check_chain,
)
from jit.ledger.entry import hash_of
from jit.ledger.privacy.disclosure import disclose
from jit.ledger.privacy.erasing import StillInvolved, delete_restored, erase, written_back
from jit.ledger.schema import directory, person_keys, requests
from jit.people.person import Groups, Person
from jit.ports import DirectoryUnavailable
from jit.proof.verifier import leaf_hash
from jit.requests.lifecycle import State, replay
from jit.testing import ALICE, BOB, CAROL, EVE, T0, InMemoryLedger, ManualClock, Story, ledger_in
from tests.world.tamper import past_the_guards

BASIS = "GDPR Art. 17(1)(a)"
ADMIN = "cli:admin@host"


@pytest.fixture
def ledger():
    return InMemoryLedger(ManualClock())


@pytest.fixture
def in_file(tmp_path):
    return ledger_in(tmp_path / "ledger.db", ManualClock())


@pytest.fixture
def story(ledger):
    return over(ledger)


def over(ledger, request_id="R-7F3K", **fields):
    story = Story(ledger, ledger.clock, request_id, fields).active()
    story.refused(by=EVE)
    story.alert("alice does not leave")
    story.ending()
    story.not_ended("alice has a session")
    story.ended(left_behind=("a table of alice",))
    return story


def gone(ledger, person=ALICE, **more):
    return erase(ledger, person, **({"legal_basis": BASIS, "actor": ADMIN} | more))


def rows(ledger, table):
    with ledger.engine.connect() as connection:
        return connection.execute(select(table)).all()


def test_what_the_record_says_of_them_can_be_read_no_more(ledger, story):
    done = gone(ledger)
    nobody = f"erased:{done.keys[0][:8]}"
    for entry in ledger.read():
        told = entry.fact.model_dump_json()
        assert ALICE not in told
        assert "alice" not in told
        assert "stuck orders" not in told
    request = ledger.request(story.id)
    assert (request.requester, request.principal, request.why, request.incident) == (nobody, *["[erased]"] * 3)
    assert request.left_behind == ("[erased]",)


def test_everybody_else_is_still_read(ledger, story):
    before = ledger.request(story.id)
    gone(ledger)
    request = ledger.request(story.id)
    assert request.approvers == (BOB,)
    assert (request.access, request.ends_at, request.over_at) == (before.access, before.ends_at, before.over_at)
    assert [entry.fact.actor for entry in ledger.history(story.id) if entry.fact.kind == "refused"] == [EVE]


def test_an_approver_is_erased_and_whom_they_let_in_is_not(ledger, story):
    done = gone(ledger, BOB)
    request = ledger.request(story.id)
    nobody = f"erased:{done.keys[0][:8]}"
    assert (request.requester, request.approvers) == (ALICE, (nobody,))
    assert [each.approver for each in request.counted] == [nobody]


def test_no_byte_of_the_record_and_no_hash_is_another(ledger, story):
    before = ledger.read()
    gone(ledger)
    after = ledger.read()
    assert [(entry.body, entry.hash) for entry in after[: len(before)]] == [
        (entry.body, entry.hash) for entry in before
    ]
    assert check_chain(after) == len(before) + 1
    assert [leaf_hash(entry.body) for entry in after[: len(before)]] == [leaf_hash(entry.body) for entry in before]


def test_it_is_recorded_without_saying_who(ledger, story):
    with ledger.engine.connect() as connection:
        key = connection.scalar(select(person_keys.c.id).where(person_keys.c.person == ALICE))
    done = gone(ledger)
    newest = ledger.read()[-1]
    assert isinstance(newest.fact, PersonErased)
    assert (newest.index, newest.fact.key, newest.fact.legal_basis, newest.fact.actor) == (
        done.index,
        key,
        BASIS,
        ADMIN,
    )
    assert done.keys == (key,)


def test_no_table_names_them_any_more(in_file, tmp_path):
    ledger = in_file
    over(ledger)
    stored = StoredDirectory(ledger.engine)
    stored.keep_person(Person(id=ALICE, team="T1", name="Alice Doe"), T0)
    stored.keep_person(Person(id=BOB, team="T1", name="Bob"), T0)
    stored.keep_groups(Groups(as_of=T0, members={"S1": frozenset({ALICE, BOB})}, handles={"S1": "sre"}))
    notes = Notes(ledger.engine, "homes")
    notes.put({f"opened:{ALICE}": "", f"hash:{ALICE}": "1", f"opened:{BOB}": "", "cursor": "3"})
    gone(ledger)
    assert notes.all() == {f"opened:{BOB}": "", "cursor": "3"}
    assert stored.groups() == Groups(as_of=T0, members={"S1": frozenset({BOB})}, handles={"S1": "sre"})
    assert stored.look_up(BOB).name == "Bob"
    with pytest.raises(DirectoryUnavailable):
        stored.look_up(ALICE)
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        assert ALICE not in "\n".join(raw.iterdump())


def test_nothing_of_the_key_and_the_name_is_left_in_the_files(in_file, tmp_path):
    """Keys and rows were moved between pages meanwhile, as tables grew."""
    ledger = in_file
    over(ledger, "R-0006", requester="U01PERSON06", principal="person06")
    crowded = Story(ledger, ledger.clock, "R-0007", {"requester": BOB, "principal": "bob"})
    crowded.asked()
    for part in range(2):
        crowded.approvals([f"U0{part}CROWD{number:03d}" for number in range(40)])
    with ledger.engine.connect() as connection:
        key = connection.scalar(select(person_keys.c.key).where(person_keys.c.person == "U01PERSON06"))
    files = [tmp_path / "ledger.db", tmp_path / "ledger.db-wal"]
    assert any(key in file.read_bytes() for file in files)
    done = gone(ledger, "U01PERSON06")
    assert written_back(ledger)
    for file in files:
        held = file.read_bytes()
        assert key not in held
        assert b"U01PERSON06" not in held
        assert b"person06" not in held
    assert done.requests == 1


def test_somebody_who_reads_keeps_the_log_from_being_written_back_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("jit.ledger.database.BUSY_SECONDS", 0.01)
    ledger = ledger_in(tmp_path / "ledger.db", ManualClock())
    over(ledger)
    with sqlite3.connect(tmp_path / "ledger.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchall()
        gone(ledger)
        assert not written_back(ledger)
        reader.execute("ROLLBACK")
    assert written_back(ledger)


def test_the_read_model_says_what_the_facts_say(ledger, story):
    over(ledger, "R-BBBB", requester=BOB, principal="bob")
    over(ledger, "R-CCCC")
    gone(ledger)
    for row in rows(ledger, requests):
        facts = [entry.fact for entry in ledger.history(row.id) if entry.fact.kind in life_kinds()]
        assert row.requester == replay(facts).requester
    assert ledger.requests(Question(requester=ALICE)) == []
    assert len(ledger.requests(Question())) == 3
    assert len(ledger.requests(Question(requester=ledger.request("R-CCCC").requester))) == 2


def test_their_requests_are_still_listed_without_the_name(ledger, story):
    gone(ledger)
    (request,) = ledger.requests(Question())
    assert (request.id, request.access, request.state) == (story.id, "orders-db/read", State.ENDED)
    assert request.requester.startswith("erased:")


@pytest.mark.parametrize("steps", ["asked", "active", "ending"])
def test_who_is_part_of_something_that_is_not_over_stays(ledger, steps):
    story = Story(ledger, ledger.clock)
    story.asked() if steps == "asked" else story.active()
    if steps == "ending":
        story.released()
    before = ledger.last_index()
    with pytest.raises(StillInvolved) as refused:
        gone(ledger)
    assert refused.value.requests == {story.id: story.request.state}
    assert ledger.last_index() == before
    assert story.request.requester == ALICE


def test_who_approved_what_is_not_begun_stays(ledger):
    story = Story(ledger, ledger.clock)
    story.asked()
    story.approval(by=BOB)
    with pytest.raises(StillInvolved, match=story.id):
        gone(ledger, BOB)
    assert gone(ledger, CAROL) is None


def test_the_read_model_alone_does_not_hide_that_they_have_access(ledger):
    story = Story(ledger, ledger.clock).active()
    with ledger.engine.begin() as connection:
        connection.execute(text("UPDATE requests SET state = 'ended', requester = 'U0SOMEBODY'"))
    with pytest.raises(StillInvolved, match=story.id):
        gone(ledger)


def test_nothing_of_them_is_nothing_to_do(ledger, story):
    before = ledger.last_index()
    assert gone(ledger, "U0NOBODY0") is None
    assert ledger.last_index() == before


def test_a_second_time_there_is_nothing_left(ledger, story):
    assert gone(ledger) is not None
    before = ledger.last_index()
    assert gone(ledger) is None
    assert ledger.last_index() == before


def test_who_comes_back_is_somebody_else(ledger, story):
    first = gone(ledger)
    over(ledger, "R-BACK")
    assert ledger.request("R-BACK").requester == ALICE
    second = gone(ledger)
    assert first.keys != second.keys
    assert ledger.request("R-BACK").requester != ledger.request(story.id).requester


def test_who_erases_themselves_is_erased_from_that_entry_too(ledger):
    asked = RecordRead(at=T0, actor=ADMIN, source=Source.CLI, how="search", asked="--person U01", after=0)
    ledger.append([asked])
    done = gone(ledger, ADMIN)
    assert [entry.fact.actor for entry in ledger.read()] == [f"erased:{done.keys[0][:8]}"] * 2
    assert rows(ledger, person_keys) == []


def test_what_a_target_said_of_their_name_goes_with_them(ledger, story):
    common = {"at": T0, "actor": "timekeeper@host", "source": Source.TIMEKEEPER, "name": AlertName.FOREIGN_GRANT}
    ledger.append([Alert(**common, says="orders-db holds R-9 for alice", requester="", principal="alice")])
    done = gone(ledger)
    alert = ledger.read()[-3].fact
    assert (alert.says, alert.principal) == ("[erased]", "[erased]")
    assert len(done.keys) == 2
    assert [entry.fact.key for entry in ledger.read()[-2:]] == list(done.keys)


def test_what_is_found_late_is_recorded_and_names_nobody(ledger, story):
    """Its request reads as erased: what the target still held is taken away, and said of the placeholder."""
    done = gone(ledger)
    story.ended(left_behind=("a view of alice",))
    newest = ledger.read()[-1]
    assert b"alice" not in newest.body
    assert newest.fact.requester == f"erased:{done.keys[0][:8]}"
    assert newest.fact.left_behind == ("a view of alice",)
    again = gone(ledger, newest.fact.requester)
    assert again.requests == 0
    assert ledger.read(after=newest.index - 1)[0].fact.left_behind == ("[erased]",)


def test_nothing_is_disclosed_of_who_was_erased(ledger, story):
    gone(ledger)
    approved = ledger.read()[2]
    assert disclose(approved, ledger.ring).keys() == {"actor", "counted.0.approver"}


def test_another_process_reads_them_for_ten_seconds_and_no_longer(ledger, story):
    other = Ledger(ledger.engine, ledger.clock)
    assert other.request(story.id).requester == ALICE
    gone(ledger)
    ledger.clock.move(seconds=9.9)
    assert other.request(story.id).requester == ALICE
    ledger.clock.move(seconds=0.1)
    assert other.request(story.id).requester.startswith("erased:")


def test_a_key_that_a_backup_brought_back_is_deleted_again(ledger, story):
    kept = next(row for row in rows(ledger, person_keys) if row.person == ALICE)
    gone(ledger)
    with ledger.engine.begin() as connection:
        connection.execute(insert(person_keys).values(kept))
    assert delete_restored(ledger) == 1
    assert ALICE not in {row.person for row in rows(ledger, person_keys)}
    assert ledger.request(story.id).requester.startswith("erased:")
    assert delete_restored(ledger) == 0


def test_an_erasure_that_a_restored_copy_does_not_know_is_done_again_by_the_id_of_the_key(ledger, story):
    with ledger.engine.connect() as connection:
        key = connection.scalar(select(person_keys.c.id).where(person_keys.c.person == ALICE))
    assert gone(ledger, key).keys == (key,)
    assert ledger.request(story.id).requester == f"erased:{key[:8]}"
    assert gone(ledger, key) is None


def test_entries_from_before_fields_were_closed_name_them_still_and_that_is_said(ledger, story):
    plain = over(ledger, "R-OLD1")
    write_in_plain(ledger, plain.id)
    done = gone(ledger)
    assert (done.requests, done.plain) == (1, (plain.id,))
    assert ledger.request(plain.id).requester == ALICE
    assert {row.id: row.requester for row in rows(ledger, requests)}[plain.id] == ALICE
    again = gone(ledger)
    assert (again.keys, again.plain, again.index) == ((), (plain.id,), None)


def write_in_plain(ledger, request_id):
    history = ledger.history(request_id)
    with ledger.engine.begin() as connection, past_the_guards(connection):
        for entry in history:
            head = entry.body[: entry.body.index(b'"fact": ')]
            body = head + b'"fact": ' + entry.fact.model_dump_json().encode() + b"}"
            how = 'UPDATE entries SET body = ?, hash = ? WHERE "index" = ?'
            connection.exec_driver_sql(how, (body, hash_of(body), entry.index))


def test_one_that_cannot_be_read_hinders_no_erasure(ledger, story):
    over(ledger, "R-TORN")
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text("UPDATE entries SET body = 'x' WHERE request_id = 'R-TORN' AND kind = 'granted'"))
    done = gone(ledger)
    assert {row.requester for row in rows(ledger, requests)} == {f"erased:{done.keys[0][:8]}"}
    with pytest.raises(TamperedEntry):
        ledger.request("R-TORN")


def test_all_of_it_or_nothing(ledger, story):
    """What fails is the last that is deleted."""
    Notes(ledger.engine, "homes").put({f"opened:{ALICE}": ""})
    with ledger.engine.begin() as connection:
        connection.execute(text("CREATE TRIGGER t BEFORE DELETE ON notes BEGIN SELECT RAISE(ABORT, 'disk'); END"))
    before = ledger.last_index()
    with pytest.raises(LedgerUnavailable):
        gone(ledger)
    assert ledger.last_index() == before
    assert ledger.request(story.id).requester == ALICE
    assert [row.requester for row in rows(ledger, requests)] == [ALICE]


def test_a_fact_made_of_what_reads_as_erased_makes_no_key(ledger, story):
    gone(ledger)
    before = {row.person for row in rows(ledger, person_keys)}
    request = ledger.request(story.id)
    about = replace(request, id="R-NEXT")
    fact = Requested.about(
        about,
        at=T0,
        actor="bot@host",
        source=Source.BOT,
        duration=request.duration,
        channel="C",
        risk="low",
        needs=(),
        pending_until=T0,
    )
    ledger.append([fact])
    assert {row.person for row in rows(ledger, person_keys)} == before


@pytest.mark.parametrize("change", ["key = zeroblob(31)", "key = zeroblob(33)", "id = 'x'", "id = upper(id)"])
def test_nothing_is_closed_by_a_key_that_was_changed(ledger, story, change):
    """It could be opened by nobody, and nobody would have said that this person was erased."""
    before = ledger.last_index()
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE person_keys SET {change} WHERE person = '{BOB}'")
    with pytest.raises(LedgerUnavailable, match="the record is broken: the key"):
        over(ledger, "R-NEXT", requester=BOB, principal="bob")
    assert ledger.last_index() == before


def test_a_new_person_is_found_by_every_reader_at_once(ledger, story):
    reader = Ledger(ledger.engine, ledger.clock)
    reader.read()
    over(ledger, "R-NEWS", requester=CAROL, principal="carol")
    assert reader.request("R-NEWS").requester == CAROL


def test_the_directory_is_no_reason_to_record_twice(ledger):
    StoredDirectory(ledger.engine).keep_person(Person(id=ALICE, team="T1", name="Alice Doe"), T0)
    assert gone(ledger).index == 1
    assert gone(ledger) is None
    assert rows(ledger, directory) == []
    assert json.loads(ledger.read()[0].body)["fact"]["kind"] == "person.erased"
