"""Keys and erasures on both databases, with processes of their own."""

from collections.abc import Iterator
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import select, text

from jit.clock import SystemClock
from jit.facts import AlertName, Refused
from jit.ledger import Ledger, Notes, Question, StoredDirectory, check_chain, connect
from jit.ledger.privacy.erasing import erase, written_back
from jit.ledger.schema import person_keys
from jit.people.person import Person
from jit.testing import ALICE, BOB, EVE, Story
from tests.world.at_once import at_once
from tests.world.facts import late, refused

pytestmark = pytest.mark.real

EACH = 20


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    engine = connect(ledger_url)
    yield Ledger(engine, SystemClock())
    engine.dispose()


def press(actor: str) -> Refused:
    return refused(SystemClock().now(), actor=actor)


def press_often(url: str, together: Barrier) -> None:
    ledger = Ledger(connect(url), SystemClock())
    for number in range(EACH):
        together.wait()
        ledger.append([press(f"U01RACE{number:03d}")])


def erase_often(url: str, together: Barrier) -> None:
    ledger = Ledger(connect(url), SystemClock())
    for _ in range(EACH):
        together.wait()
        erase(ledger, EVE, legal_basis="Art. 17", actor="cli:admin@host")


def press_as_eve(url: str, together: Barrier) -> None:
    ledger = Ledger(connect(url), SystemClock())
    for _ in range(EACH):
        together.wait()
        ledger.append([press(EVE)])


def over(ledger: Ledger, request_id: str = "R-7F3K", **fields: object) -> Story:
    story = Story(ledger, ledger.clock, request_id, dict(fields)).active()
    story.released()
    story.ended()
    return story


def everything(ledger: Ledger) -> str:
    """All that the tables hold, as text."""
    with ledger.engine.connect() as connection:
        names = ("entries", "requests", "person_keys", "leases", "notes", "directory")
        rows = [row for name in names for row in connection.execute(text(f"SELECT * FROM {name}"))]
    return "\n".join(
        bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
        for row in rows
        for value in row
    )


def test_two_processes_that_first_hear_of_somebody_agree_on_one_key(ledger, ledger_url):
    with at_once(ledger_url, press_often, press_often):
        pass
    with ledger.engine.connect() as connection:
        people = list(connection.scalars(select(person_keys.c.person)))
    assert sorted(people) == [f"U01RACE{number:03d}" for number in range(EACH)]
    entries = ledger.read()
    assert check_chain(entries) == 2 * EACH
    assert {entry.fact.actor for entry in entries} == set(people)


def test_an_erasure_and_what_is_recorded_meanwhile_do_not_get_in_each_others_way(ledger, ledger_url):
    """Every entry reads: as theirs or as erased, never as one whose key nobody knows."""
    with at_once(ledger_url, press_as_eve, erase_often, press_as_eve):
        pass
    erase(ledger, EVE, legal_basis="Art. 17", actor="cli:admin@host")
    presses = [entry.fact for entry in ledger.read() if entry.fact.kind == "refused"]
    assert len(presses) == 2 * EACH
    assert all(fact.actor.startswith("erased:") for fact in presses)
    assert check_chain(ledger.read()) == ledger.last_index()


def test_somebody_is_erased_and_the_record_is_what_it_was(ledger):
    story = over(ledger)
    over(ledger, "R-BBBB", requester=BOB, principal="bob")
    stored = StoredDirectory(ledger.engine)
    for person in (ALICE, BOB):
        stored.keep_person(Person(id=person, team="T1", name=f"Name of {person}"), ledger.clock.now())
    Notes(ledger.engine, "homes").put({f"opened:{ALICE}": ""})
    before = ledger.read()
    assert ALICE in everything(ledger)
    done = erase(ledger, ALICE, legal_basis="Art. 17", actor="cli:admin@host")
    held = everything(ledger)
    assert ALICE not in held
    assert "alice" not in held
    assert BOB in held
    after = ledger.read()
    assert [(entry.body, entry.hash) for entry in after[: len(before)]] == [
        (entry.body, entry.hash) for entry in before
    ]
    assert check_chain(after) == done.index
    assert ledger.request(story.id).requester == f"erased:{done.keys[0][:8]}"
    assert ledger.request("R-BBBB").requester == BOB
    assert len(ledger.requests(Question())) == 2
    assert written_back(ledger) is (ledger.engine.dialect.name == "sqlite")


def test_who_is_named_oddly_is_recorded_and_read_like_anybody(ledger):
    for who in ("a\0b", "\0", "x" * 200, "ü" * 200, "U\n", "🚒" * 200, "'; --"):
        told = late(ledger.clock.now(), name=AlertName.FOREIGN_GRANT, requester="", principal=who)
        facts = [press(who), told]
        after = ledger.last_index()
        ledger.append(facts)
        assert [entry.fact for entry in Ledger(ledger.engine, ledger.clock).read(after)] == facts, who


def test_no_text_of_people_stands_in_the_bytes_of_a_life(ledger):
    over(ledger).refused()
    bodies = b"".join(entry.body for entry in ledger.read())
    for said in (ALICE, BOB, EVE, "alice", "stuck orders", "INC-42"):
        assert said.encode() not in bodies
    assert b"orders_read" in bodies
