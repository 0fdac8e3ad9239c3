"""What is read without SQLAlchemy is what the ledger says: for every state, erased people, and a changed record."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from jit.ledger import Ledger, LedgerUnavailable, Question, connect, glance
from jit.ledger.privacy.erasing import erase
from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import ManualClock, Story, ledger_in
from tests.world.loading import HEAVY, loaded
from tests.world.servers import new_ledger
from tests.world.tamper import past_the_guards

pytestmark = pytest.mark.real


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """One request in each state that a request can be left in."""
    ledger = Ledger(connect(ledger_url), ManualClock())
    _fill(ledger)
    yield ledger
    ledger.engine.dispose()


def _fill(ledger: Ledger) -> None:
    told: list[Story] = []

    def story(number: int) -> Story:
        ledger.clock.move(seconds=1)  # type: ignore[attr-defined]
        told.append(Story(ledger, ledger.clock, f"R-000{number}", {"requester": f"U0{number}PERSON"}))
        return told[-1]

    story(1).asked()
    for number, steps in enumerate(
        (["approval", "approved"], ["approval", "approved", "intent"], ["denied"], ["withdrawn"], ["lapsed"]), start=2
    ):
        one = story(number)
        one.asked()
        for step in steps:
            getattr(one, step)()
    story(7).active()
    story(8).active().released()
    story(9).active()
    told[-1].ending()
    told[-1].ended()


def at_a_glance(ledger: Ledger, states: list[State], limit: int = 100):
    url = ledger.engine.url
    in_a_file = ledger.engine.dialect.name == "sqlite"
    where = Path(str(url.database)) if in_a_file else url.render_as_string(hide_password=False)
    return glance.requests(where, states, limit)


def test_it_says_what_the_ledger_says_in_the_same_order(ledger: Ledger):
    everything = ledger.requests(Question())
    assert len({request.state for request in everything}) > 7
    assert at_a_glance(ledger, []) == everything
    assert at_a_glance(ledger, [], limit=2) == everything[:2]
    for state in State:
        assert at_a_glance(ledger, [state]) == ledger.requests(Question(states=frozenset({state}))), state


def test_somebody_who_was_erased_is_not_named(ledger: Ledger):
    erase(ledger, "U09PERSON", legal_basis="Art. 17", actor="cli:somebody@here")
    [ended] = at_a_glance(ledger, [State.ENDED])
    assert ended.requester.startswith("erased:")
    assert at_a_glance(ledger, []) == ledger.requests(Question())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET body = {another} WHERE kind = 'granted'",
        "UPDATE entries SET body = CAST('x' AS {bytes}) WHERE kind = 'granted'",
        "UPDATE entries SET hash = 'none' WHERE kind = 'granted'",
        "DELETE FROM entries WHERE kind = 'grant.intent'",
        "DELETE FROM person_keys",
        "UPDATE made_by SET version = 1",
        "DROP TABLE made_by",
        "DROP TABLE requests",
    ],
)
def test_what_was_changed_is_left_to_the_ledger(ledger: Ledger, change: str):
    words = {
        "sqlite": {"another": "replace(CAST(body AS TEXT), 'orders', 'others')", "bytes": "BLOB"},
        "postgresql": {
            "another": "convert_to(replace(convert_from(body, 'UTF8'), 'orders', 'others'), 'UTF8')",
            "bytes": "BYTEA",
        },
    }[ledger.engine.dialect.name]
    with ledger.engine.begin() as connection, past_the_guards(connection):
        if ledger.engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE person_keys DISABLE TRIGGER USER"))
        connection.execute(text(change.format(**words)))
    with pytest.raises(glance.NotAtAGlance):
        at_a_glance(ledger, [])


def test_what_nobody_asked_for_hides_nothing(ledger: Ledger):
    """Some logins can write rows that are only for finding."""
    before = at_a_glance(ledger, [], limit=2)
    with ledger.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO requests SELECT 'R-ZZZZ', kind, state, version, 'U0ZZPERSON', access, target,"
                " asked_at + 9000000, ends_at, over_at, wakes_at, last_entry FROM requests WHERE id = 'R-0001'"
            )
        )
    assert at_a_glance(ledger, [], limit=2) == before


def test_a_file_with_an_odd_name_is_found(tmp_path: Path):
    ledger = ledger_in(tmp_path / "ledger #1?%41.db", ManualClock())
    _fill(ledger)
    assert at_a_glance(ledger, []) == ledger.requests(Question())


def test_a_postgresql_that_does_not_answer_is_not_asked_twice():
    with pytest.raises(LedgerUnavailable, match="OperationalError: ") as refused:
        glance.requests("postgresql://jit@127.0.0.1:1/jit", [])
    assert not isinstance(refused.value, glance.NotAtAGlance)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://jit:a@b@127.0.0.1:1/jit",
        "postgresql://jit:a/b@127.0.0.1:1/jit",
        "postgresql://jit:a?b@127.0.0.1:1/jit",
        "postgresql://jit:a:b@127.0.0.1:1/jit",
        "postgresql://jit:a/jit",
        "postgresql://jit@one,two/jit",
        "mysql://jit@127.0.0.1:1/jit",
        "sqlite://",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_left_to_the_ledger(url: str):
    with pytest.raises(glance.NotAtAGlance):
        glance.requests(url, [])


def test_where_there_is_no_ledger_none_is_made(tmp_path: Path):
    with pytest.raises(glance.NotAtAGlance):
        glance.requests(tmp_path / "ledger.db", [])
    assert [*tmp_path.iterdir()] == []


def test_a_ledger_that_somebody_writes_is_read_meanwhile(ledger: Ledger):
    before = at_a_glance(ledger, [])
    with ledger.engine.begin() as connection:
        connection.execute(text("DELETE FROM leases"))
        assert at_a_glance(ledger, []) == before


def test_list_imports_no_more_than_the_driver_where_the_ledger_is_postgresql(newest: EmbeddedPostgres):
    with new_ledger(newest) as url:
        engine = connect(url)
        _fill(Ledger(engine, ManualClock()))
        engine.dispose()
        loads = loaded(["list"], JIT_LEDGER_URL=url)
    assert loads & HEAVY == {"asyncio", "cryptography", "jit.facts", "jit.ledger", "psycopg", "pydantic"}
