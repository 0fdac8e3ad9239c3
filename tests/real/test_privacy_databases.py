"""Keys and erasures on both databases, with processes of their own."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from jit.clock import SystemClock
from jit.embedded import EmbeddedPostgres
from jit.facts import Alert, AlertName, Refusal, Refused, Source
from jit.ledger import Ledger, Notes, Question, StoredDirectory, check_chain, connect, create_tables
from jit.ledger.schema import person_keys
from jit.people import Person
from jit.privacy.erasing import erase, written_back
from tests.life import ALICE, BOB, EVE, Story
from tests.servers import postgres_18

pytestmark = pytest.mark.real

EACH = 20


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with postgres_18() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: EmbeddedPostgres = request.getfixturevalue("postgres")
    name = f"privacy_{uuid4().hex}"
    with connect(server.dsn()).connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        admin.execute(text(f"CREATE DATABASE {name}"))
    return server.dsn(database=name)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    engine = connect(url)
    create_tables(engine)
    yield Ledger(engine, SystemClock())
    engine.dispose()


def press(actor: str) -> Refused:
    now = SystemClock().now()
    return Refused(at=now, actor=actor, source=Source.SLACK, attempted="approve", reason=Refusal.NOT_ALLOWED_TO_DECIDE)


def press_often(url, ready):
    ledger = Ledger(connect(url), SystemClock())
    for number in range(EACH):
        ready.wait(30)
        ledger.append([press(f"U01RACE{number:03d}")])


def erase_often(url, ready):
    ledger = Ledger(connect(url), SystemClock())
    for _ in range(EACH):
        ready.wait(30)
        erase(ledger, EVE, legal_basis="Art. 17", actor="cli:admin@host")


def press_as_eve(url, ready):
    ledger = Ledger(connect(url), SystemClock())
    for _ in range(EACH):
        ready.wait(30)
        ledger.append([press(EVE)])


def at_once(url: str, *works: object) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(len(works))
    started = [context.Process(target=work, args=(url, ready)) for work in works]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    assert [process.exitcode for process in started] == [0] * len(works)


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


def test_two_processes_that_first_hear_of_somebody_agree_on_one_key(ledger, url):
    at_once(url, press_often, press_often)
    with ledger.engine.connect() as connection:
        people = list(connection.scalars(select(person_keys.c.person)))
    assert sorted(people) == [f"U01RACE{number:03d}" for number in range(EACH)]
    entries = ledger.read()
    assert check_chain(entries) == 2 * EACH
    assert {entry.fact.actor for entry in entries} == set(people)


def test_an_erasure_and_what_is_recorded_meanwhile_do_not_get_in_each_others_way(ledger, url):
    """Every entry reads: as theirs or as erased, never as one whose key nobody knows."""
    at_once(url, press_as_eve, erase_often, press_as_eve)
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


@pytest.mark.parametrize("who", ["a\0b", "\0", "x" * 200, "ü" * 200, "U\n", "🚒" * 200, "'; --"])
def test_who_is_named_oddly_is_recorded_and_read_like_anybody(ledger, who):
    common = {"at": ledger.clock.now(), "source": Source.TIMEKEEPER, "name": AlertName.FOREIGN_GRANT}
    facts = [press(who), Alert(**common, actor="timekeeper@host", says="held", requester="", principal=who)]
    ledger.append(facts)
    assert [entry.fact for entry in Ledger(ledger.engine, ledger.clock).read()] == facts


def test_no_text_of_people_stands_in_the_bytes_of_a_life(ledger):
    over(ledger).refused()
    bodies = b"".join(entry.body for entry in ledger.read())
    for said in (ALICE, BOB, EVE, "alice", "stuck orders", "INC-42"):
        assert said.encode() not in bodies
    assert b"orders_read" in bodies
