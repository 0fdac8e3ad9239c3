"""`deploy/postgresql`: each room may do its work in the ledger's database, and nobody may change an entry."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from jit.access import State
from jit.embedded import EmbeddedPostgres
from jit.ledger import Leases, Ledger, Notes, StoredDirectory, check_chain, connect, create_tables
from jit.people import Groups, Person
from tests.fakes import T0, SetClock
from tests.life import ALICE, Story

pytestmark = pytest.mark.real

DEPLOY = Path(__file__).parents[2] / "deploy/postgresql"


def statements(name: str) -> list[str]:
    """The file's SQL. What psql alone understands, its commands and comments, is left out."""
    lines = (DEPLOY / name).read_text().splitlines()
    return [line for line in lines if not line.startswith(("--", "\\"))]


@pytest.fixture(scope="module")
def prepared(postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """As docs/operations.md has it: roles, tables made by their owner, rights."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        for statement in statements("roles.sql"):
            admin.execute(statement)
        engine = connect(postgres.dsn("jit_owner", "jit"))
        create_tables(engine)
        engine.dispose()
        with psycopg.connect(postgres.dsn(database="jit"), autocommit=True) as inside:
            for statement in statements("rights.sql"):
                inside.execute(statement)
        yield postgres
        admin.execute("DROP DATABASE jit WITH (FORCE)")
        admin.execute("DROP ROLE jit_bot, jit_hands, jit_owner")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def opened(server: EmbeddedPostgres, login: str, clock: SetClock) -> Ledger:
    """As each process does at its start."""
    engine = connect(server.dsn(login, "jit"))
    create_tables(engine)
    return Ledger(engine, clock)


@pytest.fixture
def bot(prepared: EmbeddedPostgres, clock: SetClock) -> Iterator[Ledger]:
    ledger = opened(prepared, "jit_bot", clock)
    yield ledger
    ledger.engine.dispose()


@pytest.fixture
def hands(prepared: EmbeddedPostgres, clock: SetClock) -> Iterator[Ledger]:
    ledger = opened(prepared, "jit_hands", clock)
    yield ledger
    ledger.engine.dispose()


def test_each_room_may_do_its_work(bot: Ledger, hands: Ledger, clock: SetClock) -> None:
    asked, worked = Story(bot, clock, id="R-AAAA"), Story(hands, clock, id="R-AAAA")
    asked.asked()
    asked.approval()
    asked.approved()
    worked.intent()
    worked.granted()
    clock.time += timedelta(hours=9)
    worked.ending()
    worked.ended()
    assert bot.request("R-AAAA").state is State.ENDED
    check_chain(bot.read())
    bot.require_writable()
    for ledger in (bot, hands):
        leases = Leases(ledger.engine, clock)
        assert leases.hold("lease", str(id(ledger)))
        leases.let_go("lease", str(id(ledger)))
    Notes(bot.engine, "cards").put({"cursor": "1", "gone": None})
    people = StoredDirectory(bot.engine)
    people.keep_groups(Groups(as_of=T0))
    people.keep_person(Person(id=ALICE, team="T1", name="Alice"), T0)
    assert StoredDirectory(hands.engine).look_up(ALICE).name == "Alice"


@pytest.mark.parametrize("login", ["jit_bot", "jit_hands"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = ''",
        "DELETE FROM entries",
        "TRUNCATE entries",
        "DROP TABLE entries",
        "ALTER TABLE entries ADD COLUMN more int",
        "DELETE FROM requests",
        "UPDATE made_by SET version = 2",
        "CREATE TABLE more ()",
        "SET ROLE jit_owner",
    ],
)
def test_nobody_may_change_what_is_recorded(prepared: EmbeddedPostgres, login: str, statement: str) -> None:
    with psycopg.connect(prepared.dsn(login, "jit")) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM directory", "INSERT INTO directory VALUES ('groups', '{}', 0)", "SELECT * FROM notes"]
)
def test_the_hands_may_not_say_who_is_who(prepared: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(prepared.dsn("jit_hands", "jit")) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


def test_the_owner_is_gone_when_all_is_made(prepared: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(prepared.dsn("jit_owner", "jit"))
