"""What is read without SQLAlchemy is what the ledger says: for every state, erased people, and a changed record."""

from pathlib import Path

import pytest
from sqlalchemy import text

from jit.ledger import Ledger, Question, glance
from jit.ledger.privacy.erasing import erase
from jit.requests.lifecycle import State
from jit.testing import ManualClock, Story, ledger_in
from tests.world.tamper import past_the_guards


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """One request in each state that a request can be left in."""
    ledger = ledger_in(tmp_path / "ledger #1.db", ManualClock())
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
    return ledger


def at_a_glance(ledger: Ledger, states: list[State], limit: int = 100):
    return glance.requests(Path(str(ledger.engine.url.database)), states, limit)


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
        "UPDATE entries SET body = replace(CAST(body AS TEXT), 'orders', 'others') WHERE kind = 'granted'",
        "UPDATE entries SET body = CAST('{' AS BLOB) WHERE kind = 'granted'",
        "UPDATE entries SET hash = 'none' WHERE kind = 'granted'",
        "DELETE FROM entries WHERE kind = 'grant.intent'",
        "DELETE FROM person_keys",
        "UPDATE made_by SET version = 1",
        "DROP TABLE made_by",
        "DROP TABLE requests",
    ],
)
def test_what_was_changed_is_left_to_the_ledger(ledger: Ledger, change: str):
    with ledger.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text(change))
    with pytest.raises(glance.NotAtAGlance):
        at_a_glance(ledger, [])


def test_where_there_is_no_ledger_none_is_made(tmp_path: Path):
    with pytest.raises(glance.NotAtAGlance):
        glance.requests(tmp_path / "ledger.db", [])
    assert [*tmp_path.iterdir()] == []


def test_a_ledger_that_somebody_writes_is_read_meanwhile(ledger: Ledger):
    before = at_a_glance(ledger, [])
    with ledger.engine.begin() as connection:
        connection.execute(text("DELETE FROM leases"))
        assert at_a_glance(ledger, []) == before
